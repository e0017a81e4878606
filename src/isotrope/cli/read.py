"""`isotrope read`: the text of images, at any of four orientations."""

from __future__ import annotations

import io
import sys
import warnings
from collections.abc import Iterable, Iterator, Sequence
from contextlib import contextmanager
from itertools import islice
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Literal

import typer

from isotrope.cli.errors import one_line

if TYPE_CHECKING:
    from isotrope.ocr.formats import Result
    from isotrope.ocr.reader import Reader, Runtime

# With fewer images than this a progress bar is gone before it is seen.
_MANY = 32


def read(
    inputs: Annotated[
        list[Path],
        typer.Argument(metavar="FILE_OR_FOLDER", help="Images, or folders of images."),
    ],
    format: Annotated[
        Literal["text", "tsv", "json"], typer.Option(help="How the readings are written.")
    ] = "text",
    out: Annotated[
        Path | None, typer.Option(dir_okay=False, help="Write them to this file.")
    ] = None,
    show: Annotated[
        Path | None,
        typer.Option(dir_okay=False, help="Draw a PNG of the images and their texts."),
    ] = None,
    adapter: Annotated[
        str | None, typer.Option(help="A LoRA adapter: its folder, or a shipped name.")
    ] = None,
    weights: Annotated[
        Path | None, typer.Option(help="A folder of weights instead of the shipped ones.")
    ] = None,
    runtime: Annotated[
        Literal["auto", "torch", "onnx"],
        typer.Option(help="auto: onnx, which is faster, where isotrope export has been run."),
    ] = "auto",
    beams: Annotated[
        int | None,
        typer.Option(
            min=1, help="Follow so many texts of each image: 4 with an adapter, 1 without."
        ),
    ] = None,
    batch_size: Annotated[int, typer.Option(min=1, help="Images read at once.")] = 32,
    turns: Annotated[
        bool, typer.Option("--turns", help="Read each image at all four turns and compare.")
    ] = False,
) -> None:
    """Read the words or lines in images, at any of four orientations.

    Text is written to standard output: the text alone for one file, FILE<TAB>TEXT for several.
    An image that cannot be read gets one line on standard error; the others are read all the
    same, and the exit status is 1.
    """
    from isotrope.ocr.formats import FORMATS

    complaints = _Complaints()
    for path in (out, show):
        if path is not None and not path.parent.is_dir():
            complaints.add(f"{path}: there is no folder {path.parent}; make it first")
            raise typer.Exit(1)
    files = _gather(inputs, complaints)
    kept: list[Result] = []
    names = len(inputs) > 1 or inputs[0].is_dir()
    if files and (reader := _load_reader(weights, adapter, runtime, beams, complaints)):
        # It loads torch: not before there is something to read.
        from isotrope.groups import TURNS

        angles = TURNS if turns else (0,)
        results = _results(reader, files, out, batch_size, angles, complaints)
        lines = FORMATS[format](_keeping(results, kept), angles, names)
        with complaints.about(out):
            _write(lines, out)
            if turns:
                _summarise(kept, to_stdout=format == "text" and out is None)
        if show and kept:
            with complaints.about(show):
                _draw(kept, angles, show)
    raise typer.Exit(1 if complaints.count else 0)


class _Complaints:
    """What went wrong: one line each on standard error, and how many there were."""

    def __init__(self):
        self.count = 0

    def add(self, problem: Exception | str) -> None:
        self.count += 1
        # Not err=True, which goes round the progress bar's hold on sys.stderr and into the bar.
        typer.echo(one_line(problem), file=sys.stderr)

    @contextmanager
    def about(self, path: Path | None) -> Iterator[None]:
        """Complain of a file (None: standard output) that cannot be written."""
        try:
            yield
        except OSError as error:
            if path is None and isinstance(error, BrokenPipeError):
                raise  # Whoever reads us has seen enough; typer ends quietly.
            name = path or "standard output"
            self.add(f"{name}: cannot be written ({error.strerror or error}); free or change it")
            if path is None:
                # What is left in its buffer would fail again at exit, with a traceback.
                sys.stdout = io.StringIO()


def _gather(inputs: Sequence[Path], complaints: _Complaints) -> list[Path]:
    """The files given, and those of the folders given, in their order."""
    from isotrope.io.images import ImageError, find_images

    files = []
    for path in inputs:
        try:
            files += find_images(path) if path.is_dir() else [path]
        except ImageError as error:
            complaints.add(error)
    return files


def _load_reader(
    weights: Path | None,
    adapter: str | None,
    runtime: Runtime,
    beams: int | None,
    complaints: _Complaints,
) -> Reader | None:
    from isotrope.ocr.reader import Reader

    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            return Reader.from_pretrained(weights, adapter, runtime, beams)
    except (ValueError, OSError, ModuleNotFoundError) as error:
        complaints.add(error)
        return None


def _results(
    reader: Reader,
    files: Sequence[Path],
    out: Path | None,
    batch_size: int,
    angles: Sequence[int],
    complaints: _Complaints,
) -> Iterator[Result]:
    """Each readable file with its reading at each angle; a complaint for each other file."""
    from isotrope.io.images import ImageError

    stream = reader.stream(files, batch_size, on_error="return", turns=angles)
    for file in _progress(files, out):
        readings = list(islice(stream, len(angles)))
        failed = next((entry for entry in readings if isinstance(entry, ImageError)), None)
        if failed is None:
            yield file, readings
        else:
            complaints.add(failed)


def _progress(files: Sequence[Path], out: Path | None) -> Iterator[Path]:
    """The files, with a bar on standard error where there are many and it disturbs nothing."""
    texts_on_screen = out is None and sys.stdout.isatty()
    if len(files) < _MANY or texts_on_screen or not sys.stderr.isatty():
        yield from files
        return
    from rich.console import Console
    from rich.progress import Progress

    # Redirected, the texts of a pipe would go to the bar's console: standard error.
    console = Console(stderr=True)
    with Progress(console=console, transient=True, redirect_stdout=False) as progress:
        yield from progress.track(files, description="Reading")


def _keeping(results: Iterable[Result], kept: list[Result]) -> Iterator[Result]:
    for result in results:
        kept.append(result)
        yield result


def _write(lines: Iterable[str], out: Path | None) -> None:
    """Lines to a file, whole or not at all, or to standard output as they come."""
    from isotrope.io.files import replacing

    if out is None:
        for line in lines:
            typer.echo(line)
        return
    with replacing(out) as temporary, temporary.open("w", encoding="utf-8", newline="\n") as file:
        file.writelines(line + "\n" for line in lines)


def _summarise(kept: Sequence[Result], to_stdout: bool) -> None:
    """How many images say the same at every turn."""
    from isotrope.ocr.formats import same_text

    same = sum(same_text(readings) for _, readings in kept)
    typer.echo(f"same text at all four turns: {same} of {len(kept)} images", err=not to_stdout)


def _draw(kept: Sequence[Result], angles: Sequence[int], path: Path) -> None:
    """The sheet of `--show`: with several angles, a row for each image."""
    import torch

    from isotrope.data.images import load_image
    from isotrope.ocr.sheet import draw_sheet

    images = (
        torch.rot90(image, angle // 90, (-2, -1))
        for file, _ in kept
        for image in [load_image(file)]
        for angle in angles
    )
    readings = [reading for _, per_angle in kept for reading in per_angle]
    draw_sheet(images, readings, path, columns=max(4, len(angles)))
