"""A slanted line comes out level and without the ground around it."""

import numpy as np
import pytest
from PIL import Image

from isotrope.ocr.rectify import rectified


def bar(background=(230, 225, 210)):
    """A dark bar of 160 x 8 px on plain ground."""
    pixels = np.full((60, 220, 3), background, np.uint8)
    pixels[26:34, 30:190] = 20
    return pixels


@pytest.mark.parametrize("slant", [-20, -3, 3, 12.5, 30])
def test_it_is_level_and_trimmed(slant):
    turned = Image.fromarray(bar()).rotate(
        slant, Image.Resampling.BICUBIC, expand=True, fillcolor=(230, 225, 210)
    )
    level = rectified(np.asarray(turned), slant)
    rows, columns = level.shape[:2]
    assert 8 <= rows <= 16
    assert 156 <= columns <= 172
    assert level.flags["C_CONTIGUOUS"]
    assert level[rows // 2, 10:-10].max() < 60  # ink from end to end
    wrong = rectified(np.asarray(turned), -slant)
    assert wrong.shape[0] > rows + 5  # negative control


def test_an_image_of_ground_alone_is_kept():
    plain = np.full((10, 30, 3), 200, np.uint8)
    level = rectified(plain, 10.0)
    assert level.shape[0] > 10
    assert (level == 200).all()
