"""A recipe and a set of lines small enough to train in a test."""

import pytest
from PIL import Image, ImageDraw

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


@pytest.fixture
def drawn_lines(tmp_path):
    """Makes a folder of labeled lines: their texts, and by how many pixels each is wider."""

    def make(texts, wider):
        folder = tmp_path / "lines"
        folder.mkdir()
        for number, text in enumerate(texts):
            image = Image.new("L", (50 + wider * number, 30), 230)
            ImageDraw.Draw(image).text((4, 8), text.replace("Ω", "O"), fill=20)
            image.save(folder / f"{number}.png")
        rows = "".join(f"{number}.png\t{text}\n" for number, text in enumerate(texts))
        (folder / "labels.tsv").write_text(rows, encoding="utf-8")
        return folder

    return make
