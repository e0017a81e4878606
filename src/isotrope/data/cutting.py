"""Cut lines out of page images."""

from __future__ import annotations

import io
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import torch
from PIL import Image, ImageDraw
from torch import Tensor

from isotrope.io.images import ImageError
from isotrope.io.transcripts import Point


@dataclass(frozen=True)
class Outline:
    """Location of a line: the page image, and the corners `(x, y)` of a polygon in its pixels.

    Args:
        size: Width and height of the transcribed image, px, if the file gives them.
    """

    image: Path
    corners: tuple[Point, ...]
    size: tuple[float, float] | None = None

    def __str__(self) -> str:
        x, y = self.corners[0]
        return f"{self.image}, the line at {x:g},{y:g}"

    def box(self) -> tuple[float, float]:
        """Width and height of the box around the polygon, at least 1 px each."""
        x, y = zip(*self.corners, strict=True)
        return max(1.0, max(x) - min(x)), max(1.0, max(y) - min(y))


def cut(page: Tensor, corners: tuple[Point, ...]) -> Tensor:
    """Cut out the box around a polygon, with the paper's color outside the polygon.

    Args:
        page: (3, H, W).
        corners: The polygon, `(x, y)` in pixels of the page.

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
    return torch.where(torch.from_numpy(np.array(mask)), box, _paper(box)[:, None, None])


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
