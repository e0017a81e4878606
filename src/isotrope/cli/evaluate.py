"""`isotrope eval`: score a classifier on a labeled set, at any angle."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from isotrope.cli.errors import exit_on_error
from isotrope.cli.files import check_folder
from isotrope.cli.train_images import Labeled, check_labeled


def evaluate(
    model: Annotated[
        Path,
        typer.Option(
            metavar="FOLDER", help="The folder model/ of `isotrope train classifier --out`."
        ),
    ],
    data: Labeled,
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
        check_labeled(data)
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
