"""Set running text in a box: broken into lines, justified or not, on straight or restless lines."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace
from itertools import chain

import numpy as np

from isotrope.data.synthetic.pages.boxes import Box
from isotrope.data.synthetic.pages.faces import Run, face
from isotrope.data.synthetic.pages.press import Press, Setting
from isotrope.data.synthetic.pages.rules import rule

_HYPHENATED = 0.35  # of the lines with room for a part of the next word
_WIDEST_SPACE = 0.8  # added to a space, in line heights; wider gaps look like columns
_LEAST_PART = 3  # letters of a word before and after its hyphen


def flow(
    press: Press, box: Box, setting: Setting, texts: Iterator[str], most: int = 10_000
) -> float:
    """Set paragraphs until the box is full, and return the level at which the last line ends.

    Args:
        box: Lines stay within it; if it has no room for one, nothing is set.
        texts: The paragraphs, endless; the last one may be cut off.
        most: Lines to set at the most.
    """
    y, face = box.top, setting.face
    if setting.initial and box.width > 12 * face.height and box.height > 4 * setting.pitch:
        y = _initial(press, box, setting, texts)
    while most > 0 and y + face.height <= box.bottom:
        press.sheet.new_block()
        first = True
        for run, last in broken(press, next(texts), setting, box.width):
            if y + face.height > box.bottom or most <= 0:
                break
            indent = setting.indent if first else -min(setting.indent, 0.0)
            indent = max(indent, 0.0) * face.height
            line = Box(box.left + indent, y, box.right, y + face.height)
            set_line(press, line, setting, run, last)
            y, most, first = y + setting.pitch, most - 1, False
        if first:  # no room for a word, or no letter that the font has
            break
        y += setting.gap * face.height
    return y - setting.gap * face.height - setting.pitch + face.height if y > box.top else box.top


def _initial(press: Press, box: Box, setting: Setting, texts: Iterator[str]) -> float:
    """Set a few lines beside a large first letter, which is no line of its own."""
    lines = press.count(2, 3)
    tall = (lines - 1) * setting.pitch + setting.face.ascent
    large = face(setting.face.file, setting.face.kind, tall * press.between(1.0, 1.25))
    text = next(texts)
    letter = large.run(text[:1].upper())
    corner = Box(box.left, box.top, box.left + letter.width, box.top + tall)
    before = len(press.sheet.lines)
    press.sheet.write(large, letter, corner.left, corner.bottom, color=setting.color)
    for line in press.sheet.lines[before:]:
        press.sheet.ignored.append(line.polygon)
    del press.sheet.lines[before:]
    beside = box._replace(left=corner.right + 0.3 * setting.face.height)
    plain = replace(setting, initial=False, indent=0.0)
    y = flow(press, beside, plain, chain([text[1:]], texts), lines)
    return y + setting.pitch - setting.face.height


def broken(press: Press, text: str, setting: Setting, width: float) -> Iterator[tuple[Run, bool]]:
    """Break a paragraph into lines; yields each, and whether it is the last."""
    run = setting.face.run(text[:2000], setting.spacing)
    ends = np.cumsum(run.advances)
    hyphen = setting.face.run("-", setting.spacing)
    start, count = 0, len(run.text)
    indent = setting.indent * setting.face.height
    room = width - max(indent, 0.0)
    while start < count:
        before = ends[start - 1] if start else 0.0
        fits = int(np.searchsorted(ends, before + room, side="right"))
        if fits >= count:
            yield run.part(start, count), True
            return
        room = width - max(-indent, 0.0)
        cut = run.text.rfind(" ", start, fits + 1)
        tail = fits - max(cut, start) - 2
        if cut > start and (tail < _LEAST_PART or press.rng.random() > _HYPHENATED):
            yield run.part(start, cut), False
            start = cut + 1
            continue
        if cut <= start and tail < 1:  # the box is narrower than a letter or two
            return
        part = run.part(start, fits - 1)
        if len(hyphen.text) and part.text[-1:].isalpha() and run.text[fits - 1].isalpha():
            advances = np.concatenate([part.advances, hyphen.advances])
            part = Run(part.text + hyphen.text, part.glyphs + hyphen.glyphs, advances)
        yield part, False
        start = fits - 1


def set_line(press: Press, line: Box, setting: Setting, run: Run, last: bool = False) -> float:
    """Set one line in its box, aligned, and return where it ends.

    Args:
        last: The last of its paragraph, which is not justified.
    """
    if not run.text:
        return line.left
    face, free = setting.face, line.width - run.width
    y, x = line.top + face.ascent, line.left
    if setting.align in ("right", "center"):
        x += free if setting.align == "right" else free / 2
    width = None
    if (
        setting.align == "justify"
        and not last
        and free < _WIDEST_SPACE * face.height * run.text.count(" ")
    ):
        width = line.width
    if press.chance(setting.marked):
        _mark(press, x, y, run, setting)
    if not setting.unrest:
        return press.sheet.write(face, run, x, y, color=setting.color, width=width)
    stray = setting.unrest * face.height
    if face.kind != "hand":
        jitter = press.rng.normal(0, stray, len(run.glyphs)).clip(-2 * stray, 2 * stray)
        return press.sheet.write(face, run, x, y, color=setting.color, width=width, jitter=jitter)
    wave = _wave(press, x, y, run.width, stray)
    press.sheet.write_along(face, run, wave, color=setting.color)
    return x + run.width


def _mark(press: Press, x: float, y: float, run: Run, setting: Setting) -> None:
    """Underline a line or a part of it, or strike it out."""
    height = setting.face.height
    start = x + press.between(0, 0.7) * run.width if press.chance(0.5) else x
    level = y + 0.12 * height if press.chance(0.7) else y - 0.2 * height
    end = x + run.width
    rule(
        press,
        (start, level),
        (end, level + press.rng.normal(0, 0.01) * (end - start)),
        press.between(0.03, 0.09) * height,
        setting.color,
    )


def _wave(press: Press, x: float, y: float, length: float, stray: float):
    """A baseline that climbs or falls a little, and swings."""
    slope = float(press.rng.normal(0, 2)) * stray / (length + 1)
    rise = float(press.rng.normal(0, 1)) * stray
    rate = 2 * np.pi / (length * press.between(0.5, 2.0) + 1)
    phase = press.between(0, 6.3)

    def curve(at: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
        level = slope * at + rise * np.sin(rate * at + phase)
        angles = np.arctan(slope + rise * rate * np.cos(rate * at + phase))
        return np.stack([x + at, y + level], axis=1), angles

    return curve


def phrase(press: Press, box: Box, setting: Setting, text: str, align: str | None = None) -> float:
    """Set a short text as a block of its own, broken where it must; returns where it ends.

    A text that does not fit is cut off.
    """
    setting = setting if align is None else replace(setting, align=align)
    setting = (
        replace(setting, indent=0.0, align="left")
        if setting.align == "justify"
        else replace(setting, indent=0.0)
    )
    press.sheet.new_block()
    y, face = box.top, setting.face
    for run, _ in broken(press, text, setting, box.width):
        if y + face.height > box.bottom:
            break
        set_line(press, Box(box.left, y, box.right, y + face.height), setting, run, True)
        y += setting.pitch
    return y - setting.pitch + face.height if y > box.top else box.top
