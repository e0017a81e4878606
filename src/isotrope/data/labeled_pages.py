"""Pages transcribed by archives, in PAGE-XML and ALTO, with the lines on them."""

from __future__ import annotations

import logging
from collections.abc import Sequence
from pathlib import Path

import numpy as np

from isotrope.data.page_labels import LabeledPage, PageLine
from isotrope.io.images import ImageError, load_pixels
from isotrope.io.transcripts import (
    LineTranscript,
    PageTranscript,
    read_transcript,
    transcripts_in,
)
from isotrope.text.normalise import clean

logger = logging.getLogger(__name__)

_FOOT = 0.22  # of a line's height, below its baseline, where the file has no baseline
_SAMPLES = 24
_USUAL = 85  # percentile of the reach above and below: fewer letters reach up or down


class LabeledPages:
    """The pages of a folder of PAGE-XML or ALTO files with their images, opened on access.

    Logged and left out: files that cannot be read, pages without a line, and second files for the
    same image.

    Args:
        path: The folder, searched with its subfolders.
        collections: Names of the subfolders to use. None: all.
        files: The files to use, relative to `path`. None: all.

    Raises:
        ValueError: No page in the folder could be read, or one of `files` is not there; or, on
            access, the image cannot be read or has another aspect ratio than the transcribed one.
    """

    def __init__(
        self,
        path: str | Path,
        collections: Sequence[str] | None = None,
        files: Sequence[str] | None = None,
    ) -> None:
        self.path = Path(path)
        self.pages: list[PageTranscript] = []
        seen: dict[Path, Path] = {}
        for file in self._files(collections, files):
            try:
                page = read_transcript(file)
            except ValueError as error:
                logger.warning("%s; this page is left out", error)
                continue
            if not page.lines:
                logger.warning("%s has no line with an outline; this page is left out", file)
            elif seen.setdefault(page.image, file) != file:
                logger.warning("%s is left out: %s has that page", file, seen[page.image])
            else:
                self.pages.append(page)
        if not self.pages:
            raise ValueError(
                f"{self.path} has no page with lines; give PAGE-XML or ALTO files with their "
                "images beside them"
            )

    def _files(self, collections: Sequence[str] | None, files: Sequence[str] | None) -> list[Path]:
        if files is None:
            found = list(transcripts_in(self.path))
        else:
            found = [self.path / name for name in files]
            missing = [str(file) for file in found if not file.is_file()]
            if missing:
                raise ValueError(f"{missing[0]} does not exist; name files in {self.path}")
        return [file for file in found if collections is None or file.parent.name in collections]

    def __len__(self) -> int:
        return len(self.pages)

    def __getitem__(self, index: int) -> LabeledPage:
        """Open a page."""
        transcript = self.pages[index]
        pixels = load_pixels(transcript.image)
        scale = _scale(transcript, pixels)
        lines = tuple(_line(line, scale) for line in transcript.lines.values())
        return LabeledPage(pixels, lines)


def _scale(transcript: PageTranscript, pixels: np.ndarray) -> np.ndarray:
    """From the transcribed image to the one that was found, which may be smaller."""
    if transcript.size is None:
        return np.ones(2)
    size = np.array([pixels.shape[1], pixels.shape[0]])
    scale = size / np.array(transcript.size)
    if abs(scale[0] / scale[1] - 1) > 0.01:
        raise ImageError(
            "{}: {}x{} px, but {:g}x{:g} were transcribed; give that image, not turned or "
            "cropped".format(transcript.image, *size, *transcript.size)
        )
    return scale


def _line(line: LineTranscript, scale: np.ndarray) -> PageLine:
    polygon = np.array(line.corners) * scale
    baseline = np.array(line.baseline) * scale if line.baseline else foot(polygon)
    return PageLine(baseline, polygon, extent(polygon, baseline), clean(line.text), line.region)


def foot(polygon: np.ndarray) -> np.ndarray:
    """Estimate the baseline of a line that runs from left to right: `(n, 2)`.

    Args:
        polygon: (m, 2).
    """
    left, right = polygon[:, 0].min(), polygon[:, 0].max()
    level = np.array([[left, polygon[:, 1].mean()], [right, polygon[:, 1].mean()]])
    at, above, below = _sides(polygon, level)
    if not len(at):
        return level
    slope, bottom = np.polyfit(at, below, 1) if len(at) > 1 else (0.0, below[0])
    height = float(np.median(above + below))
    ends = np.array([0.0, right - left])
    return np.stack([left + ends, level[0, 1] + bottom + slope * ends - _FOOT * height], axis=1)


def extent(polygon: np.ndarray, baseline: np.ndarray) -> float:
    """Height of a line, from the tops of its ascenders to the feet of its descenders.

    The outline follows the ink, and is lower where no letter reaches up or down.

    Args:
        polygon: (m, 2).
        baseline: (n, 2).
    """
    _, above, below = _sides(polygon, baseline)
    if not len(above):
        return float(max(np.ptp(polygon, axis=0).min(), 1.0))
    return float(max(np.percentile(above, _USUAL) + np.percentile(below, _USUAL), 1.0))


def _sides(polygon: np.ndarray, baseline: np.ndarray) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """How far an outline reaches above and below the chord of a baseline.

    Returns:
        Places along the chord, and the reach on its two sides there, less the baseline's own
        distance from its chord. The places lie within the outline.
    """
    start, chord = baseline[0], baseline[-1] - baseline[0]
    length = max(float(np.hypot(*chord)), 1e-9)
    along = chord / length
    frame = np.stack([along, [-along[1], along[0]]], axis=1)  # x along the chord, y below it
    x, y = ((polygon - start) @ frame).T
    own_x, own_y = ((baseline - start) @ frame).T
    x1, y1 = np.roll(x, -1), np.roll(y, -1)
    found = []
    for at in (np.arange(_SAMPLES) + 0.5) * (length / _SAMPLES):
        crossed = (x <= at) != (x1 <= at)
        if crossed.sum() >= 2:
            share = (at - x[crossed]) / (x1[crossed] - x[crossed])
            ys = y[crossed] + share * (y1[crossed] - y[crossed])
            level = np.interp(at, own_x, own_y)
            found.append((at, level - ys.min(), ys.max() - level))
    at, above, below = np.array(found).reshape(-1, 3).T
    return at, above.clip(min=0), below.clip(min=0)
