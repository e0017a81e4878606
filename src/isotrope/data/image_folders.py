"""Labeled images in folders `split/class/file`, or in a tar of them."""

from __future__ import annotations

import logging
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path

import torch
from torch import Tensor

from isotrope.data.fitting import fitted
from isotrope.data.images import load_image
from isotrope.data.labeled_images import SPLITS, LabeledImages, held_out, split_and_folder
from isotrope.data.sources import SOURCES
from isotrope.io.images import ImageError, image_suffixes

logger = logging.getLogger(__name__)


def from_folder(folder: Path, split: str, fit: int | None = None) -> LabeledImages:
    """Load a split of a folder `SPLIT/CLASS/IMAGE`."""
    files = {f.relative_to(folder).as_posix(): f for f in folder.glob("*/*/*") if f.is_file()}
    return from_files(folder, split, files, fit)


def from_files(
    source: Path, split: str, files: Mapping[str, Path | bytes], fit: int | None = None
) -> LabeledImages:
    """Load images named `.../split/class/file`, given as paths or contents.

    Folders of splits have one of `NAMES`. Without one of `valid`, every sixth image of `train` is
    used for validation.

    Args:
        fit: Side of the square into which each image is fitted; None: they have one size.
    """
    parts = {name: split_and_folder(name) for name in files if _is_image(name)}
    found = {part[0] for part in parts.values()}
    whole = split != "test" and "train" in found and "valid" not in found
    given = "train" if whole else split
    if given not in found:
        there = ", ".join(sorted(found)) or "no such folder"
        raise FileNotFoundError(
            f"{source} has no images in {split}/<class>/ but in {there}; "
            f"name its folders {', '.join(SPLITS)}, or give the folder of a set:{SOURCES}"
        )
    classes, own = (
        sorted({part[1] for part in parts.values() if part[0] == of})
        for of in ("train" if "train" in found else given, given)
    )
    unknown = sorted(set(own) - set(classes))
    if unknown:
        raise ValueError(
            f"{source}: the class {', '.join(unknown)} of {split} is not in train, which has "
            f"{', '.join(classes)}; name the folders alike"
        )
    names = sorted(name for name, part in parts.items() if part[0] == given)
    names = held_out(names, split) if whole else names
    images, labels = [], []
    for name, image in _decoded(source, names, files, fit):
        if images and image.shape != images[0].shape:
            raise ValueError(
                f"{source}: {name} has {_size(image)} px and the images before it "
                f"{_size(images[0])}; images must be of one size: resize them, or "
                "fit them into squares (data.fit in a recipe)"
            )
        images.append(image)
        labels.append(classes.index(parts[name][1]))
    if not images:
        raise ValueError(
            f"{source}: none of the {len(names)} images of {split} can be read; "
            "save them again as PNG"
        )
    return LabeledImages(torch.stack(images), torch.tensor(labels), tuple(classes))


def _decoded(
    source: Path, names: Sequence[str], files: Mapping[str, Path | bytes], fit: int | None
) -> Iterator[tuple[str, Tensor]]:
    """Yield the name and uint8 `(3, H, W)` of each image; log those that cannot be read."""
    for name in names:
        file = files[name]
        try:
            image = load_image(file)
        except ImageError as error:
            logger.warning("%s: %s left out: %s", source, name, error.problem)
            continue
        whole = (image * 255).round().to(torch.uint8) if fit is None else fitted(image, fit)
        yield name, whole


def _is_image(name: str) -> bool:
    """Whether a name is `split/class/file` with an image suffix and no hidden part."""
    parts = name.split("/")[-3:]
    return (
        len(parts) == 3
        and split_and_folder(name)[0] != ""
        and Path(name).suffix.lower() in image_suffixes()
        and not any(part.startswith(".") for part in parts)
    )


def _size(image: Tensor) -> str:
    return f"{image.shape[-1]}x{image.shape[-2]}"
