"""The few lines of a page that tell most about its script or hand. No torch."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from isotrope.ocr.pages.strips import Strip

LINES = 6
"""Number of lines that are looked at: more of them choose no better."""

SHORT, LONG = 5.0, 40.0
"""Length of a line, in heights: shorter ones say little, longer ones take long."""


def telling(strips: Sequence[Strip], most: int = LINES) -> list[np.ndarray]:
    """Choose lines of usual length, spread over a page.

    Args:
        strips: The lines, in any order that does not depend on how the page lies.
        most: How many are wanted.

    Returns:
        Their images; all those of a suitable length if they are few.
    """
    lengths = np.array([width / height for width, height in (strip.size for strip in strips)])
    suitable = np.flatnonzero((lengths >= SHORT) & (lengths <= LONG))
    if not len(suitable):
        suitable = np.arange(len(strips))
    down = [float(strips[n].outline.middle[:, 1].mean()) for n in suitable.tolist()]
    order = suitable[np.argsort(down, kind="stable")]
    usual = float(np.median(lengths[order])) if len(order) else 0.0
    parts = np.array_split(order, min(most, len(order))) if len(order) else []
    return [
        strips[min(part.tolist(), key=lambda n: abs(lengths[n] - usual))].pixels for part in parts
    ]
