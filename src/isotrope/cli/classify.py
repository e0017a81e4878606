"""`isotrope classify`: the class of each image, by a trained classifier."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from itertools import groupby, islice
from typing import TYPE_CHECKING, Annotated, Literal

import typer

from isotrope.cli import options
from isotrope.cli.errors import Complaints, exit_on_error
from isotrope.cli.files import check_folder, look
from isotrope.cli.images import ModelFolder, Opened, answers, opened
from isotrope.cli.outputs import write
from isotrope.io.errors import ImageError

if TYPE_CHECKING:
    from torch import Tensor

    from isotrope.models.vit import EquivariantViT
    from isotrope.training.evaluation import Preprocessing

    Result = tuple[str, list[float]]

_BATCH = 64


def classify(
    model: ModelFolder,
    inputs: options.Images = None,
    files_from: options.FilesFrom = None,
    null: options.Null = False,
    format: Annotated[
        Literal["text", "tsv", "json"], typer.Option(help="How the classes are written.")
    ] = "text",
) -> None:
    """Say what each image shows, with a model of `isotrope train classifier`.

    Writes FILE<TAB>CLASS<TAB>PROBABILITY, the likeliest class; tsv and json have the probability of
    every class. An image that cannot be opened, or that the model does not take, gets one line on
    standard error; the others are still written, and the exit status is 1.
    """
    complaints = Complaints()
    with exit_on_error():
        files, survey = look(inputs, files_from, null, complaints)
        check_folder("--model", model)
        from isotrope.training.evaluation import load_classifier, to_accelerator

        network, preprocessing = load_classifier(model)
        to_accelerator(network)
    with exit_on_error(), complaints.about(None):
        images = opened(files, survey.count, complaints)
        results = _results(network, preprocessing, images, complaints)
        write(_FORMATS[format](results, preprocessing.classes), None)
    raise typer.Exit(1 if complaints.count else 0)


def _results(
    network: EquivariantViT,
    preprocessing: Preprocessing,
    images: Iterator[Opened],
    complaints: Complaints,
) -> Iterator[Result]:
    """The name of each image and the probabilities of its classes."""
    from isotrope.training.evaluation import probabilities

    prepared = answers(images, lambda each: preprocessing.prepared(each.image), complaints)
    for batch in _batches(prepared):
        try:
            rows = probabilities(network, preprocessing, [pixels for _, pixels in batch])
        except ValueError as error:  # no size for the model
            for image, _ in batch:
                complaints.add(ImageError(str(error), image.name))
        else:
            yield from zip((image.name for image, _ in batch), rows.tolist(), strict=True)


def _batches(images: Iterator[tuple[Opened, Tensor]]) -> Iterator[list[tuple[Opened, Tensor]]]:
    """Neighbors of one size, at most 64 of them."""
    for _, alike in groupby(images, key=lambda each: each[1].shape):
        while batch := list(islice(alike, _BATCH)):
            yield batch


def _text_lines(results: Iterator[Result], classes: Sequence[str]) -> Iterator[str]:
    from isotrope.ocr.formats import field, file_name

    for file, row in results:
        best = max(row)
        yield f"{field(file_name(file))}\t{field(classes[row.index(best)])}\t{best:.2f}"


def _tsv_lines(results: Iterator[Result], classes: Sequence[str]) -> Iterator[str]:
    from isotrope.ocr.formats import field, file_name

    yield "\t".join(("file", "class", *map(field, classes)))
    for file, row in results:
        names = map(field, (file_name(file), classes[row.index(max(row))]))
        yield "\t".join((*names, *(f"{p:.4f}" for p in row)))


def _json_lines(results: Iterator[Result], classes: Sequence[str]) -> Iterator[str]:
    from isotrope.ocr.formats import file_name, json_array

    return json_array(
        {
            "file": file_name(file),
            "class": classes[row.index(max(row))],
            "probabilities": {name: round(p, 4) for name, p in zip(classes, row, strict=True)},
        }
        for file, row in results
    )


_FORMATS: dict[str, Callable[[Iterator[Result], Sequence[str]], Iterator[str]]] = {
    "text": _text_lines,
    "tsv": _tsv_lines,
    "json": _json_lines,
}
