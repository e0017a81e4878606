"""`PageReader`: reads one page, identically whichever way up it is. No torch."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from isotrope.ocr.detection.lines import DetectedLine, Detector
from isotrope.ocr.document import Line, Page
from isotrope.ocr.engines.base import Engine, Transcript
from isotrope.ocr.geometry import direction, rounded
from isotrope.ocr.likeliest import TRUST
from isotrope.ocr.order import parted, regions
from isotrope.ocr.pages.facing import PRIOR, votes
from isotrope.ocr.pages.found import find_lines, page_slant
from isotrope.ocr.pages.frame import Frame, majority, upright
from isotrope.ocr.pages.level import paper
from isotrope.ocr.pages.reading import read_strips
from isotrope.ocr.pages.strips import Outline, Strip, cut
from isotrope.ocr.pages.telling import telling
from isotrope.ocr.pages.words import rounded_confidence, words
from isotrope.ocr.views import Finder

DOUBT = 1.5
"""Log odds of facing one way, up to which a line is read both ways."""

KNOWN = 3.0
"""Log odds that a line faces as a detector says that knows directions."""

HELD = 256
"""Number of lines that are held as pixels at once."""

MARKS = 0.9
"""Least confidence of a line without letters and digits: edges in a picture look like marks."""


@dataclass(frozen=True, eq=False)
class PageReader:
    """Reads pages: finds their lines, reads each in its own orientation, puts them in order.

    The page is turned upright by an exact quarter turn first. Everything after that sees the same
    pixels however the page lies, so that `read(turn(page, d)) == read(page).turned(d)`.

    Args:
        engine: Reads upright lines.
        finder: Finds which way up pages and lines are.
        detector: Finds lines on an upright page.
        min_confidence: Lines with lower confidence are left out.
    """

    engine: Engine
    finder: Finder
    detector: Detector
    min_confidence: float = 0.0

    def read(self, page: np.ndarray, batch_size: int = 32) -> Page:
        """Read a page, (H, W, 3), uint8 RGB."""
        return self.read_frame(upright(page, self.finder), batch_size)

    def read_frame(self, frame: Frame, batch_size: int = 32) -> Page:
        """Read a page that `upright` has turned; its coordinates are those of the page as given."""
        lines, slant, adapter = self._lines(frame, batch_size)
        most = majority([(line.orientation, len(line.text)) for line in lines])
        if most:  # the finder was wrong about the page
            frame = frame.turned_back(most)
            lines, slant, adapter = self._lines(frame, batch_size)
            most = majority([(line.orientation, len(line.text)) for line in lines])
        found = Page(*frame.size, regions(lines, frame.size), most, slant, adapter=adapter)
        return found.turned(frame.degrees)

    def _lines(self, frame: Frame, batch_size: int) -> tuple[list[Line], float, str | None]:
        """Find and read the lines of an upright page, in any order.

        Returns:
            The lines, the slant of the page, and the adapter they were read with.
        """
        detected = parted(find_lines(frame.pixels, self.detector, frame.slant), frame.pixels)
        if not detected:
            return [], 0.0, None
        color = paper(frame.pixels)
        keep = len(detected) <= HELD
        strips = [cut(frame.pixels, Outline.of(line), color, keep=keep) for line in detected]
        read = self._read(strips, detected, batch_size)
        kept = [(strip, said) for strip, said in read if self._is_kept(said)]
        adapter = kept[0][1].adapter if kept else None  # one for the whole page
        lines = [_line(strip, said) for strip, said in kept]
        return lines, round(page_slant(detected), 2), adapter

    def _is_kept(self, said: Transcript) -> bool:
        """Whether a line has text, and is sure enough."""
        letters = any(map(str.isalnum, said.text))
        least = self.min_confidence if letters else max(self.min_confidence, MARKS)
        return bool(said.text.strip()) and said.confidence >= least

    def _read(
        self, strips: list[Strip], detected: Sequence[DetectedLine], batch_size: int
    ) -> list[tuple[Strip, Transcript]]:
        """Read each strip the right way up."""
        if getattr(self.engine, "equivariant", False):
            said = self._said(self._engine(strips, batch_size), strips, batch_size)
            return [
                (strip.flipped() if line.orientation == 180 else strip, line)
                for strip, line in zip(strips, said, strict=True)
            ]
        odds = self._odds(strips, detected)
        ways = [strip.flipped() if o < 0 else strip for strip, o in zip(strips, odds, strict=True)]
        doubtful = [number for number, o in enumerate(odds) if abs(o) < DOUBT]
        views = [*ways, *(ways[number].flipped() for number in doubtful)]
        said = self._said(self._engine(ways, batch_size), views, batch_size)
        read = list(zip(views, said, strict=True))
        for place, number in enumerate(doubtful, start=len(ways)):
            other = 1 / (1 + math.exp(abs(odds[number])))  # probability of facing the other way
            if _rank(said[place], other) > _rank(said[number], 1 - other):
                read[number] = read[place]
        return read[: len(ways)]

    def _engine(self, strips: Sequence[Strip], batch_size: int) -> Engine:
        """The engine that suits the page best, if there is a choice."""
        choose = getattr(self.engine, "chosen", None)
        return self.engine if choose is None else choose(telling(strips), batch_size)

    @staticmethod
    def _said(engine: Engine, strips: Sequence[Strip], batch_size: int) -> list[Transcript]:
        """What an engine reads in each strip."""
        said: list[Transcript] = []
        for start in range(0, len(strips), HELD):
            held = [strip.pixels for strip in strips[start : start + HELD]]
            said += read_strips(engine, held, batch_size)
        return said

    def _odds(self, strips: list[Strip], detected: Sequence[DetectedLine]) -> np.ndarray:
        """Log odds that the strips are upright."""
        outlines = [strip.outline for strip in strips]
        prior = [PRIOR if _orientation(outline) == 0 else 0.0 for outline in outlines]
        odds = votes((strip.pixels for strip in strips), outlines, self.finder) + prior
        return odds + KNOWN * np.array([line.directed for line in detected])


def _line(strip: Strip, said: Transcript) -> Line:
    outline = strip.outline
    orientation = _orientation(outline)
    slant = (direction(_ends(outline)) - orientation + 180) % 360 - 180
    found = words(said, strip)
    text = " ".join(word.text for word in found)
    return Line(
        text,
        rounded_confidence(said.confidence),
        orientation,
        rounded(outline.part(0.0, 1.0)),
        rounded(outline.baseline),
        found,
        round(slant, 2),
        tuple(map(rounded_confidence, said.characters)) if text == said.text else (),
        said.source.text if said.source else "",
    )


def _orientation(outline: Outline) -> int:
    """The quarter turn nearest to the direction of a line."""
    return round(direction(_ends(outline)) / 90) * 90 % 360


def _ends(outline: Outline) -> list[tuple[float, float]]:
    first, *_, last = outline.middle.tolist()
    return [(first[0], first[1]), (last[0], last[1])]


def _rank(said: Transcript, probability: float) -> float:
    """As in `likeliest`."""
    return said.typical * probability**TRUST if said.text.strip() else 0.0
