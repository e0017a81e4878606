"""What a block of a page is set with: the sheet, the fonts, the texts and the draws."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, replace
from typing import NamedTuple

import numpy as np

from isotrope.data.synthetic.pages.boxes import Box
from isotrope.data.synthetic.pages.faces import Face, Faces, face
from isotrope.data.synthetic.pages.sheet import BLACK, Sheet
from isotrope.data.synthetic.pages.writing import Writing


class Press(NamedTuple):
    """Everything that the functions which set a block need."""

    sheet: Sheet
    faces: Faces
    writing: Writing
    rng: np.random.Generator

    def chance(self, share: float) -> bool:
        """True in this share of draws."""
        return bool(self.rng.random() < share)

    def between(self, low: float, high: float) -> float:
        """A uniform draw."""
        return float(self.rng.uniform(low, high))

    def count(self, low: int, high: int) -> int:
        """A uniform draw of `low` to `high`, both included."""
        return int(self.rng.integers(low, high + 1))

    def inset(self, box: Box, across: tuple[float, float], down: tuple[float, float]) -> Box:
        """A box less margins, drawn between shares of its width and of its height."""
        return box.inset(self.between(*across) * box.width, self.between(*down) * box.height)


Layout = Callable[[Press, Box, float], None]
"""Sets a whole page in a box, with lines of about a height in pixels."""


@dataclass(frozen=True)
class Setting:
    """How text is set.

    Args:
        face: The font and its size.
        leading: From one baseline to the next, in line heights.
        align: "justify", "left", "center" or "right".
        indent: Of the first line of a paragraph, in line heights; negative hangs the others.
        gap: Between paragraphs, in line heights.
        spacing: Between letters, px.
        color: ARGB.
        unrest: How far letters and baselines stray, as in typescript and handwriting, in line
            heights.
        marked: Share of lines that are underlined or struck out.
        initial: Whether the first paragraph begins with a large letter.
    """

    face: Face
    leading: float = 1.1
    align: str = "justify"
    indent: float = 0.0
    gap: float = 0.0
    spacing: float = 0.0
    color: int = BLACK
    unrest: float = 0.0
    marked: float = 0.0
    initial: bool = False

    @property
    def pitch(self) -> float:
        """From one baseline to the next, px."""
        return self.leading * self.face.height

    def sized(self, scale: float) -> Setting:
        """The same in another size."""
        return replace(self, face=face(self.face.file, self.face.kind, scale * self.face.height))


def draw_setting(press: Press, kind: str, height: float) -> Setting:
    """Draw the setting of the running text of a page.

    Args:
        kind: One of `faces.KINDS`.
        height: Of a line, px.
    """
    rng = press.rng
    chosen = press.faces.body(rng, kind, height)
    free = kind in ("hand", "mono")
    align = "left" if free or press.chance(0.2) else "justify"
    indent, gap = (press.between(0.8, 2.5), 0.0) if press.chance(0.7) else (0.0, 0.0)
    if not indent or press.chance(0.1):
        gap = press.between(0.2, 1.0)
    tight = {"hand": 0.75, "mono": 0.95}.get(kind, 0.9)
    leading = (
        tight + float(rng.gamma(1.6, 0.18)) + (0.6 if kind == "mono" and press.chance(0.4) else 0)
    )
    unrest = {"hand": press.between(0.0, 0.06), "mono": press.between(0.0, 0.02)}.get(kind, 0.0)
    return Setting(
        chosen,
        leading=min(leading, 2.6),
        align=align,
        indent=indent,
        gap=gap,
        color=ink(press, kind),
        unrest=unrest if press.chance(0.7) else 0.0,
        marked=press.between(0, 0.2) if press.chance(0.12) else 0.0,
    )


def ink(press: Press, kind: str = "text") -> int:
    """Draw the color of ink, ARGB: black, gray, brown, blue, or rarely red or green."""
    draw = press.rng.random()
    dark = press.rng.random() ** 2
    if draw < (0.45 if kind == "hand" else 0.8):
        rgb = np.full(3, 90 * dark)
    elif draw < 0.7:
        rgb = np.array([95, 65, 40]) * (0.4 + dark)
    elif draw < 0.88:
        rgb = np.array([30, 45, 130]) * (0.5 + dark)
    elif draw < 0.95:
        rgb = np.full(3, 110 + 40 * dark)
    else:
        rgb = np.array([170, 30, 30]) if press.chance(0.6) else np.array([30, 100, 50])
    red, green, blue = (int(value) for value in np.clip(rgb, 0, 255))
    return 0xFF000000 | red << 16 | green << 8 | blue
