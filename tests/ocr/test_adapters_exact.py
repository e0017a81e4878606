"""Any adapter anywhere leaves the text at four turns the same; off is the base, bit for bit.

The theorems of the layers are in tests/lora/test_theorems.py, in float64. Here adapters are random
and nowhere 0, on the shipped models: of each kind, with new characters, summed, and chosen.
"""

from pathlib import Path

import numpy as np
import pytest
import torch
from PIL import Image

from isotrope import Reader
from isotrope.io.images import load_pixels
from isotrope.lora import add_adapter, add_characters, save_adapter
from isotrope.ocr.gsanet.loading import load_recognizer
from isotrope.ocr.loading import shipped, shipped_adapters
from isotrope.ocr.reading import TURNS
from isotrope.ocr.recognition.store import load_model

SAMPLES = sorted((Path(__file__).parents[2] / "samples").glob("*.png"))
ENGINES = {
    "small": {"model": "small", "threads": 1},
    "tiny": {"model": "tiny", "threads": 1},
    "gsanet": {"engine": "gsanet", "runtime": "torch", "beams": 1},
}
NAMES = ("small", "tiny", pytest.param("gsanet", marks=pytest.mark.slow))

SCALES = {"small": 0.03, "tiny": 0.01, "gsanet": 0.03}
"""Of the random numbers: with larger ones there is no text left to compare."""

ADAPTERS = ("{0}/lora", "{0}/dora", "0.6*{0}/lora+0.8*{0}/dora", "auto:{0}")
"""Of each model, in the folder {0}; `auto` has the choice of all of them."""


@pytest.fixture(scope="module")
def folder(tmp_path_factory):
    folder = tmp_path_factory.mktemp("adapters")
    for name in ENGINES:
        for method in ("lora", "dora"):
            model = load_recognizer() if name == "gsanet" else load_model(shipped(name))
            adapted = add_adapter(model, rank=2, method=method)
            if method == "lora" and name != "gsanet":
                add_characters(adapted, "Ωж")
            torch.manual_seed(len(method + name))
            with torch.no_grad():
                for key, parameter in adapted.named_parameters():
                    if ".lora_" in key or "new_rows" in key:
                        parameter.add_(SCALES[name] * torch.randn_like(parameter))
            save_adapter(adapted, folder / name / method)
    return folder


@pytest.fixture(scope="module")
def readers():
    return {name: Reader.from_pretrained(**options) for name, options in ENGINES.items()}


def page():
    """Lines in two columns, one of them running up."""
    canvas = np.full((340, 420, 3), 255, np.uint8)
    for sample, top, left in ((0, 20, 20), (6, 80, 20), (5, 140, 20), (9, 200, 20), (4, 20, 350)):
        pixels = load_pixels(SAMPLES[sample])
        canvas[top : top + pixels.shape[0], left : left + pixels.shape[1]] = pixels
    return canvas


@pytest.mark.parametrize("adapter", ADAPTERS)
@pytest.mark.parametrize("name", NAMES)
def test_lines(folder, readers, name, adapter):
    reader = readers[name].with_adapter(adapter.format(folder / name))
    images = [SAMPLES[n] for n in (0, 6, 9)]
    flat = list(reader.stream(images, turns=TURNS))
    read = [flat[4 * n : 4 * n + 4] for n in range(len(images))]
    for upright, *turned in read:
        assert upright.text
        for degrees, other in zip(TURNS[1:], turned, strict=True):
            assert (other.text, other.adapter) == (upright.text, upright.adapter)
            assert other.orientation == (upright.orientation + degrees) % 360
            assert other.confidence == pytest.approx(upright.confidence, abs=1e-4)
    base = readers[name].read(images)
    if "auto" not in adapter:
        assert [four[0].characters for four in read] != [each.characters for each in base]
    assert reader.with_adapter(None).read(images) == base  # bit for bit
    assert readers[name].read(images) == base


@pytest.mark.parametrize("adapter", ADAPTERS[2:])
@pytest.mark.parametrize("name", NAMES)
def test_pages(folder, readers, name, adapter):
    reader = readers[name].with_adapter(adapter.format(folder / name))
    pages = [np.ascontiguousarray(np.rot90(page(), degrees // 90)) for degrees in TURNS]
    upright, *turned = reader.read_pages(pages)
    assert len(upright.text) > 20
    named = (None, "lora", "dora", "0.6*lora+0.8*dora", *(of.name for of in shipped_adapters(name)))
    assert upright.adapter in named
    for degrees, other in zip(TURNS[1:], turned, strict=True):
        assert other == upright.turned(degrees)


def test_which_one_is_chosen_is_seen(folder, readers):
    """The choice is not always none: by words that the base does not read so well."""
    reader = readers["small"].with_adapter(f"auto:{folder / 'small'}")
    noise = np.random.default_rng(0).integers(0, 256, (40, 400, 3), np.uint8)
    images = [np.asarray(Image.open(sample).convert("RGB")) for sample in SAMPLES] + [noise]
    assert {reading.adapter for reading in reader.read(images)} - {None}
