"""`isotrope read`: read whole pages."""

from __future__ import annotations

import sys
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import replace
from itertools import groupby, islice
from operator import itemgetter
from pathlib import Path
from typing import TYPE_CHECKING, Any

import typer

from isotrope.cli.errors import Complaints, UsageError, exit_on_error
from isotrope.cli.files import Found, Sheet, answered, paths
from isotrope.cli.outputs import check_outputs, write_bytes
from isotrope.cli.places import Places

if TYPE_CHECKING:
    import numpy as np

    from isotrope.cli.request import Request
    from isotrope.ocr.document import Page
    from isotrope.ocr.formats.pages import PageFormat
    from isotrope.ocr.reader import Reader


def read_pages(request: Request, skip_text: bool) -> int:
    """Read each page of each file.

    Args:
        request: What to read.
        skip_text: Whether to pass over the pages of PDF files that have text.

    Returns:
        The exit status.
    """
    complaints = Complaints()
    with exit_on_error():
        format = _format(request)
        files = list(dict.fromkeys(request.files(complaints, pdf=True)))
        several = request.several
        texts = Places("--out", request.out, files, several, format.suffix, format.holds)
        shown = _shown(request.show, files, several)
        _check_files({"--out": texts, "--show": shown}, [*paths(files), request.files_from])
        request.check()
        reader = request.load() if files else None
    run = _Run(request, reader, skip_text, texts, shown, complaints)
    with exit_on_error():
        for place, pages in groupby(run.pages(files), key=itemgetter(0)):
            with complaints.about(place):
                try:
                    write_bytes(format.write((page for _, page in pages), run.source), place)
                except ValueError as error:  # what is read does not fit the format
                    complaints.add(error)
        if request.turns:
            run.summarize(to_stdout=request.format == "text" and request.out is None)
    return 1 if complaints.count else 0


def _format(request: Request) -> PageFormat:
    from isotrope.ocr.formats import format_names
    from isotrope.ocr.formats.pages import page_format

    name = request.format
    try:
        format = page_format(name)
    except ValueError as error:
        remedy = "; or read words and lines, with --crops" if name in format_names() else ""
        raise UsageError(f"--format {name}: {error}{remedy}") from error
    if name == "pdf" and request.out is None and sys.stdout.isatty():
        raise UsageError("--format pdf: not for a terminal; give --out")
    return format


def _shown(given: str | None, files: Sequence[Found], several: bool) -> Places | None:
    from isotrope.ocr.overlay import SUFFIXES

    if given is None:
        return None
    shown = Places("--show", given, files, several, ".png", "page")
    if not shown.folder and (suffix := Path(given).suffix.lower()) not in SUFFIXES:
        raise UsageError(
            f"--show {given}: a page cannot be drawn as {suffix!r}; use {' '.join(SUFFIXES)}, or "
            "a folder"
        )
    return shown


def _check_files(places: dict[str, Places | None], inputs: Sequence[Path | None]) -> None:
    """Check the outputs that are files; those that are folders have checked themselves."""
    files = {option: p.one for option, p in places.items() if p and not p.folder}
    check_outputs(files, inputs)


class _Run:
    """Reads pages, draws them, and counts those that are the same at all turns."""

    def __init__(
        self,
        request: Request,
        reader: Reader | None,
        skip_text: bool,
        texts: Places,
        shown: Places | None,
        complaints: Complaints,
    ) -> None:
        from isotrope.ocr.reading import TURNS

        self.request, self.reader, self.skip_text = request, reader, skip_text
        self.texts, self.shown, self.complaints = texts, shown, complaints
        self.angles = TURNS if request.turns else (0,)
        self.read, self.same = 0, 0
        self._sources: dict[str | None, Path | bytes] = {}

    def pages(self, files: Sequence[Found]) -> Iterator[tuple[Path | None, Page]]:
        """Each page that can be read, and where it goes."""
        if self.reader is None:
            return
        refused: set[Path] = set()
        out = self.texts.one
        results = answered(paths(files), self._answer, out, self.complaints, self.skip_text)
        for sheet, turned in results:
            pages = [_named(page, sheet) for page in turned]
            self._compare(sheet, pages)
            self._draw(sheet, pages)
            for warning in pages[0].warnings:
                self.complaints.warn(f"{sheet.name}: {warning}")
            self._sources[pages[0].file] = sheet.source
            try:
                yield self.texts.place(sheet), pages[0]
            except ValueError as error:
                if sheet.file not in refused:
                    self.complaints.add(error)
                refused.add(sheet.file)

    def source(self, page: Page) -> Path | bytes:
        """The file that a page is from."""
        return self._sources[page.file]

    def summarize(self, to_stdout: bool) -> None:
        """Print how many pages are the same document at every turn."""
        line = f"same document at all four turns: {self.same} of {self.read} pages"
        typer.echo(line, err=not to_stdout)

    def _answer(self, images: Iterable[np.ndarray]) -> Iterator[Any]:
        """The pages of each image, one for each turn."""
        from isotrope.io.images import ImageError
        from isotrope.io.resize import turn

        assert self.reader is not None
        turned = (turn(image, angle) for image in images for angle in self.angles)
        stream = self.reader.read_pages(turned, self.request.batch_size, on_error="return")
        while pages := list(islice(stream, len(self.angles))):
            problem = next((each for each in pages if isinstance(each, ImageError)), None)
            yield problem or pages

    def _compare(self, sheet: Sheet, pages: Sequence[Page]) -> None:
        self.read += 1
        differing = [
            f"{angle}°"
            for angle, page in zip(self.angles, pages, strict=True)
            if page != pages[0].turned(angle)
        ]
        if differing:
            self.complaints.warn(f"{sheet.name}: another document at {' '.join(differing)}")
        self.same += not differing

    def _draw(self, sheet: Sheet, pages: Sequence[Page]) -> None:
        from isotrope.io.resize import turn
        from isotrope.ocr.overlay import draw_pages

        if self.shown is None or (path := self.shown.place(sheet)) is None:
            return
        images = [turn(sheet.image.pixels, angle) for angle in self.angles]
        with self.complaints.about(path):
            path.parent.mkdir(parents=True, exist_ok=True)
            draw_pages(images, pages, path)


def _named(page: Page, sheet: Sheet) -> Page:
    """The page with what its file says about it."""
    image = sheet.image
    return replace(page, file=str(sheet.file), number=image.number, resolution=image.resolution)
