"""Pixels of Pillow become arrays band by band."""

import numpy as np
import pytest
from PIL import Image

from isotrope.io import unpacking
from isotrope.io.images import load_pixels
from isotrope.io.unpacking import unpacked


@pytest.mark.parametrize(("mode", "channels"), [("L", 1), ("LA", 2), ("RGB", 3), ("RGBA", 4)])
@pytest.mark.parametrize("band", [1, 20, 64, 10**6])
def test_bands_give_the_same_pixels(mode, channels, band, monkeypatch):
    monkeypatch.setattr(unpacking, "_BAND", band)
    values = np.random.default_rng(0).integers(0, 256, (13, 9, channels), np.uint8)
    image = Image.fromarray(values.squeeze())
    assert image.mode == mode
    pixels = unpacked(image)
    assert np.array_equal(pixels, values)
    assert pixels.flags.owndata
    assert pixels.flags.writeable


def test_arrays_are_copied_unless_that_is_declined():
    values = np.random.default_rng(0).integers(0, 256, (13, 9, 3), np.uint8)
    assert not np.shares_memory(load_pixels(values), values)
    assert load_pixels(values, copy=False) is values
    turned = load_pixels(np.rot90(values), copy=False)
    assert turned.flags.c_contiguous
    assert np.array_equal(turned, np.rot90(values))
