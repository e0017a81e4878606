"""The segmentation task: what windows hold, that it learns, and its recipe."""

from pathlib import Path

import numpy as np
import pytest
import torch

pytest.importorskip("skimage", reason="watersheds are scikit-image's")
pytest.importorskip("lightning", reason="training runs on Lightning Fabric")

from isotrope.data.instances import load_instances
from isotrope.models.segmenter import Segmenter, SegmenterConfig
from isotrope.training.engine import Engine
from isotrope.training.recipe_file import load_recipe
from isotrope.training.tasks.segmentation import instance_scores
from isotrope.training.tasks.segmentation_recipe import SegmentationRecipe

from .discs import BACKBONE, write_discs

RECIPES = Path(__file__).parents[3] / "recipes"
TINY = {
    "model": BACKBONE,
    "data": {"size": 32, "group": 8, "parts": 2},
    "optimizer": {"learning_rate": 1e-2, "ema": 0.8},
    "schedule": {"examples": 16},
    "run": {"workers": 0, "precision": "32-true"},
}


@pytest.fixture(scope="module")
def data(tmp_path_factory):
    return write_discs(tmp_path_factory.mktemp("discs"))


def recipe(**changes) -> SegmentationRecipe:
    groups = {name: TINY.get(name, {}) | changes.get(name, {}) for name in {**TINY, **changes}}
    return SegmentationRecipe.model_validate(groups)


def engine(folder, out, **changes):
    made = recipe(**changes)
    return Engine(made.task(folder), made, out)


def test_windows_hold_pixels_and_distances_of_the_same_place(data):
    task = recipe(data={"light": 0.0}).task(data)
    (batch, _) = task.stream(0, 0, 1).group(0).batches
    assert batch["pixels"].shape == (4, 3, 32, 32)
    inside, pixels = batch["distance"] > 0, batch["pixels"][:, 0] / 1000
    assert pixels[inside].mean() - pixels[~inside].mean() > 0.5
    assert batch["distance"].max() <= 1000
    again = task.stream(0, 0, 1).group(0).batches[0]
    assert torch.equal(batch["pixels"], again["pixels"])


def test_windows_are_turned_and_lit_as_the_recipe_says(data):
    draws = {}
    for how in ("none", "turns", "mirrors"):
        task = recipe(data={"augment": how, "light": 0.0, "size": 48}).task(data)
        task.images, task.contrasts = task.images[:1], task.contrasts[:1]
        deep = task.images[0][1][:, 8:56]
        task.images = [(task.images[0][0][:, :, 8:56], deep)]
        seen = [task.draw(np.random.default_rng(n)).known for n in range(60)]
        turns = [torch.rot90(deep, k) for k in range(4)]
        copies = [*turns, *(turn.flip(1) for turn in turns)]
        found = [next(i for i, copy in enumerate(copies) if copy.equal(each)) for each in seen]
        draws[how] = set(found)
    assert draws == {"none": {0}, "turns": set(range(4)), "mirrors": set(range(8))}
    task = recipe(data={"light": 0.5}).task(data)
    spread = [float(task.draw(np.random.default_rng(n)).pixels.std()) for n in range(20)]
    assert max(spread) > 2 * min(spread)


def test_images_smaller_than_a_window_are_padded(data):
    task = recipe(data={"size": 96}).task(data)
    window = task.draw(np.random.default_rng(0))
    assert window.pixels.shape == (3, 96, 96)
    assert (window.known[48:] == 0).all()


def test_it_learns_discs_and_finds_the_same_at_every_turn(data, tmp_path):
    run = engine(data, tmp_path, schedule={"examples": 640}, data={"group": 16})
    run.fit()
    assert run.rows[-1]["ap50"] > 0.4
    assert run.rows[-1]["aji"] > 0.5
    assert run.rows[-1]["ap"] < run.rows[-1]["ap50"]
    model = Segmenter.from_pretrained(tmp_path / "model")
    valid = load_instances(data, "valid")
    scores = instance_scores(model, valid)
    assert {name: round(value, 4) for name, value in scores.items()}.items() <= run.kept.items()
    found = model.instances(valid[0].pixels)
    for h in model.group.elements:
        turned = model.instances(model.group.act_image(h, valid[0].pixels))
        assert np.array_equal(turned, model.group.act_image(h, torch.from_numpy(found)).numpy())


def test_a_run_in_64_bits_is_kept_in_64_bits(data, tmp_path):
    engine(data, tmp_path, run={"workers": 0, "precision": "64-true"}).fit()
    model = Segmenter.from_pretrained(tmp_path / "model")
    assert next(model.parameters()).dtype == torch.float64


def test_a_run_begins_with_weights_that_are_given(data, tmp_path):
    first = engine(data, tmp_path / "first")
    first.task.save(first.task.model, tmp_path / "model")
    start = {"start": str(tmp_path / "model")}
    again = recipe(model=start, run={"seed": 1}).task(data).model
    name = "backbone.embed.weight"
    assert torch.equal(again.state_dict()[name], first.task.model.state_dict()[name])
    with pytest.raises(ValueError, match="has another backbone than the recipe; give weights of"):
        recipe(model={**start, "norm": "layer"}).task(data)
    Segmenter(SegmenterConfig(first.task.model.config.backbone, maps=3)).save_pretrained(
        tmp_path / "model"
    )
    with pytest.raises(ValueError, match=r"has maps=3, vectors=False; give weights with maps=2"):
        recipe(model=start).task(data)


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"model": {"classes": 3}}, "classes: the task sets it; leave it out"),
        ({"model": {"group": "C8"}}, r"CyclicGroup\(8\) turns between pixels; use C1, C2"),
        ({"model": {"depth": 3}}, "unexpected keyword argument 'depth'; give fields of Equi"),
    ],
)
def test_errors_name_value_rule_and_remedy(changes, message):
    with pytest.raises(ValueError, match=message):
        recipe(**changes)


def test_every_peak_may_be_an_instance():
    assert recipe(model={"rise": 0}).model.config().watershed.rise == 0


def test_windows_must_fit_the_model(data):
    message = "data.size=30 is not a multiple of 4, the model's unit; give 32"
    with pytest.raises(ValueError, match=message):
        recipe(data={"size": 30}).task(data)


@pytest.mark.parametrize("path", sorted(RECIPES.glob("nuclei-d4.toml")), ids=lambda path: path.stem)
def test_recipes_load(path):
    assert load_recipe(SegmentationRecipe, path).model.config().backbone.symmetry.order == 8
