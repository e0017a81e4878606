"""`isotrope read`: read the text in images, whichever way up they are."""

from __future__ import annotations

import warnings
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, field
from itertools import chain, islice
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from isotrope.cli import options
from isotrope.cli.errors import Complaints, UsageError, exit_on_error
from isotrope.cli.files import answered, check_folder, gather
from isotrope.cli.outputs import check_outputs, is_stream, started, write

if TYPE_CHECKING:
    import numpy as np

    from isotrope.ocr.formats import Result, Writer
    from isotrope.ocr.reader import Reader
    from isotrope.ocr.reading import Reading


def _format_names() -> list[str]:
    from isotrope.ocr.formats import format_names

    return format_names()


def read(
    inputs: options.Inputs = None,
    files_from: options.FilesFrom = None,
    null: options.Null = False,
    format: Annotated[
        str,
        typer.Option(
            metavar="NAME",
            autocompletion=_format_names,
            help="How readings are written: text, tsv, json, jsonl, or one that a plugin adds.",
        ),
    ] = "text",
    out: options.Out = None,
    show: options.Show = None,
    min_confidence: options.MinConfidence = 0.0,
    turns: options.Turns = False,
    engine: options.EngineName = None,
    model: options.Model = None,
    weights: options.Weights = None,
    adapter: options.Adapter = None,
    finder: options.FinderName = "isotrope",
    device: options.Device = None,
    runtime: options.Runtime = None,
    beams: options.Beams = None,
    language: options.Language = None,
    batch_size: options.BatchSize = 32,
) -> None:
    """Read the words or lines in images, whichever way up they are.

    Text is written to standard output: the text alone for one file, FILE<TAB>TEXT for several. A
    TIFF with several pages is written as FILE#1, FILE#2 and so on. An image that cannot be read
    gets one line on standard error; the others are still read, and the exit status is 1. An image
    that may have been read wrongly, such as several lines in one crop, also gets a line there,
    which does not change the status.
    """
    given = {
        **{"path": weights, "adapter": adapter, "engine": engine, "model": model},
        **{"finder": finder, "min_confidence": min_confidence, "device": device},
        **{"runtime": runtime, "beams": beams, "language": language},
    }
    complaints = Complaints()
    with exit_on_error():
        lines_of = _writer(format)
        files = gather(inputs, files_from, null, complaints)
        check_outputs({"--out": out, "--show": show}, [*files, files_from])
        _check_options(given, show)
        kept = _Kept(turns, show)
        reader = _load_reader(given) if files else None
    named = inputs or []
    several = files_from is not None or len(named) > 1 or any(path.is_dir() for path in named)
    with exit_on_error(), complaints.about(out):
        results = started(_results(reader, files, batch_size, kept, out, complaints))
        if results or is_stream(out):  # keep the file of an earlier run if there are no results
            write(lines_of(results or (), kept.angles, several), out)
        if turns:
            kept.summarize(to_stdout=format == "text" and out is None)
    if show:
        with exit_on_error(), complaints.about(show):
            kept.draw(show)
    raise typer.Exit(1 if complaints.count else 0)


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


def _writer(format: str) -> Writer:
    from isotrope.ocr.formats import writer

    try:
        return writer(format)
    except ValueError as error:
        raise UsageError(f"--format {format}: {error}") from error


def _check_options(given: dict[str, Any], show: Path | None) -> None:
    """Reject bad options now, rather than after seconds of loading.

    Raises:
        ValueError: A folder, its model or the adapter does not exist.
        UsageError: The engine does not take an option, or `show` has an unknown suffix.
    """
    from isotrope.ocr.loading import adapter_folder, default_engine
    from isotrope.ocr.sheet import sheet_format

    weights, finder, adapter = given["path"], given["finder"], given["adapter"]
    check_folder("--weights", weights)
    engine = given["engine"] or default_engine(weights)
    _check_taken(engine, given)
    if weights is not None and not (weights / "config.json").is_file():
        raise ValueError(f"{weights}: no recognizer here (config.json is missing); check --weights")
    if engine == "trocr" and weights is None:
        raise UsageError("--engine trocr needs --weights, a folder with a TrOCR and its tokenizer")
    if finder not in ("isotrope", "orbit"):
        check_folder("--finder", finder)
    if adapter is not None:
        adapter_folder(adapter, "recognizer" if engine == "gsanet" else given["model"] or "small")
    if show is not None:
        try:
            sheet_format(show)
        except ValueError as error:
            raise UsageError(f"--show {error}") from error


def _check_taken(engine: str, given: dict[str, Any]) -> None:
    """Reject an option that belongs to another engine."""
    from isotrope.ocr.engines import engine_options

    readers = ("engine", "finder", "min_confidence")  # the reader's own options, for every engine
    taken = {*readers, *engine_options(engine)}
    for name, value in given.items():
        if value is not None and name not in taken:
            option = "--weights" if name == "path" else f"--{name}"
            raise UsageError(
                f"{option} {value}: the engine {engine} does not take it; leave it out"
            )


def _load_reader(given: dict[str, Any]) -> Reader:
    from isotrope.ocr.reader import Reader

    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        return Reader.from_pretrained(**given)


def _results(
    reader: Reader | None,
    files: Sequence[Path],
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

    for name, pixels, readings in answered(files, answer, out, complaints):
        kept.add(pixels, readings)
        for warning in dict.fromkeys(chain.from_iterable(each.warnings for each in readings)):
            complaints.warn(f"{name}: {warning}")
        yield name, readings
