"""`isotrope detect`: the boxes of objects in images, by a trained detector."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import TYPE_CHECKING, Annotated, Literal

import typer

from isotrope.cli import options
from isotrope.cli.errors import Complaints, exit_on_error
from isotrope.cli.files import check_folder, look
from isotrope.cli.images import ModelFolder, answers, opened
from isotrope.cli.outputs import write

if TYPE_CHECKING:
    from isotrope.models.boxes import Box

    Result = tuple[str, list[Box]]


def detect(
    model: ModelFolder,
    inputs: options.Images = None,
    files_from: options.FilesFrom = None,
    null: options.Null = False,
    format: Annotated[
        Literal["tsv", "json"], typer.Option(help="How the boxes are written.")
    ] = "tsv",
) -> None:
    """Find the boxes of objects in images, with a model of `isotrope train objects`.

    Writes a line for each box: the file, the left, upper, right and lower side in pixels, the
    number of the class (0 if there is one) and the confidence. An image without objects has none in
    tsv, and an empty list in json. An image that cannot be opened, or that the model does
    not take, gets one line on standard error; the others are still written, and the exit status
    is 1.
    """
    complaints = Complaints()
    with exit_on_error():
        files, survey = look(inputs, files_from, null, complaints)
        check_folder("--model", model)
        from isotrope.models.detector import Detector
        from isotrope.training.evaluation import to_accelerator

        network = to_accelerator(Detector.from_pretrained(model))
    with exit_on_error(), complaints.about(None):
        images = opened(files, survey.count, complaints)
        found = answers(images, lambda each: network.boxes(each.image), complaints)
        write(_FORMATS[format]((image.name, boxes) for image, boxes in found), None)
    raise typer.Exit(1 if complaints.count else 0)


def _tsv_lines(results: Iterator[Result]) -> Iterator[str]:
    from isotrope.ocr.formats import field, file_name

    yield "file\tleft\ttop\tright\tbottom\tclass\tconfidence"
    for file, boxes in results:
        for box in boxes:
            sides = "\t".join(f"{side:.1f}" for side in box.sides)
            yield f"{field(file_name(file))}\t{sides}\t{box.kind}\t{box.confidence:.4f}"


def _json_lines(results: Iterator[Result]) -> Iterator[str]:
    from isotrope.ocr.formats import file_name, json_array

    return json_array(
        {"file": file_name(file), "boxes": [_json_box(box) for box in boxes]}
        for file, boxes in results
    )


def _json_box(box: Box) -> dict[str, object]:
    arrow = {} if box.arrow is None else {"arrow": [round(part, 4) for part in box.arrow]}
    sides = [round(side, 2) for side in box.sides]
    return {"sides": sides, "class": box.kind, "confidence": round(box.confidence, 4), **arrow}


_FORMATS: dict[str, Callable[[Iterator[Result]], Iterator[str]]] = {
    "tsv": _tsv_lines,
    "json": _json_lines,
}
