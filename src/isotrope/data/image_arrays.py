"""Labeled images in arrays: npz, rotated MNIST's text format, and MNIST's IDX."""

from __future__ import annotations

import gzip
import logging
from dataclasses import replace
from pathlib import Path

import numpy as np
import torch

from isotrope.data.labeled_images import (
    AGAIN,
    HELD_OUT,
    LabeledImages,
    checked,
    existing,
    held_out,
    reading,
)

logger = logging.getLogger(__name__)

AMAT = "mnist_all_rotation_normalized_float_{}.amat"
_AMAT_ROWS = {"train_valid": 12_000, "test": 50_000}
_DIGITS = tuple("0123456789")


def from_npz(folder: Path, split: str) -> LabeledImages:
    """Load `images` uint8 `(N, H, W)` or `(N, C, H, W)` and `labels` `(N,)`, one file per split."""
    whole = not (folder / "valid.npz").is_file() and split != "test"
    file = existing(folder / f"{'train' if whole else split}.npz")
    with reading(file), file.open("rb") as stream, np.load(stream) as arrays:
        images, labels = arrays["images"], arrays["labels"].reshape(-1)
    images = images[:, None] if images.ndim == 3 else images
    data = checked(file, images, labels, _DIGITS)
    return data.take(torch.tensor(held_out(range(len(data)), split))) if whole else data


def from_amat(folder: Path, split: str) -> LabeledImages:
    """Load Larochelle's text files: 784 floats in [0, 1] and a label per row."""
    name = "test" if split == "test" else "train_valid"
    file = existing(folder / AMAT.format(name))
    with reading(file):
        rows = np.loadtxt(file, dtype=np.float32, ndmin=2)
    if rows.shape[1] != 785:
        raise ValueError(
            f"{file}: {rows.shape[1]} numbers in a row, which must be 784 and a label; {AGAIN}"
        )
    if len(rows) != _AMAT_ROWS[name]:
        logger.warning("%s: %d rows; the published %d", file, len(rows), _AMAT_ROWS[name])
    values, labels = rows[:, :-1], rows[:, -1]
    if not (values.min() >= 0 and values.max() <= 1):
        raise ValueError(
            f"{file}: values from {values.min():g} to {values.max():g}, which must be in [0, 1]; "
            + AGAIN
        )
    images = np.round(values * 255).astype(np.uint8).reshape(-1, 1, 28, 28)
    return _published_part(checked(file, images, labels, _DIGITS), split)


def from_idx(folder: Path, split: str) -> LabeledImages:
    """Load MNIST's own files, compressed or not."""
    name = "t10k" if split == "test" else "train"
    file = _one_of(folder, f"{name}-images-idx3-ubyte")
    labels = _idx(_one_of(folder, f"{name}-labels-idx1-ubyte"), axes=1)
    return _published_part(checked(file, _idx(file, axes=3)[:, None], labels, _DIGITS), split)


def _published_part(data: LabeledImages, split: str) -> LabeledImages:
    """Return the test set, or one part of a published training and validation set.

    The last sixth is for validation: 10,000 + 2,000 for .amat, 50,000 + 10,000 for MNIST.
    """
    if split == "test":
        return data
    cut = len(data) - len(data) // HELD_OUT
    part = slice(cut) if split == "train" else slice(cut, None)
    return replace(data, images=data.images[part], labels=data.labels[part])


def _idx(file: Path, axes: int) -> np.ndarray:
    """Read a uint8 IDX file: 0, 0, 8, the number of axes, their sizes, the values."""
    with reading(file), (gzip.open if file.suffix == ".gz" else open)(file, "rb") as stream:
        data = stream.read()
    if data[:4] != bytes((0, 0, 8, axes)) or len(data) < 4 + 4 * axes:
        raise ValueError(f"{file} is not IDX of {axes} axes of bytes; {AGAIN}")
    sizes = np.frombuffer(data, ">u4", axes, offset=4).astype(int)
    if len(data) != 4 + 4 * axes + sizes.prod():
        raise ValueError(
            f"{file}: {len(data) - 4 - 4 * axes} bytes of values, which must be {sizes.prod()}: "
            f"cut short or broken; {AGAIN}"
        )
    return np.frombuffer(bytearray(data), np.uint8, offset=4 + 4 * axes).reshape(sizes)


def _one_of(folder: Path, name: str) -> Path:
    """Find the file with this name, compressed or not."""
    packed = folder / f"{name}.gz"
    return packed if packed.is_file() else existing(folder / name)
