"""Images with a map of the instances in them, such as cells, from a folder or a tar."""

from __future__ import annotations

import io
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import torch
from PIL import Image
from torch import Tensor

from isotrope.data.labeled_images import AGAIN, SPLITS, held_out, reading, split_and_folder
from isotrope.io.files import replacing
from isotrope.io.images import image_suffixes, load_unit
from isotrope.io.tars import TarFiles

_LAYOUT = "name them SPLIT/images/NAME.jpg and SPLIT/labels/NAME.png, with splits " + ", ".join(
    SPLITS
)
_MOST = 65_535
"""The largest number that a label image of 16 bits holds."""


@dataclass(frozen=True)
class LabeledInstances:
    """An image and its instances.

    Args:
        name: The name of the image's file.
        pixels: `(3, H, W)`, RGB, from 0 to 255: uint8, or float32 if the file has more levels.
        labels: int32 `(H, W)`: the number of the instance that has a pixel, from 1; 0 outside.
    """

    name: str
    pixels: Tensor
    labels: np.ndarray


def load_instances(
    path: str | Path, split: str, from_train: bool = False
) -> list[LabeledInstances]:
    """Load a split of a set of files `SPLIT/images/NAME` and `SPLIT/labels/NAME.png`.

    A label image holds the number of an instance in each pixel, 0 for none, in 8, 16 or 32 bits.
    `valid` may be called `val` too. Without it every sixth training image validates.

    Args:
        path: A folder, or a tar of one.
        split: "train", "valid" or "test".
        from_train: Validate on every sixth training image even if there is a split `valid`, which
            then stays unseen and can be the test.

    Raises:
        FileNotFoundError: The set, the split or a label image is missing.
        ValueError: The split is unknown, a file is broken, or an image and its labels differ in
            size.
    """
    path = Path(path)
    if split not in SPLITS:
        raise ValueError(f"split={split!r} is not known; use one of {', '.join(SPLITS)}")
    if not path.exists():
        raise FileNotFoundError(f"{path} does not exist; give a folder or a tar: {_LAYOUT}")
    files = _files(path)
    found = {split_and_folder(name)[0] for name in files}
    whole = split != "test" and "train" in found and (from_train or "valid" not in found)
    given = "train" if whole else split
    names = sorted(name for name in files if split_and_folder(name) == (given, "images"))
    if not names:
        raise FileNotFoundError(f"{path} has no images of the split {split}; {_LAYOUT}")
    if whole:
        names = held_out(names, split, unseen="valid" if "valid" in found else None)
    return [_load(path, files, name) for name in names]


def _files(path: Path) -> Mapping[str, Path | bytes]:
    """The images and labels by name, `.../split/images/name`."""
    if path.is_dir():
        files = {file.relative_to(path).as_posix(): file for file in path.glob("*/*/*")}
        return {name: file for name, file in files.items() if _is_image(name)}
    tar = TarFiles(path)
    return {name: tar[name] for name in tar if _is_image(name)}


def _is_image(name: str) -> bool:
    parts = name.split("/")[-3:]
    return (
        len(parts) == 3
        and parts[1] in ("images", "labels")
        and Path(name).suffix.lower() in image_suffixes()
        and not any(part.startswith(".") for part in parts)
    )


def _load(path: Path, files: Mapping[str, Path | bytes], name: str) -> LabeledInstances:
    folder, _, file = name.rpartition("/")
    key = f"{folder.removesuffix('images')}labels/{Path(file).stem}.png"
    if key not in files:
        raise FileNotFoundError(f"{path}: {name} has no labels; add {key}")
    pixels = _pixels(files[name])
    labels = load_labels(files[key], f"{path}: {key}")
    if labels.shape != pixels.shape[:2]:
        raise ValueError(
            f"{path}: {name} has {pixels.shape[1]}x{pixels.shape[0]} px and its labels "
            f"{labels.shape[1]}x{labels.shape[0]}, which must be the same; {AGAIN}"
        )
    return LabeledInstances(file, torch.from_numpy(pixels).movedim(-1, 0).contiguous(), labels)


def _pixels(content: Path | bytes) -> np.ndarray:
    """`(H, W, 3)`. Cameras of microscopes fill few of the levels of 16 bits: all are kept."""
    pixels = 255 * load_unit(content)
    coarse = pixels.round()
    return coarse.astype(np.uint8) if np.abs(pixels - coarse).max() < 1e-4 else pixels


def load_labels(content: Path | bytes, name: str | None = None) -> np.ndarray:
    """The number of the instance in each pixel, int32 `(H, W)`, from a label image.

    Args:
        content: A file, or what is in it.
        name: Its name in errors, if not the file's own.

    Raises:
        ValueError: It is broken, or no label image.
    """
    name = name or str(content)
    with reading(Path(name)):
        source = io.BytesIO(content) if isinstance(content, bytes) else content
        with Image.open(source) as image:
            values = np.asarray(image)
    if values.ndim != 2 or values.dtype.kind not in "iu":
        raise ValueError(
            f"{name} is {values.dtype} {values.shape}, which must be one whole number for each "
            "pixel; save it as gray PNG of 8 or 16 bits"
        )
    return values.astype(np.int32)


def save_labels(labels: np.ndarray, path: Path) -> None:
    """Write a label image, PNG of 16 bits, whole or not at all.

    Args:
        labels: `(H, W)`: the number of the instance in each pixel, 0 outside.
        path: Its folder is made if it is missing.

    Raises:
        OSError: It cannot be written.
        ValueError: There are more numbers than 16 bits hold.
    """
    if (most := labels.max(initial=0)) > _MOST:
        raise ValueError(f"has {most} instances, and a label image holds {_MOST}; cut it up")
    path.parent.mkdir(parents=True, exist_ok=True)
    with replacing(path) as temporary:
        Image.fromarray(labels.astype(np.uint16)).save(temporary, "PNG")
