"""`isotrope train classifier`, `segmentation` and `objects`: models of images without text."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Annotated, cast

import typer

from isotrope.cli.errors import exit_on_error
from isotrope.cli.files import check_path
from isotrope.cli.progress import duration
from isotrope.cli.train import Out, Set, run

if TYPE_CHECKING:
    from isotrope.training.tasks.classification import ClassificationTask

Labeled = Annotated[
    Path,
    typer.Option(
        metavar="FOLDER|TAR",
        help="A labeled set: npz, amat, IDX, PatchCamelyon's h5, or train/<class>/*, which may be "
        "a tar too. A recipe with data.crop takes a folder of tars (shards) as well.",
    ),
]
Instances = Annotated[
    Path,
    typer.Option(
        metavar="FOLDER|TAR",
        help="Images SPLIT/images/NAME.jpg and label images SPLIT/labels/NAME.png, which hold "
        "the number of the instance in each pixel; SPLIT is train or valid.",
    ),
]


def classifier(
    config: Annotated[Path, typer.Option(help="A recipe: recipes/rotmnist-gcsa-c4.toml.")],
    data: Labeled,
    out: Out,
    changed: Set = None,
) -> None:
    """Train a classifier on labeled images.

    Writes checkpoint.pt, log.csv, curve.png and model/ (what `isotrope classify` and `isotrope
    eval` take).
    """
    with exit_on_error():
        check_path("--config", config)
        check_labeled(data)
        from isotrope.training.tasks.classification_recipe import ClassificationRecipe

        example = "recipes/rotmnist-gcsa-c4.toml"
        engine = run(ClassificationRecipe, config, data, out, changed, example=example)
    if not engine.fabric.is_global_zero:
        return
    task = cast("ClassificationTask", engine.task)
    kept, last = engine.kept, engine.rows[-1]
    typer.echo(
        f"{out}: {100 * kept['valid_accuracy']:.2f}% of {len(task.valid)} validation images "
        f"right after epoch {kept['epochs']:g}, which is kept, {100 * last['valid_accuracy']:.2f}% "
        f"at the end; {duration(3600 * last['hours'])}"
    )


def segmentation(
    config: Annotated[Path, typer.Option(help="A recipe: recipes/nuclei-d4.toml.")],
    data: Instances,
    out: Out,
    changed: Set = None,
) -> None:
    """Train a segmenter on images whose instances are known, such as cells.

    Writes checkpoint.pt, log.csv, curve.png and model/ (for `isotrope segment`).
    """
    with exit_on_error():
        check_path("--config", config)
        check_path("--data", data)
        from isotrope.training.tasks.segmentation_recipe import SegmentationRecipe

        losses = ("loss", "inside", "distance")
        engine = run(
            SegmentationRecipe, config, data, out, changed, losses, example="recipes/nuclei-d4.toml"
        )
    if engine.fabric.is_global_zero:
        kept = engine.kept
        typer.echo(
            f"{out}: AP {kept['ap50']:.3f} at IoU 0.5, {kept['ap']:.3f} from 0.5 to 0.95, "
            f"AJI {kept['aji']:.3f}"
        )


def objects(
    config: Annotated[Path, typer.Option(help="A recipe: recipes/nuclei-boxes.toml.")],
    data: Instances,
    out: Out,
    changed: Set = None,
) -> None:
    """Train a detector on the boxes of the instances in images.

    Writes checkpoint.pt, log.csv, curve.png and model/ (for `isotrope detect`).
    """
    with exit_on_error():
        check_path("--config", config)
        check_path("--data", data)
        from isotrope.training.tasks.object_recipe import ObjectRecipe

        losses = ("loss", "core", "sides")
        example = "recipes/nuclei-boxes.toml"
        engine = run(ObjectRecipe, config, data, out, changed, losses, example=example)
    if engine.fabric.is_global_zero:
        typer.echo(f"{out}: AP {engine.kept['ap50']:.3f} of boxes at IoU 0.5")


def check_labeled(path: Path) -> None:
    """Reject a labeled set that does not exist, and say where to get one."""
    from isotrope.data.sources import SOURCES

    check_path("--data", path, f"give the folder of a set:{SOURCES}")
