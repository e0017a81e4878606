"""Four threads on one reader: the texts of one thread, and weights that nobody moved."""

from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from threading import Barrier

import pytest
import torch

from isotrope import Reader

SAMPLES = sorted((Path(__file__).parents[2] / "samples").glob("*.png"))[:4]
THREADS = 4


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
    assert together == [alone] * THREADS
    assert all(torch.equal(model.state_dict()[name], tensor) for name, tensor in before.items())
