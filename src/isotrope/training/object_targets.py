"""What the maps of a detector of objects should say about an image whose boxes are known."""

from __future__ import annotations

import numpy as np

CORE = 0.6
"""Radius of the core of an object, in radii of the ellipse that fills its box."""


def draw_objects(
    boxes: np.ndarray, size: tuple[int, int], stride: int
) -> tuple[np.ndarray, np.ndarray]:
    """The maps of an image, on a grid of `(h, w)` positions.

    Args:
        boxes: `(n, 4)`: left, upper, right and lower sides, px.
        size: Height and width of the image, multiples of `stride`.
        stride: Pixels per position.

    Returns:
        The core, 1 where one is, else 0, `(h, w)`, float32; and the natural logarithms of the
        distances in pixels to the right, upper, left and lower side, `(4, h, w)`, float32, 0
        outside cores. A position in two cores belongs to the object whose middle is nearer, in
        radii of the object; one too small for any position has the position nearest to its middle.
    """
    h, w = size[0] // stride, size[1] // stride
    y, x = ((np.arange(count) + 0.5) * stride for count in (h, w))
    if not len(boxes):
        return np.zeros((h, w), np.float32), np.zeros((4, h, w), np.float32)
    left, upper, right, lower = boxes.T[:, :, None, None]
    middle_x, middle_y = (left + right) / 2, (upper + lower) / 2
    away = (
        ((x - middle_x) / np.maximum(right - left, 1e-6)) ** 2
        + ((y[:, None] - middle_y) / np.maximum(lower - upper, 1e-6)) ** 2
    ) * 4
    away = np.where(away == away.min((1, 2), keepdims=True), np.minimum(away, 0), away)
    nearest = away.argmin(0)
    core = away.min(0) < CORE**2
    reach = np.stack(
        np.broadcast_arrays(right - x, y[:, None] - upper, x - left, lower - y[:, None])
    )
    chosen = np.take_along_axis(reach, nearest[None, None], 1)[:, 0]
    sides = np.log(np.maximum(chosen, 0.5)) * core
    return core.astype(np.float32), sides.astype(np.float32)
