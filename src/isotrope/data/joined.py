"""Several labeled sets as one."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from torch import Tensor

from isotrope.data.lines import LabeledLines


@dataclass(frozen=True)
class Place:
    """Where a line comes from: a set, and its number in it."""

    part: int
    number: int
    name: str

    def __str__(self) -> str:
        return self.name


class JoinedLines(LabeledLines):
    """The lines of several sets in order, with the texts they have now.

    Args:
        parts: The sets. One that is given twice counts twice.
        path: A name for all of them, for messages.
    """

    def __init__(self, parts: Sequence[LabeledLines], path: str | Path) -> None:
        self.path, self.parts = Path(path), list(parts)
        self.items = [
            (Place(part, number, f"{lines.path.name}: {name}"), text)
            for part, lines in enumerate(self.parts)
            for number, (name, text) in enumerate(lines.items)
        ]

    def __getitem__(self, index: int) -> tuple[Tensor, str]:
        """Return the line's image `(3, H, W)` in [0, 1] and its text."""
        place, text = self.items[index]
        return self.parts[place.part][place.number][0], text

    def ratio(self, index: int) -> float:
        """Width over height of a line."""
        place, _ = self.items[index]
        return self.parts[place.part].ratio(place.number)
