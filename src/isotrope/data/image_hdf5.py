"""PatchCamelyon's HDF5 files, read on demand."""

from __future__ import annotations

import os
from pathlib import Path
from typing import Any

import numpy as np
import torch
from torch import Tensor

from isotrope.data.labeled_images import AGAIN, LabeledImages, checked, existing, reading

PCAM = "camelyonpatch_level_2_split_{}_{}.h5"


class HDF5Images:
    """uint8 images `(N, C, H, W)` in an HDF5 file, read only when indexed.

    PatchCamelyon's training images take 7 GB. Index with a slice, or with a tensor of indices
    `(n,)` in any order, to get a tensor `(n, C, H, W)`. Each process opens the file itself, so
    forked and spawned workers may share the object.
    """

    dtype = torch.uint8

    def __init__(self, path: Path) -> None:
        self.path, self._process, self._values = path, -1, None
        images = self._opened()
        if images.ndim != 4 or images.dtype != np.uint8:
            raise ValueError(
                f"{path}: x is {images.dtype} {images.shape}, which must be uint8 "
                "(N, H, W, C); fetch the published file again"
            )
        count, rows, columns, channels = images.shape
        self.shape = torch.Size((count, channels, rows, columns))

    def __len__(self) -> int:
        return self.shape[0]

    def __getitem__(self, index: slice | Tensor) -> Tensor:
        numbers = torch.arange(len(self))[index]
        rising, place = torch.unique(numbers, return_inverse=True)  # HDF5 needs them rising
        with reading(self.path):
            images = self._opened()[rising.numpy()]
        return torch.from_numpy(images).movedim(-1, 1)[place]

    def __getstate__(self) -> dict[str, Any]:
        return self.__dict__ | {"_process": -1, "_values": None}

    def _opened(self) -> Any:
        """The file's values, opened once per process."""
        if self._process != os.getpid():
            self._values = _hdf5_values(_open_hdf5(self.path), "x", self.path)
            self._process = os.getpid()
        return self._values


def from_pcam(folder: Path, split: str) -> LabeledImages:
    """Load PatchCamelyon: x `(N, 96, 96, 3)` and y `(N, 1, 1, 1)`, two files per split."""
    image_file, label_file = (existing(folder / PCAM.format(split, part)) for part in "xy")
    values = _hdf5_values(_open_hdf5(label_file), "y", label_file)
    with reading(label_file):
        labels = values[...].reshape(-1)
    return checked(image_file, HDF5Images(image_file), labels, ("normal", "tumour"))


def _open_hdf5(path: Path) -> Any:
    try:
        import h5py
    except ModuleNotFoundError as error:
        raise ModuleNotFoundError(
            f"{path} is HDF5, which needs h5py; pip install h5py", name="h5py"
        ) from error
    with reading(path):
        return h5py.File(path, "r")


def _hdf5_values(file: Any, key: str, path: Path) -> Any:
    values = file.get(key)
    if not hasattr(values, "shape"):  # missing, or a group
        raise ValueError(f"{path} has no values {key!r} but {sorted(file)}; {AGAIN}")
    return values
