"""Labelled images for classification, of every kind that the papers' tables need.

`load_classification(path, split)` finds out what lies at `path`:

    train.npz, valid.npz, test.npz                            rotated MNIST, rebuilt
    mnist_all_rotation_normalized_float_{train_valid,test}.amat   rotated MNIST, as published
    {train,t10k}-{images-idx3,labels-idx1}-ubyte[.gz]         upright MNIST (IDX)
    camelyonpatch_level_2_split_{train,valid,test}_{x,y}.h5   PatchCamelyon
    {train,valid,test}/<class>/*                              images in folders, or a tar of them
"""

from __future__ import annotations

import gzip
import logging
import lzma
import zipfile
import zlib
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, replace
from pathlib import Path

import numpy as np
import torch
from torch import Tensor

from isotrope.data.images import load_image
from isotrope.io.images import ImageError, image_suffixes
from isotrope.io.tars import TarFiles

logger = logging.getLogger(__name__)

SPLITS = ("train", "valid", "test")
SOURCES = """
  rotated MNIST   http://www.iro.umontreal.ca/~lisa/icml2007data/mnist_rotation_new.zip (.amat)
  MNIST           https://ossci-datasets.s3.amazonaws.com/mnist (four files *-ubyte.gz)
  PatchCamelyon   https://github.com/basveeling/pcam (six files *.h5)
  your own        train/<class>/*, valid/<class>/*, test/<class>/*, in a folder or a tar"""
"""Where each kind can be had, as errors say it."""

_DIGITS = tuple("0123456789")
_HELD_OUT = 6  # one in six: 10,000 + 2,000 of the published .amat, 50,000 + 10,000 of MNIST
_AMAT = "mnist_all_rotation_normalized_float_{}.amat"
_AMAT_ROWS = {"train_valid": 12_000, "test": 50_000}
_PCAM = "camelyonpatch_level_2_split_{}_{}.h5"
_AGAIN = "fetch or make it again"
_PACKING = (zlib.error, lzma.LZMAError, zipfile.BadZipFile)
_BROKEN = (OSError, EOFError, ValueError, TypeError, KeyError, *_PACKING)


class HDF5Images:
    """`(N, C, H, W)` uint8 images in an HDF5 file; only those that are asked for are read.

    PatchCamelyon's training images are 7 GB. Indexed like a tensor by a slice or by a tensor of
    numbers `(n,)`, in any order, and gives a tensor `(n, C, H, W)`.
    """

    dtype = torch.uint8

    def __init__(self, path: Path) -> None:
        self.path, self._file = path, _open_hdf5(path)
        self._images = _hdf5_values(self._file, "x", path)
        if self._images.ndim != 4 or self._images.dtype != np.uint8:
            raise ValueError(
                f"{path}: x is {self._images.dtype} {self._images.shape}, which must be uint8 "
                "(N, H, W, C); fetch the published file again"
            )
        count, rows, columns, channels = self._images.shape
        self.shape = torch.Size((count, channels, rows, columns))

    def __len__(self) -> int:
        return self.shape[0]

    def __getitem__(self, index: slice | Tensor) -> Tensor:
        numbers = torch.arange(len(self))[index]
        rising, place = torch.unique(numbers, return_inverse=True)  # as HDF5 wants them
        with _reading(self.path):
            images = self._images[rising.numpy()]
        return torch.from_numpy(images).movedim(-1, 1)[place]


@dataclass(frozen=True)
class LabelledImages:
    """Images of one size with their classes.

    Args:
        images: uint8 `(N, C, H, W)`; a tensor, or `HDF5Images`, which is indexed like one.
        labels: int64 `(N,)`, numbers of `classes`.
        classes: their names.
    """

    images: Tensor | HDF5Images
    labels: Tensor
    classes: tuple[str, ...]

    def __len__(self) -> int:
        return len(self.labels)

    def take(self, numbers: Tensor) -> LabelledImages:
        """The images of these numbers `(n,)`, read into memory."""
        return replace(self, images=self.images[numbers], labels=self.labels[numbers])


def load_classification(path: str | Path, split: str) -> LabelledImages:
    """A split of a labelled set, whose kind is found from what there is at `path`.

    Sets published without a validation split (MNIST, `.amat`) keep every sixth part of the
    training set, its last, for it. `.amat` floats are rounded to 8 bits. An image file that cannot
    be read is reported in the log and left out.

    Args:
        path: a folder, a file of a set for the folder that it is in, or a tar of image folders.
        split: "train", "valid" or "test".

    Raises:
        FileNotFoundError: nothing there, or not the split; says where the sets can be had.
        ValueError: another split, a file that is cut short or broken, labels out of range or not
            as many as images, images of several sizes.
        ModuleNotFoundError: PatchCamelyon without h5py.
    """
    path = Path(path)
    if split not in SPLITS:
        raise ValueError(f"split={split!r} is not known; use one of {', '.join(SPLITS)}")
    if not path.exists():
        raise FileNotFoundError(f"{path} does not exist; give the folder of a set:{SOURCES}")
    if path.is_file():
        if any(path.match(pattern) for pattern in _KINDS if pattern != "*/*/*"):
            return load_classification(path.parent, split)  # a file of the set for its folder
        return _from_files(path, split, TarFiles(path))
    for pattern, read in _KINDS.items():
        if any(path.glob(pattern)):
            return read(path, split)
    raise FileNotFoundError(
        f"{path} holds no set that is known: no npz, amat, IDX, HDF5 file and no "
        f"train/<class>/*; give the folder of a set:{SOURCES}"
    )


