"""Where long lines are cut."""

import numpy as np
from hypothesis import given
from hypothesis import strategies as st

from isotrope.ocr.recognition.pieces import pieces


@given(st.integers(8, 60), st.integers(1, 3000), st.integers(0, 2**32 - 1))
def test_pieces_are_the_line_and_fit(rows, columns, seed):
    line = np.random.default_rng(seed).integers(0, 256, (rows, columns, 3), np.uint8)
    parts = list(pieces(line, 48, 800))
    assert np.array_equal(np.concatenate(parts, axis=1), line)
    assert all(part.shape[1] * 48 <= 800 * rows + 48 * rows for part in parts)


def test_a_line_is_cut_in_its_space():
    line = np.random.default_rng(0).integers(0, 256, (48, 1000, 3), np.uint8)
    line[:, 700:740] = 255
    first, _ = pieces(line, 48, 800)
    assert 700 < first.shape[1] < 740
