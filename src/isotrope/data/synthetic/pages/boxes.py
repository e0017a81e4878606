"""Boxes on a page, in pixels of the frame in which they are drawn."""

from __future__ import annotations

from typing import NamedTuple


class Box(NamedTuple):
    """A box; y points down."""

    left: float
    top: float
    right: float
    bottom: float

    @property
    def width(self) -> float:
        """From left to right."""
        return self.right - self.left

    @property
    def height(self) -> float:
        """From top to bottom."""
        return self.bottom - self.top

    def inset(self, across: float, down: float | None = None) -> Box:
        """Smaller by `across` on the left and right, and by `down`, or the same, on the others."""
        down = across if down is None else down
        return Box(self.left + across, self.top + down, self.right - across, self.bottom - down)

    def below(self, y: float) -> Box:
        """The part below a level."""
        return self._replace(top=y)

    def above(self, y: float) -> Box:
        """The part above a level."""
        return self._replace(bottom=y)

    def columns(self, count: int, gap: float) -> list[Box]:
        """Equal columns with gaps between them, from left to right."""
        width = (self.width - gap * (count - 1)) / count
        lefts = [self.left + i * (width + gap) for i in range(count)]
        return [self._replace(left=left, right=left + width) for left in lefts]

    def rows(self, count: int, gap: float) -> list[Box]:
        """Equal rows with gaps between them, from top to bottom."""
        height = (self.height - gap * (count - 1)) / count
        tops = [self.top + i * (height + gap) for i in range(count)]
        return [self._replace(top=top, bottom=top + height) for top in tops]