def _from_npz(folder: Path, split: str) -> LabelledImages:
    """`images` uint8 `(N, H, W)` or `(N, C, H, W)`, and `labels` `(N,)`, of one file a split."""
    file = _existing(folder / f"{split}.npz")
    with _reading(file), file.open("rb") as stream, np.load(stream) as arrays:
        images, labels = arrays["images"], arrays["labels"].reshape(-1)
    images = images[:, None] if images.ndim == 3 else images
    return _checked(file, images, labels, _DIGITS)


def _from_amat(folder: Path, split: str) -> LabelledImages:
    """Larochelle's text files: 784 floats in [0, 1] and the label in a row."""
    name = "test" if split == "test" else "train_valid"
    file = _existing(folder / _AMAT.format(name))
    with _reading(file):
        rows = np.loadtxt(file, dtype=np.float32, ndmin=2)
    if rows.shape[1] != 785:
        raise ValueError(
            f"{file}: {rows.shape[1]} numbers in a row, which must be 784 and a label; {_AGAIN}"
        )
    if len(rows) != _AMAT_ROWS[name]:
        logger.warning("%s: %d rows; the published %d", file, len(rows), _AMAT_ROWS[name])
    values, labels = rows[:, :-1], rows[:, -1]
    if not (values.min() >= 0 and values.max() <= 1):
        raise ValueError(
            f"{file}: values from {values.min():g} to {values.max():g}, which must be in [0, 1]; "
            + _AGAIN
        )
    images = np.round(values * 255).astype(np.uint8).reshape(-1, 1, 28, 28)
    return _part(_checked(file, images, labels, _DIGITS), split)


def _from_idx(folder: Path, split: str) -> LabelledImages:
    """MNIST's own files, compressed or not."""
    name = "t10k" if split == "test" else "train"
    file = _one_of(folder, f"{name}-images-idx3-ubyte")
    labels = _idx(_one_of(folder, f"{name}-labels-idx1-ubyte"), axes=1)
    return _part(_checked(file, _idx(file, axes=3)[:, None], labels, _DIGITS), split)


def _from_pcam(folder: Path, split: str) -> LabelledImages:
    """PatchCamelyon: x `(N, 96, 96, 3)` and y `(N, 1, 1, 1)` in two files a split."""
    image_file, label_file = (_existing(folder / _PCAM.format(split, part)) for part in "xy")
    values = _hdf5_values(_open_hdf5(label_file), "y", label_file)
    with _reading(label_file):
        labels = values[...].reshape(-1)
    return _checked(image_file, HDF5Images(image_file), labels, ("normal", "tumour"))


def _from_folder(folder: Path, split: str) -> LabelledImages:
    files = (file for file in folder.glob("*/*/*") if file.is_file())
    return _from_files(folder, split, {file.relative_to(folder).as_posix(): file for file in files})


_KINDS: dict[str, Callable[[Path, str], LabelledImages]] = {
    "*.npz": _from_npz,
    _AMAT.format("*"): _from_amat,
    "*-idx?-ubyte*": _from_idx,
    _PCAM.format("*", "?") + "*": _from_pcam,  # packed too, which it tells to unpack
    "*/*/*": _from_folder,
}


def _from_files(source: Path, split: str, files: Mapping[str, Path | bytes]) -> LabelledImages:
    """Images by their names `.../split/class/file`: a file, or what is in it."""
    parts = {name: tuple(name.split("/")[-3:]) for name in files if _is_image(name)}
    found = {part[0] for part in parts.values()}
    if split not in found:
        raise FileNotFoundError(
            f"{source} has no images in {split}/<class>/ but in {sorted(found) or 'no folder'}; "
            f"name its folders {', '.join(SPLITS)}, or give the folder of a set:{SOURCES}"
        )
    classes, own = (
        sorted({part[1] for part in parts.values() if part[0] == of})
        for of in ("train" if "train" in found else split, split)
    )
    unknown = sorted(set(own) - set(classes))
    if unknown:
        raise ValueError(
            f"{source}: the class {', '.join(unknown)} of {split} is not in train, which has "
            f"{', '.join(classes)}; name the folders alike"
        )
    names = sorted(name for name, part in parts.items() if part[0] == split)
    images, labels = [], []
    for name, image in _decoded(source, names, files):
        if images and image.shape != images[0].shape:
            raise ValueError(
                f"{source}: {name} has {_size(image)} px and the images before it "
                f"{_size(images[0])}; images must be of one size: resize them"
            )
        images.append(image)
        labels.append(classes.index(parts[name][1]))
    if not images:
        raise ValueError(
            f"{source}: none of the {len(names)} images of {split} can be read; "
            "save them again as PNG"
        )
    return LabelledImages(torch.stack(images), torch.tensor(labels), tuple(classes))


