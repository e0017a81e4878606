"""`isotrope read --crops`: read images of words and lines."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Iterator
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING

from isotrope.cli.errors import Complaints, UsageError, exit_on_error
from isotrope.cli.job import Job
from isotrope.cli.outputs import check_outputs

if TYPE_CHECKING:
    import numpy as np

    from isotrope.cli.request import Request
    from isotrope.jobs.run import Run
    from isotrope.jobs.work import CropRead, Item
    from isotrope.ocr.formats import Writer
    from isotrope.ocr.reading import Reading


def read_crops(request: Request) -> int:
    """Read each image as one word or line.

    Returns:
        The exit status.
    """
    from isotrope.ocr.formats import FORMATS

    complaints = Complaints()
    out = Path(request.out) if request.out is not None else None
    show = Path(request.show) if request.show is not None else None
    with exit_on_error():
        suffixes = {f".{name}": name for name in FORMATS}
        request = request.with_format(suffixes | {".txt": "text"})
        writer = _writer(request.format or "text")
        inputs, survey = request.look(complaints)
        _check_places(out, show, request.sources(inputs))
        request.check()
    kind = _Crops(request, writer, complaints)
    return Job(request, inputs, survey, kind, complaints).perform()


def _writer(format: str) -> Writer:
    from isotrope.ocr.formats import writer

    try:
        return writer(format)
    except ValueError as error:
        raise UsageError(f"--format {format}: {error}") from error


def _check_places(out: Path | None, show: Path | None, inputs: Iterable[Path]) -> None:
    from isotrope.ocr.sheet import sheet_format

    for option, path in {"--out": out, "--show": show}.items():
        if path is not None and path.is_dir():
            raise UsageError(f"{option} {path}: a folder; with --crops give a file")
    check_outputs({"--out": out, "--show": show}, inputs)
    if show is not None:
        try:
            sheet_format(show)
        except ValueError as error:
            raise UsageError(f"--show {error}") from error


class _Crops:
    """How words and lines are read and written: see `isotrope.cli.job.Kind`."""

    unit = "images"
    joined = True
    folder = None
    repeat = True

    def __init__(self, request: Request, writer: Writer, complaints: Complaints) -> None:
        from isotrope.jobs.work import CropWork
        from isotrope.ocr.reading import TURNS

        self.request, self.writer, self.complaints = request, writer, complaints
        self.turns = TURNS if request.turns else (0,)
        self.work = CropWork(request.reader, request.batch_size, self.turns)
        self.show = Path(request.show) if request.show is not None else None
        self._drawn: list[tuple[np.ndarray, tuple[Reading, ...]]] = []

    def prepared(self, item: Item) -> Item:
        """The file; its images are wanted as long as there is room on the sheet."""
        return replace(item, thumbnail=self._has_room)

    def pieces(self, results: Iterable[CropRead]) -> Iterable[bytes]:
        """The lines of all texts."""
        named = ((result.name, result.readings) for result in results)
        for line in self.writer(named, self.turns, self.request.several):
            yield line.encode("utf-8", "replace") + b"\n"

    def stand_in(self, tally: Counter[str]) -> CropRead:
        """An image without text."""
        from isotrope.jobs.work import CropRead
        from isotrope.ocr.reading import Reading

        return CropRead("", (Reading("", 1.0, 0),) * len(self.turns), None)

    def count(self, result: CropRead, tally: Counter[str]) -> None:
        """Count the images with the same text at all turns; keep those for the sheet."""
        from isotrope.ocr.formats import same_text

        tally["same"] += same_text(result.readings)
        if result.thumbnail is not None and self._has_room:
            self._drawn.append((result.thumbnail, tuple(result.readings)))

    def write(self, item: Item, results: Iterator[CropRead], run: Run) -> None:
        """Never: all texts go into one output."""
        raise NotImplementedError

    def close(self, run: Run) -> None:
        """Print how many images have the same text at every turn, and draw the sheet."""
        self.request.report_turns("text", run.tally, self.unit)
        if self.show and self._drawn:
            with exit_on_error(), self.complaints.about(self.show):
                self._draw(self.show, run.results)

    @property
    def _has_room(self) -> bool:
        from isotrope.ocr.sheet import LIMIT

        return self.show is not None and len(self._drawn) * len(self.turns) < LIMIT

    def _draw(self, path: Path, total: int) -> None:
        """Draw the sheet, with a row for each image if it has several turns."""
        from isotrope.io.resize import turn
        from isotrope.ocr.sheet import draw_sheet

        images = (turn(image, degrees) for image, _ in self._drawn for degrees in self.turns)
        readings = [reading for _, several in self._drawn for reading in several]
        columns = max(4, len(self.turns))
        draw_sheet(images, readings, path, columns, total * len(self.turns))
