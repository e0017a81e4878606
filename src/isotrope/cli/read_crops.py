"""`isotrope read --crops`: read images of words and lines."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, field
from itertools import chain, islice
from pathlib import Path
from typing import TYPE_CHECKING, Any

import typer

from isotrope.cli.errors import Complaints, UsageError, exit_on_error
from isotrope.cli.files import Found, answered, paths
from isotrope.cli.outputs import check_outputs, is_stream, started, write

if TYPE_CHECKING:
    import numpy as np

    from isotrope.cli.request import Request
    from isotrope.ocr.formats import Result, Writer
    from isotrope.ocr.reader import Reader
    from isotrope.ocr.reading import Reading


def read_crops(request: Request) -> int:
    """Read each image as one word or line.

    Returns:
        The exit status.
    """
    complaints = Complaints()
    out = Path(request.out) if request.out is not None else None
    show = Path(request.show) if request.show is not None else None
    with exit_on_error():
        lines_of = _writer(request.format)
        files = request.files(complaints)
        _check_places(out, show, [*paths(files), request.files_from])
        request.check()
        kept = _Kept(request.turns, show)
        reader = request.load() if files else None
    with exit_on_error(), complaints.about(out):
        results = started(_results(reader, files, request.batch_size, kept, out, complaints))
        if results or is_stream(out):  # keep the file of an earlier run if there are no results
            write(lines_of(results or (), kept.angles, request.several), out)
        if request.turns:
            kept.summarize(to_stdout=request.format == "text" and out is None)
    if show:
        with exit_on_error(), complaints.about(show):
            kept.draw(show)
    return 1 if complaints.count else 0


def _writer(format: str) -> Writer:
    from isotrope.ocr.formats import writer

    try:
        return writer(format)
    except ValueError as error:
        raise UsageError(f"--format {format}: {error}") from error


def _check_places(out: Path | None, show: Path | None, inputs: Sequence[Path | None]) -> None:
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


@dataclass
class _Kept:
    """Readings kept for the end: for the summary of `--turns` and the sheet of `--show`."""

    turns: bool
    show: Path | None
    readings: list[Sequence[Reading]] = field(default_factory=list)
    thumbnails: list[np.ndarray] = field(default_factory=list)

    @property
    def angles(self) -> Sequence[int]:
        """The turns at which each image is read."""
        from isotrope.ocr.reading import TURNS

        return TURNS if self.turns else (0,)

    def add(self, pixels: np.ndarray, readings: Sequence[Reading]) -> None:
        """Keep the readings of an image, and a thumbnail if it fits on the sheet."""
        from isotrope.ocr.sheet import LIMIT, thumbnail

        self.readings.append(readings)
        if self.show and len(self.thumbnails) * len(self.angles) < LIMIT:
            self.thumbnails.append(thumbnail(pixels))

    def summarize(self, to_stdout: bool) -> None:
        """Print how many images have the same text at every turn."""
        from isotrope.ocr.formats import same_text

        same = sum(map(same_text, self.readings))
        line = f"same text at all four turns: {same} of {len(self.readings)} images"
        typer.echo(line, err=not to_stdout)

    def draw(self, path: Path) -> None:
        """Draw the sheet, with a row for each image if it has several turns.

        Does nothing if no image was read.
        """
        from isotrope.io.resize import turn
        from isotrope.ocr.sheet import draw_sheet

        if not self.readings:
            return
        images = (turn(image, angle) for image in self.thumbnails for angle in self.angles)
        readings = list(chain.from_iterable(self.readings))
        draw_sheet(images, readings, path, columns=max(4, len(self.angles)))


def _results(
    reader: Reader | None,
    files: Sequence[Found],
    batch_size: int,
    kept: _Kept,
    out: Path | None,
    complaints: Complaints,
) -> Iterator[Result]:
    """Each readable image with its reading at each turn."""
    if reader is None:
        return

    def answer(images: Iterable[np.ndarray]) -> Iterator[Any]:
        from isotrope.io.images import ImageError

        stream = reader.stream(images, batch_size, on_error="return", turns=kept.angles)
        while readings := list(islice(stream, len(kept.angles))):
            problem = next((each for each in readings if isinstance(each, ImageError)), None)
            yield problem or readings

    for sheet, readings in answered(paths(files), answer, out, complaints):
        kept.add(sheet.image.pixels, readings)
        for warning in dict.fromkeys(chain.from_iterable(each.warnings for each in readings)):
            complaints.warn(f"{sheet.name}: {warning}")
        yield sheet.name, readings
