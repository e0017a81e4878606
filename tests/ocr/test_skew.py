"""Skew is measured to a fraction of a degree."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from PIL import Image

from isotrope.ocr.skew import skew


def line(seed: int, columns: int = 600, rows: int = 40) -> np.ndarray:
    """Blots between a base line and the height of small letters, some of them taller."""
    rng = np.random.default_rng(seed)
    pixels = np.full((rows, columns, 3), 240, np.uint8)
    x = 8
    while x < columns - 20:
        width, tall = int(rng.integers(4, 12)), rng.random() < 0.3
        pixels[(6 if tall else 14) : 30, x : x + width] = 30
        x += width + int(rng.integers(3, 9))
    return pixels


@settings(max_examples=20, deadline=None)
@given(st.integers(0, 999), st.floats(-7, 7))
def test_a_turned_line_is_measured(seed, degrees):
    turned = Image.fromarray(line(seed)).rotate(
        degrees, Image.Resampling.BICUBIC, expand=True, fillcolor=(240, 240, 240)
    )
    assert skew(np.asarray(turned)) == pytest.approx(degrees, abs=0.35)


def test_blank_paper_is_level():
    assert skew(np.full((40, 400, 3), 200, np.uint8)) == 0
