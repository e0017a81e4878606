"""A page image with its lines, to train a detector of lines. No torch.

Coordinates are pixels: x to the right, y down, and the center of the first pixel is (0.5, 0.5).
"""

from __future__ import annotations

import math
from collections.abc import Callable
from dataclasses import dataclass, replace

import numpy as np

Move = Callable[[np.ndarray], np.ndarray]
"""Maps points `(n, 2)` of an image to those of another."""

_SPARE = 3.0  # pixels by which a line may reach beyond its image
_FAINT = 20.0  # least difference of ink and paper, of 255


@dataclass(frozen=True, eq=False)
class PageLine:
    """A line of text on a page.

    Args:
        baseline: (n, 2) float64, two or more points on which the letters stand, from the start of
            the text to its end.
        polygon: (m, 2) float64, the outline from the tops of ascenders to the feet of descenders;
            it starts above the start of the baseline and goes clockwise as a reader of the text
            sees it. In pages from archives, it follows the ink and may start anywhere.
        height: From the top of ascenders to the feet of descenders, px.
        text: The text; empty if nobody transcribed it.
        block: Lines of one block, such as a paragraph, have the same number.
    """

    baseline: np.ndarray
    polygon: np.ndarray
    height: float
    text: str = ""
    block: int = 0

    @property
    def direction(self) -> float:
        """Direction of the text, degrees counter-clockwise in (-180, 180]; 90 runs up the page."""
        across, down = self.baseline[-1] - self.baseline[0]
        return math.degrees(math.atan2(-down, across))

    def moved(self, move: Move) -> PageLine:
        """Map the line along with its image.

        The height is measured again at the middle of the baseline.

        Args:
            move: Maps points of the image to points of the new image.
        """
        (x0, y0), (x1, y1) = self.baseline[0], self.baseline[-1]
        length = max(math.hypot(x1 - x0, y1 - y0), 1e-9)
        up = self.height / 2 * np.array([y1 - y0, x0 - x1]) / length
        middle = self.baseline[0] / 2 + self.baseline[-1] / 2
        (ux, uy), (lx, ly) = move(np.stack([middle + up, middle - up]))
        (x0, y0), (x1, y1) = baseline = move(self.baseline)[[0, -1]]
        along = max(math.dist(*baseline), 1e-9)
        # across the new baseline: a shear does not make a line higher
        height = abs((x1 - x0) * (uy - ly) - (y1 - y0) * (ux - lx)) / along
        return replace(
            self,
            baseline=move(self.baseline),
            polygon=move(self.polygon),
            height=float(height),
        )


@dataclass(frozen=True, eq=False)
class LabeledPage:
    """A page and its lines.

    Args:
        pixels: (H, W, 3) uint8 RGB.
        lines: In reading order.
        ignored: Polygons (m, 2) float64 in which there may be text that is not among the lines, or
            text nobody could read.
    """

    pixels: np.ndarray
    lines: tuple[PageLine, ...]
    ignored: tuple[np.ndarray, ...] = ()

    @property
    def size(self) -> tuple[int, int]:
        """Width and height, px."""
        return self.pixels.shape[1], self.pixels.shape[0]

    def moved(self, pixels: np.ndarray, move: Move) -> LabeledPage:
        """Replace the image, and map the lines along.

        Args:
            pixels: The new image.
            move: Maps points of the old image to points of the new one.
        """
        return LabeledPage(
            pixels,
            tuple(line.moved(move) for line in self.lines),
            tuple(move(polygon) for polygon in self.ignored),
        )


def within(page: LabeledPage) -> LabeledPage:
    """Clip points to the image: lines cut by its edge are ignored, those beyond are dropped."""
    size = np.array(page.size, float)
    lines, ignored = [], []
    for line in page.lines:
        low, high = line.polygon.min(axis=0), line.polygon.max(axis=0)
        if (low >= -_SPARE).all() and (high <= size + _SPARE).all():
            kept = {"baseline": line.baseline.clip(0, size), "polygon": line.polygon.clip(0, size)}
            lines.append(replace(line, **kept))
        else:
            ignored.append(line.polygon)
    beside = [polygon.clip(0, size) for polygon in (*page.ignored, *ignored)]
    seen = tuple(polygon for polygon in beside if (np.ptp(polygon, axis=0) > 0).all())
    return LabeledPage(page.pixels, tuple(lines), seen)


def visible(page: LabeledPage) -> LabeledPage:
    """Ignore lines that can hardly be seen: under a stain, in a shadow, or faded."""
    seen, unseen = [], []
    for line in page.lines:
        left, top = line.polygon.min(axis=0).astype(int).clip(0)
        right, bottom = np.ceil(line.polygon.max(axis=0)).astype(int)
        part = page.pixels[top:bottom, left:right, 1].ravel()
        dark, light = max(len(part) // 50, 0), max(len(part) - 1 - len(part) // 50, 0)
        levels = np.partition(part, (dark, light)) if len(part) else part
        clear = len(part) and int(levels[light]) - int(levels[dark]) >= _FAINT
        (seen if clear else unseen).append(line)
    ignored = (*page.ignored, *(line.polygon for line in unseen))
    return LabeledPage(page.pixels, tuple(seen), ignored)
