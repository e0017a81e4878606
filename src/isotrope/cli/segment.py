"""`isotrope segment`: the instances in images, such as cells, by a trained segmenter."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import suppress
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, cast

import typer

from isotrope.cli import options
from isotrope.cli.errors import Complaints, UsageError, exit_on_error
from isotrope.cli.files import check_folder, look
from isotrope.cli.images import ModelFolder, Opened, answers, opened
from isotrope.cli.outputs import write
from isotrope.cli.places import Places
from isotrope.io.files import replacing

if TYPE_CHECKING:
    import numpy as np
    from torch import Tensor

    from isotrope.jobs.inputs import Inputs
    from isotrope.models.segmenter import Segmenter


def segment(
    model: ModelFolder,
    out: Annotated[Path, typer.Option(metavar="FOLDER", help="Where the label images go.")],
    inputs: options.Images = None,
    files_from: options.FilesFrom = None,
    null: options.Null = False,
    show: Annotated[
        Path | None,
        typer.Option(metavar="FOLDER", help="Draw the outlines of the instances, as PNG."),
    ] = None,
    resume: Annotated[
        bool, typer.Option("--resume", help="Leave label images that are there as they are.")
    ] = False,
) -> None:
    """Find instances in images, with a model of `isotrope train segmentation`.

    NAME.png in --out, in subfolders as the images are, holds the number of the instance in each
    pixel, 0 outside, in 16 bits; a line FILE<TAB>INSTANCES says how many there are. Images are
    turned as their EXIF data says. An image that cannot be opened, or that the model does not take,
    gets one line on standard error; the others are still written, and the exit status is 1.
    """
    complaints = Complaints()
    with exit_on_error():
        files, survey = look(inputs, files_from, null, complaints)
        check_folder("--model", model)
        _check_apart(files, out, show)
        labels = Places("--out", f"{out}/", files, survey, ".png", "page")
        shown = Places("--show", f"{show}/", files, survey, ".png", "page") if show else None
        from isotrope.models.segmenter import Segmenter
        from isotrope.training.evaluation import to_accelerator

        network = to_accelerator(Segmenter.from_pretrained(model))
        answer = partial(_count, network, labels, shown, resume)
    with exit_on_error(), complaints.about(None):
        images = opened(files, survey.count, complaints)
        write(_lines(answers(images, answer, complaints)), None)
    raise typer.Exit(1 if complaints.count else 0)


def _count(
    network: Segmenter, labels: Places, shown: Places | None, resume: bool, image: Opened
) -> int:
    """Write the label image of an image, and count its instances."""
    from isotrope.data.instances import load_labels, save_labels

    place, kept = _place(labels, image), None
    if resume and place.is_file():
        with suppress(ValueError):  # a broken one is made again
            kept = load_labels(place)
    found = network.instances(image.image) if kept is None else kept
    if shown is not None:
        drawn = _place(shown, image)
        if kept is None or not drawn.is_file():
            _draw(image.image, found, drawn)
    if kept is None:
        save_labels(found, place)  # last: with it, the image is done
    return found.max(initial=0)


def _check_apart(files: Inputs, out: Path, show: Path | None) -> None:
    """Reject outputs that the next run would take for images, or that would replace each other.

    Raises:
        UsageError: --out and --show are one folder, or one lies in a folder that is read.
    """
    if show is not None and show.resolve() == out.resolve():
        raise UsageError(f"--show {show}: that is --out too; give two folders")
    for option, place in {"--out": out, "--show": show}.items():
        for folder in files.named:
            if place is not None and folder.is_dir() and _lies_in(place, folder):
                raise UsageError(
                    f"{option} {place}: it lies in {folder}, all images of which are read; give "
                    "one beside it"
                )


def _lies_in(place: Path, folder: Path) -> bool:
    return place.resolve().is_relative_to(folder.resolve())


def _lines(counts: Iterator[tuple[Opened, int]]) -> Iterator[str]:
    from isotrope.ocr.formats import field, file_name

    for image, count in counts:
        yield f"{field(file_name(image.name))}\t{count}"


def _place(places: Places, image: Opened) -> Path:
    return cast("Path", places.of(image.found.relative))


def _draw(image: Tensor, labels: np.ndarray, path: Path) -> None:
    """Write the image, its contrast stretched, with its instances outlined in red."""
    import numpy as np
    from PIL import Image
    from skimage.segmentation import mark_boundaries

    from isotrope.models.pixels import stretched

    pixels = stretched(image).clamp(0, 1).movedim(0, -1).numpy()
    outlined = mark_boundaries(pixels, labels, color=(1, 0, 0))
    path.parent.mkdir(parents=True, exist_ok=True)
    with replacing(path) as temporary:
        Image.fromarray(np.uint8(255 * outlined + 0.5)).save(temporary, "PNG")
