"""`isotrope read`: read whole pages."""

from __future__ import annotations

import errno
import sys
from collections import Counter
from collections.abc import Iterable, Iterator
from dataclasses import replace
from itertools import groupby
from operator import itemgetter
from pathlib import Path
from typing import TYPE_CHECKING

from isotrope.cli.errors import Complaints, UsageError, exit_on_error
from isotrope.cli.job import Job
from isotrope.cli.outputs import check_outputs, write_bytes
from isotrope.cli.places import Places

if TYPE_CHECKING:
    from isotrope.cli.request import Request
    from isotrope.jobs.inputs import Inputs
    from isotrope.jobs.run import Run
    from isotrope.jobs.survey import Survey
    from isotrope.jobs.work import Item, PageRead
    from isotrope.ocr.document import Page
    from isotrope.ocr.formats.pages import PageFormat

_FULL = (errno.ENOSPC, errno.EDQUOT, errno.EFBIG, errno.EROFS)
"""System errors that would meet every other output too."""


def read_pages(request: Request) -> int:
    """Read each page of each file.

    Returns:
        The exit status.
    """
    complaints = Complaints()
    with exit_on_error():
        request = _with_format(request)
        format = _format(request)
        inputs, survey = request.look(complaints)
        texts = Places("--out", request.out, inputs, survey, format.suffix, format.holds)
        shown = _shown(request.show, inputs, survey)
        files = {"--out": texts, "--show": shown}
        single = {option: p.one for option, p in files.items() if p and not p.folder}
        check_outputs(single, request.sources(inputs))
        request.check()
    return Job(request, inputs, survey, _Pages(request, format, texts, shown), complaints).perform()


def _with_format(request: Request) -> Request:
    from isotrope.ocr.formats.pages import PAGE_FORMATS

    suffixes = {format.suffix: name for name, format in PAGE_FORMATS.items()}
    return request.with_format(suffixes)


def _format(request: Request) -> PageFormat:
    from isotrope.ocr.formats import format_names
    from isotrope.ocr.formats.pages import page_format

    name = request.format or "text"
    try:
        format = page_format(name)
    except ValueError as error:
        remedy = "; or read words and lines, with --crops" if name in format_names() else ""
        raise UsageError(f"--format {name}: {error}{remedy}") from error
    if name == "pdf" and request.out is None and sys.stdout.isatty():
        raise UsageError("--format pdf: not for a terminal; give --out")
    return format


def _shown(given: str | None, inputs: Inputs, survey: Survey) -> Places | None:
    from isotrope.ocr.overlay import SUFFIXES

    if given is None:
        return None
    shown = Places("--show", given, inputs, survey, ".png", "page")
    if not shown.folder and (suffix := Path(given).suffix.lower()) not in SUFFIXES:
        raise UsageError(
            f"--show {given}: a page cannot be drawn as {suffix!r}; use {' '.join(SUFFIXES)}, or "
            "a folder"
        )
    return shown


class _Pages:
    """How pages are read and written: see `isotrope.cli.job.Kind`."""

    unit = "pages"
    repeat = False

    def __init__(
        self, request: Request, format: PageFormat, texts: Places, shown: Places | None
    ) -> None:
        from isotrope.jobs.work import PageWork
        from isotrope.ocr.reading import TURNS

        self.request, self.format, self.texts, self.shown = request, format, texts, shown
        self.joined = format.holds == "files" and not texts.folder
        self.folder = texts.one if texts.folder else None
        turns = TURNS if request.turns else (0,)
        self.work = PageWork(request.reader, request.batch_size, turns, request.skip_text)
        self._source: Path | bytes = b""

    def prepared(self, item: Item) -> Item:
        """The file, with the place of its picture."""
        return replace(item, picture=self.shown.of(item.relative)) if self.shown else item

    def pieces(self, results: Iterable[PageRead]) -> Iterable[bytes]:
        """All pages in one output."""
        return self.format.write(result.page for result in results)

    def stand_in(self, tally: Counter[str]) -> PageRead:
        """An empty page with the number of the last."""
        from isotrope.jobs.work import PageRead
        from isotrope.ocr.document import Page

        return PageRead(Page(1, 1, (), number=tally["number"]), 1, True)

    def count(self, result: PageRead, tally: Counter[str]) -> None:
        """Count the pages that are the same at all turns; number them as formats do."""
        tally["same"] += result.same
        tally["number"] = max(tally["number"] + 1, result.page.number)

    def write(self, item: Item, results: Iterator[PageRead], run: Run) -> None:
        """Write the pages of one file to an output of its own, or each to its own."""
        from isotrope.io.errors import TOO_LARGE
        from isotrope.jobs.errors import Unwritable
        from isotrope.jobs.work import unwritable

        self._source = item.path if item.content is None else item.content
        for place, pages in groupby(self._placed(item, results, run), key=itemgetter(0)):
            try:
                write_bytes(self.format.write((page for _, page in pages), self._source_of), place)
            except ValueError as error:  # what is read does not fit the format
                run.fail(str(error))
            except BrokenPipeError:
                raise
            except OSError as error:
                if error.errno in _FULL:
                    problem = f"{place}: cannot be written ({error.strerror or error})"
                    raise Unwritable(problem) from error
                run.fail(unwritable(place or "standard output", error))
            except MemoryError:
                run.fail(f"{place or 'standard output'}: cannot be written; {TOO_LARGE}")

    def close(self, run: Run) -> None:
        """Print how many pages are the same document at every turn."""
        self.request.report_turns("document", run.tally, self.unit)

    def _placed(
        self, item: Item, results: Iterator[PageRead], run: Run
    ) -> Iterator[tuple[Path | None, Page]]:
        output, refused = self.texts.of(item.relative), False
        for page, count, _same in results:
            try:
                yield self.texts.page(output, item.path, page.number, count), page
            except ValueError as error:
                if not refused:
                    run.fail(str(error))
                refused = True

    def _source_of(self, _page: Page) -> Path | bytes:
        return self._source
