"""`isotrope read`: the text of images, whichever way up they are."""

from __future__ import annotations

import warnings
from collections.abc import Iterable, Iterator, Sequence
from itertools import islice
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Literal

import typer

from isotrope.cli.errors import Complaints
from isotrope.cli.files import gather, tracked, write

if TYPE_CHECKING:
    from isotrope.ocr.formats import Result
    from isotrope.ocr.reader import Reader


def read(
    inputs: Annotated[
        list[Path],
        typer.Argument(metavar="FILE_OR_FOLDER", help="Images, or folders of images."),
    ],
    format: Annotated[
        Literal["text", "tsv", "json", "jsonl"], typer.Option(help="How the readings are written.")
    ] = "text",
    out: Annotated[
        Path | None, typer.Option(dir_okay=False, help="Write them to this file.")
    ] = None,
    show: Annotated[
        Path | None,
        typer.Option(dir_okay=False, help="Draw a PNG of the images and their texts."),
    ] = None,
    engine: Annotated[
        str | None, typer.Option(help="Who reads: isotrope, gsanet, rapidocr, tesseract or trocr.")
    ] = None,
    model: Annotated[
        str | None,
        typer.Option(help="small or tiny, which is faster. For isotrope and rapidocr."),
    ] = None,
    adapter: Annotated[
        str | None, typer.Option(help="A LoRA adapter: its folder, or a shipped name.")
    ] = None,
    weights: Annotated[
        Path | None, typer.Option(help="A folder of weights instead of the shipped ones.")
    ] = None,
    finder: Annotated[
        str,
        typer.Option(
            help="Who finds which way is up: isotrope, a folder of weights, or orbit, which is "
            "the engine at all four turns."
        ),
    ] = "isotrope",
    min_confidence: Annotated[
        float, typer.Option(min=0, max=1, help="Leave out texts that are less sure than this.")
    ] = 0.0,
    language: Annotated[
        str | None, typer.Option(help="For tesseract: its languages, such as deu+fra.")
    ] = None,
    runtime: Annotated[
        str | None,
        typer.Option(
            help="For gsanet: torch, onnx, or auto, which is onnx where isotrope export has run."
        ),
    ] = None,
    beams: Annotated[
        int | None,
        typer.Option(
            min=1, help="For gsanet and trocr: how many texts of each image to follow side by side."
        ),
    ] = None,
    batch_size: Annotated[int, typer.Option(min=1, help="Images read at once.")] = 32,
    turns: Annotated[
        bool, typer.Option("--turns", help="Read each image at all four turns and compare.")
    ] = False,
) -> None:
    """Read the words or lines in images, whichever way up they are.

    Text is written to standard output: the text alone for one file, FILE<TAB>TEXT for several.
    An image that cannot be read gets one line on standard error; the others are read all the
    same, and the exit status is 1.
    """
    from isotrope.ocr.formats import FORMATS
    from isotrope.ocr.reading import TURNS

    complaints = Complaints()
    for path in (out, show):
        if path is not None and not path.parent.is_dir():
            complaints.add(f"{path}: there is no folder {path.parent}; make it first")
            raise typer.Exit(1)
    options = {
        "path": weights,
        "adapter": adapter,
        "engine": engine,
        "model": model,
        "finder": finder,
        "min_confidence": min_confidence,
        "runtime": runtime,
        "beams": beams,
        "language": language,
    }
    files = gather(inputs, complaints)
    kept: list[Result] = []
    names = len(inputs) > 1 or inputs[0].is_dir()
    if files and (reader := _load_reader(options, complaints)):
        angles = TURNS if turns else (0,)
        results = _results(reader, files, out, batch_size, angles, complaints)
        lines = FORMATS[format](_keeping(results, kept), angles, names)
        with complaints.about(out):
            write(lines, out)
            if turns:
                _summarize(kept, to_stdout=format == "text" and out is None)
        if show and kept:
            with complaints.about(show):
                _draw(kept, angles, show, complaints)
    raise typer.Exit(1 if complaints.count else 0)


def _load_reader(options: dict, complaints: Complaints) -> Reader | None:
    from isotrope.ocr.reader import Reader

    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            return Reader.from_pretrained(**options)
    except (ValueError, OSError, ModuleNotFoundError) as error:
        complaints.add(error)
        return None


def _results(
    reader: Reader,
    files: Sequence[Path],
    out: Path | None,
    batch_size: int,
    angles: Sequence[int],
    complaints: Complaints,
) -> Iterator[Result]:
    """Each readable file with its reading at each angle; a complaint for each other file."""
    from isotrope.io.images import ImageError

    stream = reader.stream(files, batch_size, on_error="return", turns=angles)
    for file in tracked(files, out):
        readings = list(islice(stream, len(angles)))
        failed = next((entry for entry in readings if isinstance(entry, ImageError)), None)
        if failed is None:
            yield file, readings
        else:
            complaints.add(failed)


def _keeping(results: Iterable[Result], kept: list[Result]) -> Iterator[Result]:
    for result in results:
        kept.append(result)
        yield result


def _summarize(kept: Sequence[Result], to_stdout: bool) -> None:
    """Say how many images have the same text at every turn."""
    from isotrope.ocr.formats import same_text

    same = sum(same_text(readings) for _, readings in kept)
    typer.echo(f"same text at all four turns: {same} of {len(kept)} images", err=not to_stdout)


def _draw(
    kept: Sequence[Result], angles: Sequence[int], path: Path, complaints: Complaints
) -> None:
    """The sheet of `--show`: with several angles, a row for each image."""
    from isotrope.io.images import load_pixels
    from isotrope.io.resize import turn
    from isotrope.ocr.sheet import draw_sheet

    images = (
        turn(image, angle) for file, _ in kept for image in [load_pixels(file)] for angle in angles
    )
    readings = [reading for _, per_angle in kept for reading in per_angle]
    try:
        draw_sheet(images, readings, path, columns=max(4, len(angles)))
    except ModuleNotFoundError as error:  # matplotlib, which reading does not need
        complaints.add(error)
