"""Images as tensors: the same values as in numpy, and sizes that commute with turns."""

import io

import numpy as np
import pytest
import torch
from PIL import Image

from isotrope.data.images import load_image, prepare
from isotrope.io.images import ImageError, load_unit


@pytest.mark.parametrize("shape", [(5, 7), (5, 7, 3), (5, 7, 4)])
def test_a_loaded_image_is_the_array_with_its_channels_first(shape):
    pixels = np.random.default_rng(0).integers(0, 256, shape, dtype=np.uint8)
    image = load_image(pixels)
    assert image.is_contiguous()
    assert torch.equal(image, torch.from_numpy(load_unit(pixels)).permute(2, 0, 1))
    assert torch.equal(load_image(image), image)


def test_encoded_images():
    pixels, file = np.random.default_rng(0).integers(0, 256, (5, 7), dtype=np.uint8), io.BytesIO()
    Image.fromarray(pixels).save(file, "png")
    assert torch.equal(load_image(file.getvalue()), load_image(pixels))
    with pytest.raises(ImageError, match=r"^no image that can be opened"):
        load_image(b"png")


SIZES = [(48, 48), (47, 161), (33, 400), (7, 9), (2, 20), (301, 150), (64, 65), (1000, 91)]


@pytest.mark.parametrize("size", SIZES)
@pytest.mark.parametrize("turns", [0, 1, 2, 3])
def test_prepare_commutes_with_turns_and_mirrors(size, turns):
    image = torch.rand(3, *size, generator=torch.Generator().manual_seed(0))
    for flipped in (image, image.flip(-1)):
        turned = torch.rot90(flipped, turns, (-2, -1))
        expected = prepare(image, 32, 8, 16)
        expected = expected.flip(-1) if flipped is not image else expected
        expected = torch.rot90(expected, turns, (-2, -1))
        actual = prepare(turned, 32, 8, 16)
        assert actual.shape == expected.shape
        assert (actual - expected).abs().max() < 1e-6


def test_prepare_commutes_on_the_longest_line():
    image = torch.rand(3, 625, 10000, generator=torch.Generator().manual_seed(0))
    error = prepare(image.rot90(2, (-2, -1)), 32, 8, 16) - prepare(image, 32, 8, 16).rot90(
        2, (-2, -1)
    )
    assert error.abs().max() < 1e-6


@pytest.mark.parametrize(
    ("size", "expected"),
    [
        ((32, 32), (32, 32)),
        ((32, 35), (32, 32)),
        ((32, 36), (32, 40)),  # half-way between 32 and 40: up
        ((32, 44), (32, 48)),  # half-way between 40 and 48: up
        ((64, 1024), (32, 512)),
        ((1024, 64), (512, 32)),
        ((5, 6), (32, 40)),
        ((100, 101), (32, 32)),
    ],
)
def test_prepared_size(size, expected):
    image = prepare(torch.rand(3, *size), 32, 8, 16)
    assert image.shape == (3, *expected)
    assert image.dtype == torch.float32
    assert image.min() >= 0
    assert image.max() <= 1


def test_prepare_keeps_an_image_of_the_right_size():
    image = torch.rand(3, 32, 96)
    torch.testing.assert_close(prepare(image, 32, 8, 16), image)


def test_prepare_refuses_what_cannot_be_read():
    for rows, columns in [(1, 1), (1, 30), (30, 1)]:
        with pytest.raises(ImageError, match=rf"^{columns}x{rows} px: too small .* at least 2 px"):
            prepare(torch.rand(3, rows, columns), 32, 8, 16)
    message = "20000x48 px is 416.7 times longer than high; the reader takes up to 16: cut it into"
    with pytest.raises(ImageError, match=message):
        prepare(torch.zeros(3, 48, 20000), 32, 8, 16)
    with pytest.raises(ImageError, match=r"48x20000 px is 416\.7 times higher than wide"):
        prepare(torch.zeros(3, 20000, 48), 32, 8, 16)