def _decoded(
    source: Path, names: Sequence[str], files: Mapping[str, Path | bytes]
) -> Iterator[tuple[str, Tensor]]:
    """The name and the uint8 `(3, H, W)` of each image; one that cannot be read is reported."""
    for name in names:
        file = files[name]
        try:
            image = load_image(file)
        except ImageError as error:
            logger.warning("%s: %s left out: %s", source, name, error.problem)
            continue
        yield name, (image * 255).round().to(torch.uint8)


def _is_image(name: str) -> bool:
    """Whether it is `split/class/file` with an image's suffix and none of the parts hidden."""
    parts = name.split("/")[-3:]
    return (
        len(parts) == 3
        and parts[0] in SPLITS
        and Path(name).suffix.lower() in image_suffixes()
        and not any(part.startswith(".") for part in parts)
    )


def _checked(file: Path, images, labels: np.ndarray, classes: tuple[str, ...]) -> LabelledImages:
    """The set, its images `(N, C, H, W)` uint8, its labels whole numbers of the classes."""
    if len(images.shape) != 4 or images.dtype not in (np.uint8, torch.uint8):
        raise ValueError(
            f"{file}: images are {images.dtype} {tuple(images.shape)}, which must be uint8 "
            f"(N, C, H, W); {_AGAIN}"
        )
    if len(images) != len(labels) or not len(labels):
        raise ValueError(
            f"{file}: {len(images)} images and {len(labels)} labels, which must be as many and at "
            f"least 1; {_AGAIN}"
        )
    if labels.dtype.kind not in "iuf":
        raise ValueError(
            f"{file}: labels are {labels.dtype} such as {labels[0]!s}, which must be numbers; "
            + _AGAIN
        )
    whole = np.array_equal(labels, np.trunc(labels))
    low, high = labels.min(), labels.max()
    if not whole or low < 0 or high >= len(classes):
        raise ValueError(
            f"{file}: labels from {low:g} to {high:g}, which must be whole numbers from 0 to "
            f"{len(classes) - 1}; {_AGAIN}"
        )
    images = torch.from_numpy(images) if isinstance(images, np.ndarray) else images
    return LabelledImages(images, torch.from_numpy(labels.astype(np.int64)), classes)


def _part(data: LabelledImages, split: str) -> LabelledImages:
    """The test set whole, or the training or the validation part of a set published as one."""
    if split == "test":
        return data
    cut = len(data) - len(data) // _HELD_OUT
    part = slice(cut) if split == "train" else slice(cut, None)
    return replace(data, images=data.images[part], labels=data.labels[part])


def _idx(file: Path, axes: int) -> np.ndarray:
    """The uint8 array of an IDX file: 0, 0, 8, the number of axes, their sizes, the values."""
    with _reading(file), (gzip.open if file.suffix == ".gz" else open)(file, "rb") as stream:
        data = stream.read()
    if data[:4] != bytes((0, 0, 8, axes)) or len(data) < 4 + 4 * axes:
        raise ValueError(f"{file} is not IDX of {axes} axes of bytes; {_AGAIN}")
    sizes = np.frombuffer(data, ">u4", axes, offset=4).astype(int)
    if len(data) != 4 + 4 * axes + sizes.prod():
        raise ValueError(
            f"{file}: {len(data) - 4 - 4 * axes} bytes of values, which must be {sizes.prod()}: "
            f"cut short or broken; {_AGAIN}"
        )
    return np.frombuffer(bytearray(data), np.uint8, offset=4 + 4 * axes).reshape(sizes)


def _open_hdf5(path: Path):
    try:
        import h5py
    except ModuleNotFoundError as error:
        raise ModuleNotFoundError(
            f"{path} is HDF5, which needs h5py; pip install h5py", name="h5py"
        ) from error
    with _reading(path):
        return h5py.File(path, "r")


def _hdf5_values(file, key: str, path: Path):
    values = file.get(key)
    if not hasattr(values, "shape"):  # nothing there, or a group of others
        raise ValueError(f"{path} has no values {key!r} but {sorted(file)}; {_AGAIN}")
    return values


@contextmanager
def _reading(file: Path) -> Iterator[None]:
    """Says of what goes wrong within the block that the file is cut short or broken."""
    try:
        yield
    except _BROKEN as error:
        reason = str(error).split("\n")[0] or type(error).__name__
        raise ValueError(f"{file} is cut short or broken ({reason}); {_AGAIN}") from error


def _existing(file: Path) -> Path:
    if not file.is_file():
        packed = file.with_name(file.name + ".gz")
        remedy = f"gunzip {packed.name}" if packed.is_file() else f"fetch it:{SOURCES}"
        raise FileNotFoundError(f"{file} does not exist; {remedy}")
    return file


def _one_of(folder: Path, name: str) -> Path:
    """The file of this name, or compressed."""
    packed = folder / f"{name}.gz"
    return packed if packed.is_file() else _existing(folder / name)


def _size(image: Tensor) -> str:
    return f"{image.shape[-1]}x{image.shape[-2]}"
