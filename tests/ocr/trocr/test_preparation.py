"""Pixels are prepared as transformers' own image processors prepare them."""

import json

import numpy as np
import pytest
import torch
import transformers
from PIL import Image

from isotrope.ocr.trocr.preparation import Preparation


def line():
    return np.random.default_rng(0).integers(0, 256, (30, 200, 3), np.uint8)


@pytest.mark.parametrize("layout", ["base", "small", "again"])
def test_as_transformers(trocr, layout):
    name = "DeiTImageProcessor" if layout == "small" else "ViTImageProcessor"
    kind = getattr(transformers, f"{name}Pil", None) or getattr(transformers, name)
    file = "processor_config.json" if layout == "again" else "preprocessor_config.json"
    values = json.loads((trocr(layout) / file).read_text())
    theirs = kind(**values.get("image_processor", values))(Image.fromarray(line()))
    ours = Preparation.from_folder(trocr(layout), 384)
    pixels = ours.values(torch.from_numpy(ours.squashed(line()))[None])[0]
    np.testing.assert_allclose(pixels, theirs["pixel_values"][0], atol=1e-6)


def test_what_the_file_does_not_say_is_as_published(tmp_path):
    made = Preparation.from_folder(tmp_path, [48, 96])
    assert made == Preparation((48, 96))
    assert made.squashed(line()).shape == (48, 96, 3)


def test_the_middle_is_kept(tmp_path):
    values = {"size": 40, "crop_size": 32, "do_center_crop": True, "do_normalize": False}
    (tmp_path / "preprocessor_config.json").write_text(json.dumps(values))
    made = Preparation.from_folder(tmp_path, 32)
    whole = Image.fromarray(line()).resize((40, 40), Image.Resampling.BILINEAR)
    np.testing.assert_array_equal(made.squashed(line()), np.asarray(whole)[4:36, 4:36])
    assert made.values(torch.full((1, 1, 1, 3), 255, dtype=torch.uint8)).unique() == 1.0


@pytest.mark.parametrize(
    ("values", "message"),
    [
        ('{"size": 224}', "makes images of 224x224, and the encoder takes 384x384"),
        ('{"size": {"shortest_edge": 384}}', "is broken .KeyError: 'height'"),
        ('{"resample": 9}', "is broken .ValueError"),
        ("{", "is broken"),
    ],
)
def test_a_wrong_file_is_named(tmp_path, values, message):
    (tmp_path / "preprocessor_config.json").write_text(values)
    with pytest.raises(ValueError, match=message):
        Preparation.from_folder(tmp_path, 384)
