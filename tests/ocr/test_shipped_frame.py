"""The shipped finder, `small`, `tiny` and adapters on the samples: the right text at four turns."""

import pytest

from isotrope import Reader
from isotrope.ocr.loading import SHIPPED
from tests.ocr.test_shipped import SAMPLES, TRUTH, TURNS

ADAPTERS = ("fraktur", "testaments", "typescript")


def read(**options) -> dict[str, list]:
    """For each sample its readings at the four turns."""
    flat = list(Reader.from_pretrained(threads=1, **options).stream(SAMPLES, turns=TURNS))
    return {path.stem: flat[4 * i : 4 * i + 4] for i, path in enumerate(SAMPLES)}


def texts(four: list) -> set[str]:
    return {reading.text for reading in four}


def test_small_is_the_default_and_reads_every_sample_right_at_every_turn():
    for name, four in read().items():
        assert texts(four) == {TRUTH[name][1]}
        found = [reading.orientation for reading in four]
        assert found == [(TRUTH[name][0] + turn) % 360 for turn in TURNS]
        assert max(r.confidence for r in four) - min(r.confidence for r in four) < 1e-3


def test_tiny_reads_most_samples_right_and_all_alike():
    readings = read(model="tiny")
    assert all(len(texts(four)) == 1 for four in readings.values())
    assert sum(texts(four) == {TRUTH[name][1]} for name, four in readings.items()) >= 10


@pytest.mark.parametrize("name", ADAPTERS)
def test_with_an_adapter_texts_are_the_same_at_four_turns(name):
    readings = read(adapter=name)
    assert all(len(texts(four)) == 1 for four in readings.values())
    card = (SHIPPED / "small" / "adapters" / name / "README.md").read_text(encoding="utf-8")
    assert f"isotrope read --adapter {name} IMAGES" in card


def test_an_adapter_changes_what_is_read():
    def sure(**options) -> list[float]:
        return [four[0].confidence for four in read(**options).values()]

    assert sure() != sure(adapter="fraktur")


def test_the_weights_stay_small():
    files = [path for path in SHIPPED.rglob("*") if path.is_file()]
    assert sum(path.stat().st_size for path in files) < 32_000_000
