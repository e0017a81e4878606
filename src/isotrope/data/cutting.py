"""Cut lines out of page images, and turn them upright."""

from __future__ import annotations

import io
import math
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import torch
from PIL import Image, ImageDraw
from torch import Tensor

from isotrope.io.images import ImageError
from isotrope.io.transcripts import Point

_LEVEL = 0.1
"""Drift of a line, in heights, up to which it is not leveled."""


@dataclass(frozen=True)
class Outline:
    """Location of a line: the page image, and the corners `(x, y)` of a polygon in its pixels.

    Args:
        size: Width and height of the transcribed image, px, if the file gives them.
        orientation: Turn of the text from upright, in degrees counter-clockwise.
    """

    image: Path
    corners: tuple[Point, ...]
    size: tuple[float, float] | None = None
    orientation: float = 0.0

    def __str__(self) -> str:
        x, y = self.corners[0]
        return f"{self.image}, the line at {x:g},{y:g}"

    def box(self) -> tuple[float, float]:
        """Length and height of the text's box around the polygon, at least 1 px each."""
        along, down = (np.array(self.corners) @ _axes(self.orientation).T).T
        return max(1.0, float(np.ptp(along))), max(1.0, float(np.ptp(down)))


def cut(page: Tensor, corners: tuple[Point, ...], orientation: float = 0.0) -> Tensor:
    """Cut out the box around a polygon upright, with the paper's color outside the polygon.

    Quarter turns are exact. A line that drifts by more than a tenth of its height is leveled.

    Args:
        page: (3, H, W).
        corners: The polygon, `(x, y)` in pixels of the page.
        orientation: As in `Outline`.

    Returns:
        (3, h, w).

    Raises:
        ImageError: The polygon lies outside the page.
    """
    rows, columns = page.shape[1:]
    x, y = (np.array(values) for values in zip(*corners, strict=True))
    left, right = max(0, int(x.min())), min(columns, int(np.ceil(x.max())) + 1)
    top, bottom = max(0, int(y.min())), min(rows, int(np.ceil(y.max())) + 1)
    if right - left < 2 or bottom - top < 2:
        raise ImageError(
            f"a line at {left}, {top} lies outside its page of {columns}x{rows} px; "
            "check that the image is the one that was transcribed"
        )
    box = page[:, top:bottom, left:right]
    mask = Image.new("1", (right - left, bottom - top))
    inside = [(float(a) - left, float(b) - top) for a, b in zip(x, y, strict=True)]
    ImageDraw.Draw(mask).polygon(inside, fill=1, outline=1)
    paper = _paper(box)
    masked = torch.where(torch.from_numpy(np.array(mask)), box, paper[:, None, None])
    quarters = round(orientation / 90)
    slant = math.radians(orientation - 90 * quarters)
    along, down = (np.array(inside) @ _axes(orientation).T).T
    if np.ptp(along) * abs(math.sin(slant)) > _LEVEL * np.ptp(down):
        return _leveled(masked, np.stack([along, down]), orientation, paper)
    return torch.rot90(masked, -quarters, (1, 2)).contiguous()


def _axes(orientation: float) -> np.ndarray:
    """The directions along and down a text, in rows, as `(x, y)` of the page."""
    angle = math.radians(orientation)
    return np.array([[math.cos(angle), -math.sin(angle)], [math.sin(angle), math.cos(angle)]])


def _leveled(box: Tensor, placed: np.ndarray, orientation: float, paper: Tensor) -> Tensor:
    """Sample the upright box around points whose places along and down the text are given."""
    axes = _axes(orientation)
    x, y = placed.min(axis=1) @ axes
    width, height = (max(1, math.ceil(side)) for side in np.ptp(placed, axis=1))
    (a, d), (b, e) = axes
    picture = Image.fromarray((box * 255).round().byte().permute(1, 2, 0).numpy())
    level = picture.transform(
        (width, height),
        Image.Transform.AFFINE,
        (a, b, x, d, e, y),
        Image.Resampling.BICUBIC,
        fillcolor=tuple((paper * 255).round().int().tolist()),
    )
    return torch.from_numpy(np.array(level)).movedim(-1, 0).float() / 255


def corners_on(page: Tensor, outline: Outline) -> tuple[Point, ...]:
    """Scale the corners to a page image that may differ in size from the transcribed one.

    Raises:
        ImageError: The image has a different aspect ratio than the transcribed one.
    """
    if outline.size is None:
        return outline.corners
    rows, columns = page.shape[1:]
    across, down = columns / outline.size[0], rows / outline.size[1]
    if abs(across / down - 1) > 0.01:
        raise ImageError(
            "{}: {}x{} px, but {:g}x{:g} were transcribed; give that image, not turned or "
            "cropped".format(outline.image, columns, rows, *outline.size)
        )
    return tuple((x * across, y * down) for x, y in outline.corners)


def as_png(image: Tensor) -> bytes:
    """Encode an image (3, H, W) in [0, 1] as PNG."""
    array = (image * 255).round().byte().permute(1, 2, 0).numpy()
    file = io.BytesIO()
    Image.fromarray(array).save(file, "png", compress_level=1)
    return file.getvalue()


def _paper(box: Tensor) -> Tensor:
    """Estimate the paper's color by the median: ink covers less than half of a line."""
    return box.flatten(1).median(dim=1).values
