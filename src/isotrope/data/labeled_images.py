"""Labeled images of one size, and the checks that all loaders share."""

from __future__ import annotations

import lzma
import zipfile
import zlib
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any, Protocol, TypeVar

import numpy as np
import torch
from torch import Tensor

from isotrope.data.sources import SOURCES

Item = TypeVar("Item")

SPLITS = ("train", "valid", "test")

NAMES = {"train": ("train",), "valid": ("valid", "val", "validation"), "test": ("test",)}
"""What each split may be called in the names of folders and shards."""

AGAIN = "fetch or make it again"
HELD_OUT = 6
"""Every `HELD_OUT`-th training image validates, if a set has no validation images."""
_PACKING = (zlib.error, lzma.LZMAError, zipfile.BadZipFile)
_BROKEN = (OSError, EOFError, ValueError, TypeError, KeyError, *_PACKING)


class Images(Protocol):
    """uint8 images `(N, C, H, W)`: a tensor, or what reads them from files when it is indexed."""

    @property
    def shape(self) -> torch.Size:
        """`(N, C, H, W)`."""
        ...

    @property
    def dtype(self) -> torch.dtype:
        """uint8."""
        ...

    def __len__(self) -> int: ...

    def __getitem__(self, index: Any, /) -> Tensor: ...


@dataclass(frozen=True)
class LabeledImages:
    """Images of one size with their classes.

    Args:
        images: uint8 `(N, C, H, W)`.
        labels: int64 `(N,)`, indices into `classes`.
        classes: the class names.
    """

    images: Images
    labels: Tensor
    classes: tuple[str, ...]

    def __len__(self) -> int:
        return len(self.labels)

    def take(self, numbers: Tensor) -> LabeledImages:
        """Read the images with these indices `(n,)` into memory, unless they stay in files."""
        only = getattr(self.images, "only", None)
        images = only(numbers) if only else self.images[numbers]
        return replace(self, images=images, labels=self.labels[numbers])


def split_of(name: str) -> str | None:
    """The split that a folder or a part of a shard's name stands for, in either case of letters."""
    return next((split for split, names in NAMES.items() if name.lower() in names), None)


def split_and_folder(name: str) -> tuple[str, str]:
    """The split and the folder of a file named `.../split/folder/file`; no split is ""."""
    split, folder, _ = name.split("/")[-3:]
    return split_of(split) or "", folder


def held_out(items: Sequence[Item], split: str, unseen: str | None = None) -> list[Item]:
    """Split a training set: every sixth item for validation, the rest for training.

    The held-out items are evenly spread, so both parts of a set sorted by class have every class.

    Args:
        unseen: A split that could validate, but is to stay unseen.

    Raises:
        ValueError: There are too few items to hold any out.
    """
    if len(items) < HELD_OUT:
        why = f"the split {unseen} is to stay unseen" if unseen else "there is no split valid"
        remedy = "let it validate (data.from_train=false)" if unseen else "give valid"
        raise ValueError(
            f"{why}, and {len(items)} training images are too few to hold some out; {remedy}, or "
            f"{HELD_OUT} images or more"
        )
    return [
        item for i, item in enumerate(items) if (i % HELD_OUT == HELD_OUT - 1) == (split == "valid")
    ]


def checked(file: Path, images, labels: np.ndarray, classes: tuple[str, ...]) -> LabeledImages:
    """Check that images are uint8 `(N, C, H, W)` and labels valid class indices; return the set."""
    if len(images.shape) != 4 or images.dtype not in (np.uint8, torch.uint8):
        raise ValueError(
            f"{file}: images are {images.dtype} {tuple(images.shape)}, which must be uint8 "
            f"(N, C, H, W); {AGAIN}"
        )
    if len(images) != len(labels) or not len(labels):
        raise ValueError(
            f"{file}: {len(images)} images and {len(labels)} labels, which must be as many and at "
            f"least 1; {AGAIN}"
        )
    if labels.dtype.kind not in "iuf":
        raise ValueError(
            f"{file}: labels are {labels.dtype} such as {labels[0]!s}, which must be numbers; "
            + AGAIN
        )
    whole = np.array_equal(labels, np.trunc(labels))
    low, high = labels.min(), labels.max()
    if not whole or low < 0 or high >= len(classes):
        raise ValueError(
            f"{file}: labels from {low:g} to {high:g}, which must be whole numbers from 0 to "
            f"{len(classes) - 1}; {AGAIN}"
        )
    images = torch.from_numpy(images) if isinstance(images, np.ndarray) else images
    return LabeledImages(images, torch.from_numpy(labels.astype(np.int64)), classes)


@contextmanager
def reading(file: Path) -> Iterator[None]:
    """Report any error within the block as a truncated or broken file."""
    try:
        yield
    except _BROKEN as error:
        reason = str(error).split("\n")[0] or type(error).__name__
        raise ValueError(f"{file} is cut short or broken ({reason}); {AGAIN}") from error


def existing(file: Path) -> Path:
    """Return the file; raise FileNotFoundError with a remedy if it is missing."""
    if not file.is_file():
        packed = file.with_name(file.name + ".gz")
        remedy = f"gunzip {packed.name}" if packed.is_file() else f"fetch it:{SOURCES}"
        raise FileNotFoundError(f"{file} does not exist; {remedy}")
    return file
