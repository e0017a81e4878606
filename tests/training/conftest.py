"""A recipe small enough to train in a test."""

import pytest

pytest.importorskip("skia", reason="training renders text with skia-python")
pytest.importorskip("lightning", reason="training runs on Lightning Fabric")

from isotrope.data.synthetic.fonts import font_families
from isotrope.training.config import RecognitionConfig

TINY = {
    "encoder": {
        "group": "C4",
        "patch": (8, 8, 0),
        "stages": [{"mixer": "gsa", "depth": 1, "dim": 16, "heads": 1, "encoding": "rotary"}],
    },
    "decoder": {"dim": 16, "layers": 1, "heads": 1, "dropout": 0.0},
    "batch_pixels": 6 * 32 * 96,
    "samples": 24,
    "warmup": 8,
    "workers": 0,
    "validation_words": 4,
    "precision": "32-true",
}


@pytest.fixture
def recipe():
    """Makes a tiny recipe, with changes."""
    try:
        if not all(font_families(split) for split in ("train", "valid")):
            pytest.skip("too few fonts on this machine: none is held out")
    except FileNotFoundError as error:
        pytest.skip(f"no fonts to render: {error}")
    return lambda **changes: RecognitionConfig(**(TINY | changes))
