"""`isotrope orient`: find which way up images are."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Literal

import typer

from isotrope.cli import options
from isotrope.cli.errors import Complaints, exit_on_error
from isotrope.cli.files import answered, check_folder, look
from isotrope.cli.outputs import write
from isotrope.jobs.inputs import Found

if TYPE_CHECKING:
    import numpy as np

    from isotrope.io.images import ImageError
    from isotrope.jobs.inputs import Inputs
    from isotrope.ocr.orientation.finder import Orientation, OrientationFinder

    Result = tuple[str, Orientation]

_SURE = 0.6
"""Below this probability the text format says "cannot tell"."""

_BATCH = 32


def orient(
    inputs: options.Inputs = None,
    files_from: options.FilesFrom = None,
    null: options.Null = False,
    format: Annotated[
        Literal["text", "tsv", "json"], typer.Option(help="How the orientations are written.")
    ] = "text",
    weights: options.Weights = None,
    device: options.Device = None,
) -> None:
    """Say how far words, lines or pages are turned from upright.

    Writes FILE<TAB>DEGREES<TAB>CONFIDENCE: degrees counter-clockwise, 0, 90, 180 or 270, and their
    probability. If no turn is likely enough, the text format has "cannot tell" instead of the
    degrees. A TIFF or PDF with several pages is written as FILE#1, FILE#2 and so on. An image
    that cannot be opened gets one line on standard error; the others are still written, and the
    exit status is 1.
    """
    complaints = Complaints()
    with exit_on_error():
        files, survey = look(inputs, files_from, null, complaints, pdf=True)
        check_folder("--weights", weights)
        finder = _load_finder(weights, device) if survey.count else None
    with exit_on_error(), complaints.about(None):
        results = _results(finder, files, survey.count, complaints)
        write(_FORMATS[format](results), None)
    raise typer.Exit(1 if complaints.count else 0)


def _load_finder(weights: Path | None, device: str | None) -> OrientationFinder:
    from isotrope.ocr.orientation.finder import OrientationFinder

    return OrientationFinder.from_pretrained(weights, device=device)


def _results(
    finder: OrientationFinder | None, files: Inputs, total: int, complaints: Complaints
) -> Iterator[Result]:
    """Each readable file with its orientation; a complaint for each other file."""
    if finder is None:
        return

    def answer(images: Iterable[np.ndarray]) -> Iterator[Orientation | ImageError]:
        from isotrope.io.images import ImageError
        from isotrope.ocr.windows import loaded, windows

        for window in windows(loaded(images), _BATCH, 2 * _BATCH):
            sound = [image for image in window if not isinstance(image, ImageError)]
            found = iter(finder.find_pixels(sound, _BATCH))
            for image in window:
                yield image if isinstance(image, ImageError) else next(found)

    paths = (file.path for file in files if isinstance(file, Found))
    for sheet, found in answered(paths, total, answer, complaints):
        yield sheet.name, found


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
