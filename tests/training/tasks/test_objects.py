"""Boxes of discs are learned in seconds, and turn with the image."""

from pathlib import Path

import numpy as np
import pytest

pytest.importorskip("skimage", reason="connected parts are scikit-image's")
pytest.importorskip("lightning", reason="training runs on Lightning Fabric")

from isotrope.data.instances import load_instances
from isotrope.models.boxes import turned_box
from isotrope.models.detector import Detector
from isotrope.training.engine import Engine
from isotrope.training.recipe_file import load_recipe
from isotrope.training.tasks.object_recipe import ObjectRecipe
from isotrope.training.tasks.objects import box_precision

from .discs import BACKBONE, write_discs

RECIPES = Path(__file__).parents[3] / "recipes"
TINY = {
    "model": BACKBONE,
    "data": {"size": 32, "group": 16, "parts": 4},
    "optimizer": {"learning_rate": 1e-2, "ema": 0.8},
    "schedule": {"examples": 640},
    "run": {"workers": 0, "precision": "32-true"},
}


@pytest.fixture(scope="module")
def data(tmp_path_factory):
    return write_discs(tmp_path_factory.mktemp("discs"))


def test_it_learns_discs_and_finds_the_turned_boxes(data, tmp_path):
    recipe = ObjectRecipe.model_validate(TINY)
    run = Engine(recipe.task(data), recipe, tmp_path)
    run.fit()
    assert run.rows[-1]["ap50"] > 0.6
    model = Detector.from_pretrained(tmp_path / "model").double()
    pixels = load_instances(data, "valid")[0].pixels
    found = boxes(model, pixels)
    assert len(found) >= 2
    for h in model.group.elements:
        expected = sorted(turned_box(box, h, pixels.shape[1:]).sides for box in found)
        got = sorted(box.sides for box in boxes(model, model.group.act_image(h, pixels)))
        np.testing.assert_allclose(got, expected, rtol=0, atol=1e-9)


def boxes(model, pixels):
    """In float64, which the conversion of bytes would otherwise leave."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr("isotrope.models.detector.stretched", lambda x: (x.double() - 40) / 120)
        return model.boxes(pixels)


def test_windows_cut_boxes_and_draw_their_maps(data):
    task = ObjectRecipe.model_validate(TINY).task(data)
    batch = task.stream(0, 0, 1).group(0).batches[0]
    assert batch["core"].shape == (4, 16, 16)
    assert batch["sides"].shape == (4, 4, 16, 16)
    widths = (batch["sides"] / 1000).exp()[:, [0, 2]].sum(1)[batch["core"] > 0]
    assert widths.min() >= 1
    assert widths.max() <= 17


def test_precision_counts_pairs_once():
    true = np.array([[0.0, 0, 10, 10], [20, 0, 30, 10]])
    assert box_precision(true, true[::-1]) == 1
    assert box_precision(true, np.concatenate([true, true])) == 2 / 4
    assert box_precision(true, true[:1] * 1.2) == 1 / 2
    assert box_precision(true, np.zeros((0, 4))) == 0
    assert box_precision(true[:0], true[:0]) == 1


@pytest.mark.parametrize("path", sorted(RECIPES.glob("nuclei-boxes.toml")), ids=lambda p: p.stem)
def test_recipes_load(path):
    config = load_recipe(ObjectRecipe, path).model.config()
    count = sum(p.numel() for p in Detector(config).parameters())
    assert f"{count / 1000:.0f},000 parameters" in path.read_text()


def test_a_group_that_cannot_name_four_sides_is_refused():
    with pytest.raises(ValueError, match=r"CyclicGroup\(8\) does not turn one side of a box into"):
        ObjectRecipe.model_validate({"model": {"group": "C8"}})


def test_windows_must_fit_the_model(data):
    made = ObjectRecipe.model_validate({**TINY, "data": {"size": 30}})
    with pytest.raises(ValueError, match=r"data.size=30 is not a multiple of 4, the model's unit"):
        made.task(data)
