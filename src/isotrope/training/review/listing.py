"""List the lines of pages that a person should correct first."""

from __future__ import annotations

import logging
from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass
from itertools import groupby
from pathlib import Path
from typing import TypeAlias

import numpy as np
from torch import Tensor

from isotrope.data.cutting import Outline, corners_on, cut
from isotrope.data.images import load_image
from isotrope.data.pages import pages_and_readings
from isotrope.data.seen import UNSEEN, judged
from isotrope.io.images import ImageError
from isotrope.io.marks import LINE
from isotrope.ocr.document import Page
from isotrope.ocr.recognition.session import LineReader
from isotrope.training.review.choosing import ReadLine, most_useful

logger = logging.getLogger(__name__)


@dataclass(frozen=True)
class Listed:
    """A line to correct.

    Args:
        outline: Where it is.
        key: Its id in the page's file.
        read: What was read in it.
    """

    outline: Outline
    key: str
    read: ReadLine


Place: TypeAlias = "tuple[Outline, str]"
"""Where a line is, and its id."""


def unseen_lines(folder: str | Path) -> list[Place]:
    """The lines that no person has seen, page by page.

    Args:
        folder: PAGE-XML or ALTO files with their images, as for `isotrope.data.pages.PageLines`.

    Raises:
        ValueError: There are no such lines.
    """
    found = []
    for page, reading in pages_and_readings(Path(folder)):
        kinds = judged(page, reading)
        for number, line in page.lines.items():
            if kinds.get(number) in UNSEEN:
                outline = Outline(page.image, line.corners, page.size, line.orientation)
                found.append((outline, line.key or str(number)))
    if not found:
        raise ValueError(
            f"{folder} has no line that only a program has read; give what `isotrope read --format "
            "page` wrote, with the page images, or page images alone"
        )
    return found


def read_lines(pages: Iterable[Page | ImageError]) -> list[Place]:
    """The lines of pages that were read from files of one page, with ids as PAGE-XML gets them."""
    found = []
    for page in pages:
        if isinstance(page, ImageError):
            logger.warning("%s; left out", page)
        elif page.file is None or page.number > 1:
            message = "%s: page %d is left out; give an image for each page"
            logger.warning(message, page.file, page.number)
        else:
            found += list(_lines_of(page, Path(page.file)))
    return found


def most_useful_lines(
    lines: Sequence[Place],
    reader: LineReader,
    count: int,
    track: Callable[[Sequence[list[Place]]], Iterable[list[Place]]] = iter,
) -> list[Listed]:
    """The lines that are the most useful to correct, the best first.

    Args:
        lines: Page by page.
        reader: Reads the lines anew.
        count: Number of lines, at most.
        track: Wraps the sequence of pages, to show the progress.
    """
    pages = [list(group) for _, group in groupby(lines, key=lambda line: line[0].image)]
    read = [line for page in track(pages) for line in _read_page(page, reader)]
    return [read[place] for place in most_useful([line.read for line in read], count)]


def cut_out(lines: Sequence[Listed]) -> Iterator[Tensor]:
    """The upright images of lines, `(3, H, W)` in [0, 1], in order."""
    opened: tuple[Path, Tensor] | None = None
    images: dict[int, Tensor] = {}
    for number in sorted(range(len(lines)), key=lambda number: str(lines[number].outline.image)):
        outline = lines[number].outline
        if opened is None or opened[0] != outline.image:
            opened = outline.image, load_image(outline.image)
        images[number] = _cut(opened[1], outline)
    yield from (images[number] for number in range(len(lines)))


def _lines_of(page: Page, image: Path) -> Iterator[Place]:
    size = float(page.width), float(page.height)
    for i, region in enumerate(page.regions, start=1):
        for j, line in enumerate(region.lines, start=1):
            turned = line.orientation + line.slant
            yield Outline(image, line.polygon, size, turned), f"{LINE}r{i}l{j}"


def _read_page(lines: Sequence[Place], reader: LineReader) -> Iterator[Listed]:
    image = lines[0][0].image
    page = load_image(image)
    crops: list[tuple[Outline, str, np.ndarray]] = []
    for outline, key in lines:
        try:
            crop = _cut(page, outline)
        except ImageError:  # outside the page: nothing to correct
            continue
        pixels = (crop * 255).round().byte().permute(1, 2, 0).numpy()
        crops.append((outline, key, np.ascontiguousarray(pixels)))
    decoded = reader.decoded([pixels for _, _, pixels in crops])
    for (outline, key, pixels), raw in zip(crops, decoded, strict=True):
        ratio = pixels.shape[1] / pixels.shape[0]
        yield Listed(outline, key, ReadLine.of(reader.calibration.applied(raw), ratio, str(image)))


def _cut(page: Tensor, outline: Outline) -> Tensor:
    return cut(page, corners_on(page, outline), outline.orientation)
