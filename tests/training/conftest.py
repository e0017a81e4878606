"""A recipe small enough to train in a test."""

import pytest

pytest.importorskip("skia", reason="training renders text with skia-python")
pytest.importorskip("lightning", reason="training runs on Lightning Fabric")

from isotrope.data.synthetic.fonts import font_families
from isotrope.training.tasks.sequence_recipe import SequenceRecipe

STAGE = {"mixer": "gsa", "depth": 1, "dim": 16, "heads": 1, "encoding": "rotary"}
TINY = {
    "model": {
        "encoder": {"group": "C4", "patch": (8, 8, 0), "stages": [STAGE]},
        "decoder": {"dim": 16, "layers": 1, "heads": 1, "dropout": 0.0},
    },
    "data": {"batch_pixels": 6 * 32 * 96, "group": 12, "validation_words": 4},
    "schedule": {"examples": 24, "warmup": 0.3},
    "run": {"workers": 0, "precision": "32-true"},
}


@pytest.fixture
def recipe():
    """Makes a tiny recipe; changes are groups of fields."""
    try:
        if not all(font_families(split) for split in ("train", "valid")):
            pytest.skip("too few fonts on this machine: none is held out")
    except FileNotFoundError as error:
        pytest.skip(f"no fonts to render: {error}")

    def make(**changes):
        names = TINY | changes
        groups = {name: TINY.get(name, {}) | changes.get(name, {}) for name in names}
        return SequenceRecipe.model_validate(groups)

    return make
