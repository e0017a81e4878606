"""`AutoProcessor` of a line recognizer."""

from pathlib import Path

import numpy as np
import pytest
import torch
from transformers import AutoModel, AutoProcessor

import isotrope.auto  # noqa: F401
from isotrope import Reader
from isotrope.io.images import ImageError, load_pixels
from isotrope.io.resize import turn
from isotrope.ocr.loading import shipped
from isotrope.ocr.pretrained.processor import LineProcessor

SAMPLES = Path(__file__).parents[3] / "samples"
SAMPLE = SAMPLES / "07-rendered-souverainete.png"


@pytest.fixture(scope="module")
def processor():
    processor = AutoProcessor.from_pretrained(shipped("small"))
    assert type(processor) is LineProcessor
    return processor


@torch.no_grad()
def test_a_turned_image_gives_the_same_pixels_and_the_text_of_the_reader(processor):
    model = AutoModel.from_pretrained(shipped("small"))
    pixels = load_pixels(SAMPLE)
    made = [processor(turn(pixels, d), return_tensors="pt") for d in (0, 90, 180, 270)]
    assert all(torch.equal(each.pixel_values, made[0].pixel_values) for each in made)
    (text,) = processor.batch_decode(model(**made[0]).logits)
    ids = model.generate(**processor(SAMPLE, text="", return_tensors="pt"))
    assert processor.post_process_image_text_to_text(ids) == [text]
    assert text == Reader.from_pretrained().read(SAMPLE)[0].text == "Souveraineté"


def test_without_a_finder_images_stay_as_they_lie():
    processor = AutoProcessor.from_pretrained(shipped("small"), finder=None)
    pixels = load_pixels(SAMPLE)
    upright, down = (processor(turn(pixels, d)).pixel_values[0] for d in (180, 0))
    assert upright.shape == down.shape
    assert not np.allclose(upright, down)


def test_images_of_several_widths_make_a_list_and_no_tensor(processor):
    images = [np.full((40, width, 3), 255, np.uint8) for width in (100, 300)]
    found = processor(images).pixel_values
    assert [each.shape for each in found] == [(3, 48, 160), (3, 48, 384)]
    with pytest.raises(
        ValueError, match="images of widths 160, 384 px do not make one tensor; give one"
    ):
        processor(images, return_tensors="pt")


def test_an_image_that_cannot_be_opened(processor, tmp_path):
    with pytest.raises(ImageError, match=r"none\.png"):
        processor(tmp_path / "none.png")


def test_saving_it_needs_no_file(processor, tmp_path):
    assert processor.save_pretrained(tmp_path) == []
    assert list(tmp_path.iterdir()) == []
