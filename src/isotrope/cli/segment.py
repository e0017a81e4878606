"""`isotrope train segmentation` and `objects`: find instances in images, and their boxes."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from isotrope.cli.errors import exit_on_error
from isotrope.cli.files import check_path
from isotrope.cli.train import Out, Set, run

Data = Annotated[
    Path,
    typer.Option(
        metavar="FOLDER|TAR",
        help="Images SPLIT/images/NAME.jpg and label images SPLIT/labels/NAME.png, which hold "
        "the number of the instance in each pixel; SPLIT is train or valid.",
    ),
]


def segmentation(
    config: Annotated[Path, typer.Option(help="A recipe: recipes/nuclei-d4.toml.")],
    data: Data,
    out: Out,
    changed: Set = None,
) -> None:
    """Train a segmenter on images whose instances are known, such as cells.

    Writes checkpoint.pt, log.csv, curve.png and model/ (for Segmenter.from_pretrained).
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
    data: Data,
    out: Out,
    changed: Set = None,
) -> None:
    """Train a detector on the boxes of the instances in images.

    Writes checkpoint.pt, log.csv, curve.png and model/ (for Detector.from_pretrained).
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
