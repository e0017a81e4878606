"""`isotrope train classifier` and `isotrope eval`: train and score image classifiers."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Annotated, cast

import typer

from isotrope.cli.errors import exit_on_error
from isotrope.cli.files import check_folder, check_path
from isotrope.cli.train import Out, Set, run

if TYPE_CHECKING:
    from isotrope.training.tasks.classification import ClassificationTask

Data = Annotated[
    Path,
    typer.Option(
        metavar="FOLDER|TAR",
        help="A labeled set: npz, amat, IDX, PatchCamelyon's h5, or train/<class>/*, which may be "
        "a tar too. A recipe with data.crop takes a folder of tars (shards) as well.",
    ),
]


def classifier(
    config: Annotated[Path, typer.Option(help="A recipe: recipes/rotmnist-gcsa-c4.toml.")],
    data: Data,
    out: Out,
    changed: Set = None,
) -> None:
    """Train a classifier on labeled images.

    Writes checkpoint.pt, log.csv, curve.png and model/ (what `isotrope eval --model` takes).
    """
    with exit_on_error():
        check_path("--config", config)
        _check_data(data)
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
        f"at the end; {last['hours']:.2f} h"
    )


def evaluate(
    model: Annotated[
        Path,
        typer.Option(
            metavar="FOLDER", help="The folder model/ of `isotrope train classifier --out`."
        ),
    ],
    data: Data,
    split: Annotated[
        str, typer.Option(metavar="NAME", help="Its part: train, valid or test.")
    ] = "test",
    turns: Annotated[bool, typer.Option("--turns", help="At all four quarter turns too.")] = False,
    every: Annotated[
        int | None,
        typer.Option(min=1, max=359, metavar="DEGREES", help="At multiples of this angle too."),
    ] = None,
    average: Annotated[
        int,
        typer.Option(min=1, metavar="N", help="Average the logits over N turns of each image."),
    ] = 1,
) -> None:
    """Say how many images of a labeled set a classifier gets right, in float32.

    With --turns or --every it also says how much a turn changes the logits: the largest difference
    divided by the largest logit. If the model is exactly equivariant, that is rounding error.
    Between quarter turns images are interpolated bilinearly.
    """
    with exit_on_error():
        check_folder("--model", model)
        _check_data(data)
        from isotrope.groups import TURNS
        from isotrope.training.evaluation import evaluate as score_of
        from isotrope.training.evaluation import load_classifier, load_images, to_accelerator

        network, preprocessing = load_classifier(model)
        to_accelerator(network)
        images = load_images(data, split, preprocessing.fit, preprocessing.crop)
        angles = sorted({0, *(TURNS if turns else ()), *range(0, 360, every or 360)})
        scores = score_of(network, images, preprocessing, angles, average=average)
    typer.echo(f"{len(images)} images of {split}, {len(images.classes)} classes")
    for degrees, score in scores.items():
        line = f"{degrees:3d} degrees: {100 * score.accuracy:.2f}% right"
        typer.echo(line + (f", logits differ by {score.difference:.1e}" if angles[1:] else ""))


def _check_data(path: Path) -> None:
    """Reject a set that does not exist, and say where to get one."""
    from isotrope.data.sources import SOURCES

    check_path("--data", path, f"give the folder of a set:{SOURCES}")
