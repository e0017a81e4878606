"""Four threads on one reader: the texts of one thread, and weights that nobody moved."""

from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from pathlib import Path
from threading import Barrier

import pytest
import torch

from isotrope import Reader

SAMPLES = sorted((Path(__file__).parents[2] / "samples").glob("*.png"))[:4]
THREADS = 4


def assert_same(reading, other):
    """Everything is the same, the probabilities up to rounding: busy cores may split products."""
    exact = replace(reading, confidence=other.confidence, characters=other.characters)
    assert exact == other
    assert reading.confidence == pytest.approx(other.confidence, abs=1e-5)
    assert reading.characters == pytest.approx(other.characters, abs=1e-5)


@pytest.mark.parametrize("adapter", [None, "typescript"])
@pytest.mark.parametrize(
    "options", [{}, {"engine": "gsanet", "runtime": "torch"}], ids=["isotrope", "gsanet"]
)
def test_four_threads_read_as_one(options, adapter):
    reader = Reader.from_pretrained(adapter=adapter, **options)
    model = getattr(reader.engine, "recognizer", torch.nn.Module())
    before = {name: tensor.clone() for name, tensor in model.state_dict().items()}
    barrier = Barrier(THREADS)

    def read(number):
        barrier.wait()
        order = SAMPLES[number:] + SAMPLES[:number]  # each at another image
        return dict(zip(order, reader.read(order, batch_size=1), strict=True))

    with ThreadPoolExecutor(THREADS) as pool:
        together = list(pool.map(read, range(THREADS)))
    alone = dict(zip(SAMPLES, reader.read(SAMPLES, batch_size=1), strict=True))
    assert any(reading.text for reading in alone.values())
    for readings in together:
        for sample, reading in readings.items():
            assert_same(reading, alone[sample])
    assert all(torch.equal(model.state_dict()[name], tensor) for name, tensor in before.items())
