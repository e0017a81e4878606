"""List the lines of pages that a person should correct first, and read them anew."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass
from itertools import groupby
from pathlib import Path
from typing import TypeVar

import numpy as np
from torch import Tensor

from isotrope.data.cutting import Outline, corners_on, cut
from isotrope.data.images import load_image
from isotrope.data.pages import pages_and_readings
from isotrope.data.seen import UNSEEN, judged
from isotrope.io.images import ImageError
from isotrope.ocr.recognition.session import LineReader
from isotrope.training.review.choosing import ReadLine, most_useful

T = TypeVar("T")


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


def most_useful_lines(
    folder: str | Path,
    reader: LineReader,
    count: int,
    track: Callable[[Sequence[T]], Iterable[T]] = iter,
) -> list[Listed]:
    """The lines that no person has seen, the most useful to correct first.

    Args:
        folder: PAGE-XML or ALTO files with their images, as for `isotrope.data.pages.PageLines`.
        reader: Reads the lines anew.
        count: Number of lines, at most.
        track: Wraps the sequence of pages, to show the progress.

    Raises:
        ValueError: There are no such lines.
    """
    unseen = list(_unseen(Path(folder)))
    if not unseen:
        raise ValueError(
            f"{folder} has no line that only a program has read; give what `isotrope read --format "
            "page` wrote, with the page images"
        )
    pages = [list(group) for _, group in groupby(unseen, key=lambda line: line[0].image)]
    lines = [line for page in track(pages) for line in _read_page(page, reader)]
    return [lines[place] for place in most_useful([line.read for line in lines], count)]


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


def _unseen(folder: Path) -> Iterator[tuple[Outline, str]]:
    """The outlines and ids of the lines that no person has seen, page by page."""
    for page, reading in pages_and_readings(folder):
        kinds = judged(page, reading)
        for number, line in page.lines.items():
            if kinds.get(number) in UNSEEN:
                outline = Outline(page.image, line.corners, page.size, line.orientation)
                yield outline, line.key or str(number)


def _read_page(lines: Sequence[tuple[Outline, str]], reader: LineReader) -> Iterator[Listed]:
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
