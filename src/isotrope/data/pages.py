"""Text lines cut from pages transcribed by archives, in PAGE-XML and ALTO."""

from __future__ import annotations

import logging
from collections import Counter, defaultdict
from collections.abc import Sequence
from pathlib import Path

from torch import Tensor

from isotrope.data.cutting import Outline, as_png, corners_on, cut
from isotrope.data.images import load_image
from isotrope.data.lines import LABELS, LabeledLines
from isotrope.data.seen import UNSEEN, is_reading, judged, summary
from isotrope.io.images import ImageError
from isotrope.io.transcripts import PageTranscript, read_transcript, transcripts_in
from isotrope.text.normalise import clean

logger = logging.getLogger(__name__)

_FEW_PAGES = 5  # with fewer, one held-out page would be a fifth of all or more


class PageLines(LabeledLines):
    """Transcribed lines of a folder of PAGE-XML or ALTO files with their page images.

    A line is cut out along its polygon and turned upright; pixels outside get the paper's color.
    These are logged and skipped: pages that cannot be read, lines without text or outline, second
    files for the same page, and lines that no person has seen (`isotrope.data.seen`). A page as
    isotrope read it, beside the same page corrected, shows which lines were.

    Args:
        path: The folder, searched with its subfolders.
        collections: Names of the subfolders to use. None: all.
        unseen: Also use the lines that no person has seen.

    Attributes:
        counts: Number of lines by what they are: corrected, checked, transcribed, unchanged, unseen
            or unknown.

    Raises:
        ValueError: No page in the folder could be read; or, on access, an image cannot be read.
    """

    def __init__(
        self,
        path: str | Path,
        collections: Sequence[str] | None = None,
        unseen: bool = False,
    ) -> None:
        self.path = Path(path)
        self.items = []
        self.counts: Counter[str] = Counter()
        self._crops: dict[Outline, bytes | ImageError] = {}
        for page, reading in pages_and_readings(self.path, collections):
            kinds = judged(page, reading)
            self.counts.update(kinds.values())
            self.items += [
                (Outline(page.image, line.corners, page.size, line.orientation), clean(line.text))
                for number, line in page.lines.items()
                if number in kinds and (unseen or kinds[number] not in UNSEEN)
            ]
        if told := summary(self.counts):
            logger.warning("%s: %s", self.path, told)
        if not self.items and self.counts:
            raise ValueError(
                f"{self.path} has {self.counts.total()} lines, and none that a person has seen; "
                "correct some, put what isotrope read and the corrected pages into one folder, or "
                "give --unseen if all are right"
            )
        if not self.items:
            raise ValueError(
                f"{self.path} has no page with transcribed lines; give PAGE-XML or ALTO files with "
                f"their images beside them, or line images with a {LABELS}"
            )

    def split(self, every: int) -> tuple[LabeledLines, LabeledLines]:
        """Hold out every `every`-th page, or every `every`-th line if there are few pages.

        Lines of one page are alike, so holding out some of them says little about other pages.
        """
        pages = sorted({outline.image for outline, _ in self.items})
        if len(pages) < _FEW_PAGES:
            logger.warning(
                "%s: %d pages, too few to hold one out: lines are, of the same pages",
                *(self.path, len(pages)),
            )
            return super().split(every)
        held = set(pages[::every])
        inside = [outline.image in held for outline, _ in self.items]
        return self.keep(lambda i, _: not inside[i]), self.keep(lambda i, _: inside[i])

    def __getitem__(self, index: int) -> tuple[Tensor, str]:
        """Return the line's image `(3, H, W)` in [0, 1] and its text."""
        outline, text = self.items[index]
        if outline not in self._crops:
            self._cut_page(outline.image)
        crop = self._crops[outline]
        if isinstance(crop, ImageError):
            raise crop
        return load_image(crop), text

    def _cut_page(self, image: Path) -> None:
        """Cut all lines of a page at once: pages are slow to open, and access is random."""
        page = load_image(image)
        for outline, _ in self.items:
            if outline.image == image:
                try:
                    self._crops[outline] = as_png(
                        cut(page, corners_on(page, outline), outline.orientation)
                    )
                except ImageError as error:
                    self._crops[outline] = error

    def ratio(self, index: int) -> float:
        """Width over height of the upright box around a line."""
        width, height = self.items[index][0].box()
        return width / height


def load_lines(
    path: str | Path, collections: Sequence[str] | None = None, unseen: bool = False
) -> LabeledLines:
    """Load labeled lines in either form.

    Args:
        path: A folder or tar of line images with `labels.tsv`, or a folder of PAGE-XML or ALTO.
        collections, unseen: As in `PageLines`; for pages only.

    Raises:
        ValueError: `path` is neither.
    """
    path = Path(path)
    pages = path.is_dir() and not (path / LABELS).is_file() and any(transcripts_in(path))
    return PageLines(path, collections, unseen) if pages else LabeledLines(path)


def pages_and_readings(
    path: Path, collections: Sequence[str] | None = None
) -> list[tuple[PageTranscript, frozenset[str] | None]]:
    """The pages of a folder, each with the texts that isotrope read on it if another file has them.

    Logged and skipped: files that cannot be read, and second files for the same page.

    Args:
        path, collections: As in `PageLines`.
    """
    sources: dict[Path, Path] = {}
    pages: list[PageTranscript] = []
    readings: list[PageTranscript] = []
    for file in transcripts_in(path):
        if collections is not None and file.parent.name not in collections:
            continue
        try:
            page = _usable(file)
        except ValueError as error:
            logger.warning("%s; this page is left out", error)
            continue
        if not any(clean(line.text) for line in page.lines.values()):
            continue
        if is_reading(page):
            readings.append(page)
        elif (first := sources.setdefault(page.image, file)) == file:
            pages.append(page)
        else:
            logger.warning("%s is left out: %s has that page", file, first)
    texts: dict[str, set[str]] = defaultdict(set)
    for page in readings:
        texts[page.image.name] |= {clean(line.text) for line in page.lines.values()}
    # By name: programs export a page with a copy of its image.
    named = {page.image.name for page in pages}
    alone = {page.image: page for page in readings if page.image.name not in named}
    read = {name: frozenset(of) for name, of in texts.items()}
    paired = [(page, read.get(page.image.name)) for page in pages]
    return paired + [(page, None) for page in alone.values()]


def page_lines(file: Path) -> list[tuple[Outline, str]]:
    """List the lines of a PAGE-XML or ALTO file in order; lines without text are logged.

    Raises:
        ValueError: As in `isotrope.io.transcripts.read_transcript`.
    """
    page = _usable(file)
    return [
        (Outline(page.image, line.corners, page.size, line.orientation), text)
        for line in page.lines.values()
        if (text := clean(line.text))
    ]


def _usable(file: Path) -> PageTranscript:
    """Read a file, and log its lines without text or outline."""
    page = read_transcript(file)
    texts = {number: clean(line.text) for number, line in page.lines.items()}
    faults = page.faults | {number: "no text" for number, text in texts.items() if not text}
    if faults:
        named = [f"{number} ({faults[number]})" for number in sorted(faults)]
        logger.warning(
            "%s: %d of %d lines left out: %s%s",
            *(file, len(faults), len(page.lines) + len(page.faults), ", ".join(named[:3])),
            ", ..." if named[3:] else "",
        )
    return page
