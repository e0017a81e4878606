"""Shared by `isotrope classify`, `segment` and `detect`: a trained model, and images without text.

Images are opened at their full bit depth, one at a time. Segmenters and detectors stretch the
contrast, since microscopes fill few of 65,536 levels; classifiers see 8 bits, as in training.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, NamedTuple, TypeAlias, TypeVar

import typer

from isotrope.cli.errors import Complaints
from isotrope.cli.files import source_of
from isotrope.cli.progress import counted
from isotrope.io.errors import ImageError, enough_memory, reason
from isotrope.jobs.inputs import Found
from isotrope.jobs.work import unwritable

if TYPE_CHECKING:
    from torch import Tensor

    from isotrope.jobs.inputs import Inputs

T = TypeVar("T")

ModelFolder: TypeAlias = Annotated[
    Path,
    typer.Option("--model", metavar="FOLDER", help="The folder model/ that the training wrote."),
]


class Opened(NamedTuple):
    """An image and its file.

    Args:
        found: The file.
        image: `(3, H, W)`, RGB in [0, 1].
    """

    found: Found
    image: Tensor

    @property
    def name(self) -> str:
        """The file's path, or `-`."""
        return str(self.found.path)


def opened(inputs: Inputs, total: int, complaints: Complaints) -> Iterator[Opened]:
    """Each image that can be opened, with a progress bar; a complaint for each other file.

    Args:
        total: Number of files.
    """
    from isotrope.data.images import load_image
    from isotrope.io.opening import silence_decoders

    silence_decoders()
    with counted(total) as count:
        for found in inputs:
            if isinstance(found, ImageError):  # reported in the first pass
                continue
            name = str(found.path)
            try:
                yield Opened(found, load_image(source_of(found.path)))
            except ImageError as error:
                complaints.add(error.named(name))
            count()


def answers(
    images: Iterator[Opened], answer: Callable[[Opened], T], complaints: Complaints
) -> Iterator[tuple[Opened, T]]:
    """Each image with what becomes of it; a complaint where that fails, and the next.

    Args:
        answer: Asks the model, and may write a file.
    """
    for each in images:
        try:
            with enough_memory():
                found = answer(each)
        except (ValueError, RuntimeError) as error:  # torch's memory errors are of the second kind
            complaints.add(ImageError(reason(error), each.name))
        except OSError as error:
            complaints.add(unwritable(error.filename or each.name, error))
        else:
            yield each, found
