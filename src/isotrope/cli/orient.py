"""`isotrope orient`: which way up images lie."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Literal

import typer

from isotrope.cli.errors import Complaints
from isotrope.cli.files import gather, tracked, write

if TYPE_CHECKING:
    from isotrope.ocr.orientation.finder import Orientation, OrientationFinder

    Result = tuple[Path, Orientation]

_SURE = 0.6
"""Below this probability the text format says that it cannot tell."""

_BATCH = 32


def orient(
    inputs: Annotated[
        list[Path],
        typer.Argument(metavar="FILE_OR_FOLDER", help="Images, or folders of images."),
    ],
    format: Annotated[
        Literal["text", "tsv", "json"], typer.Option(help="How the orientations are written.")
    ] = "text",
    weights: Annotated[
        Path | None, typer.Option(help="A folder of the finder's weights, not the shipped ones.")
    ] = None,
) -> None:
    """Say how far words, lines or pages are turned from upright.

    Writes FILE<TAB>DEGREES<TAB>CONFIDENCE: degrees counter-clockwise, 0, 90, 180 or 270, and their
    probability. Where no turn is likely enough the text format has "cannot tell" in place of the
    degrees. An image that cannot be opened gets one line on standard error; the others are written
    all the same, and the exit status is 1.
    """
    complaints = Complaints()
    files = gather(inputs, complaints)
    if files and (finder := _load_finder(weights, complaints)):
        with complaints.about(None):
            write(_FORMATS[format](_results(finder, files, complaints)), None)
    raise typer.Exit(1 if complaints.count else 0)


def _load_finder(weights: Path | None, complaints: Complaints) -> OrientationFinder | None:
    from isotrope.ocr.orientation.finder import OrientationFinder

    try:
        return OrientationFinder.from_pretrained(weights)
    except (ValueError, OSError) as error:
        complaints.add(error)
        return None


def _results(
    finder: OrientationFinder, files: Sequence[Path], complaints: Complaints
) -> Iterator[Result]:
    """Each file that can be opened with its orientation; a complaint for each other file."""
    from isotrope.io.images import ImageError
    from isotrope.ocr.windows import loaded, windows

    waiting = iter(files)
    for window in windows(loaded(tracked(files, None)), _BATCH, 4 * _BATCH):
        sound = [image for image in window if not isinstance(image, ImageError)]
        found = iter(finder.find_pixels(sound, _BATCH))
        for image in window:
            file = next(waiting)
            if isinstance(image, ImageError):
                complaints.add(image)
            else:
                yield file, next(found)


def _text_lines(results: Iterator[Result]) -> Iterator[str]:
    from isotrope.ocr.formats import field, file_name

    for file, found in results:
        said = found.degrees if found.confidence >= _SURE else "cannot tell"
        yield f"{field(file_name(file))}\t{said}\t{found.confidence:.2f}"


def _tsv_lines(results: Iterator[Result]) -> Iterator[str]:
    from isotrope.ocr.formats import field, file_name

    yield "file\tdegrees\tconfidence\tslant"
    for file, found in results:
        numbers = f"{found.degrees}\t{found.confidence:.4f}\t{found.slant:.1f}"
        yield f"{field(file_name(file))}\t{numbers}"


def _json_lines(results: Iterator[Result]) -> Iterator[str]:
    from isotrope.ocr.formats import file_name, json_array

    return json_array(
        {
            "file": file_name(file),
            "degrees": found.degrees,
            "confidence": round(found.confidence, 4),
            "slant": round(found.slant, 1),
            "scores": [round(score, 4) for score in found.scores],
        }
        for file, found in results
    )


_FORMATS: dict[str, Callable[[Iterator[Result]], Iterator[str]]] = {
    "text": _text_lines,
    "tsv": _tsv_lines,
    "json": _json_lines,
}
