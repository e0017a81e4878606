"""Load the labeled image sets of the papers' classification tables, and your own.

`load_classification(path, split)` recognizes these at `path`:

    train.npz, valid.npz, test.npz                            rotated MNIST, rebuilt
    mnist_all_rotation_normalized_float_{train_valid,test}.amat   rotated MNIST, as published
    {train,t10k}-{images-idx3,labels-idx1}-ubyte[.gz]         upright MNIST (IDX)
    camelyonpatch_level_2_split_{train,valid,test}_{x,y}.h5   PatchCamelyon
    {train,valid,test}/<class>/*                              images in folders, or a tar of them

`valid` may be missing from folders, tars and npz files, and be called `val` in folders and tars.
"""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

from isotrope.data.image_arrays import AMAT, from_amat, from_idx, from_npz
from isotrope.data.image_folders import from_files, from_folder
from isotrope.data.image_hdf5 import PCAM, from_pcam
from isotrope.data.labeled_images import SPLITS, LabeledImages
from isotrope.data.sources import SOURCES
from isotrope.io.tars import TarFiles

__all__ = ["LabeledImages", "load_classification"]


def load_classification(path: str | Path, split: str, fit: int | None = None) -> LabeledImages:
    """Load a split of a labeled set, recognizing its kind from the files at `path`.

    Sets published without a validation split (MNIST, `.amat`) use the last sixth of the training
    set; folders and npz files without one use every sixth training image. `.amat` floats are
    rounded to 8 bits. Image files that cannot be read are logged and skipped.

    Args:
        path: A folder, any file of a set (meaning its folder), or a tar of image folders.
        split: "train", "valid" or "test".
        fit: Side in pixels of the square into which each image of a folder or tar is fitted, whole
            and in the middle (`fitted`); None: they have one size already.

    Raises:
        FileNotFoundError: The set or split is missing; the message says where to get the sets.
        ValueError: The split is unknown, a file is truncated or broken, labels are out of range or
            differ in number from the images, images have several sizes and `fit` is None, or
            `fit` goes with a set of another kind.
        ModuleNotFoundError: The set is PatchCamelyon and h5py is not installed.
    """
    path = Path(path)
    if split not in SPLITS:
        raise ValueError(f"split={split!r} is not known; use one of {', '.join(SPLITS)}")
    if not path.exists():
        raise FileNotFoundError(f"{path} does not exist; give the folder of a set:{SOURCES}")
    if path.is_file():
        if any(path.match(pattern) for pattern in _KINDS if pattern != "*/*/*"):
            return load_classification(path.parent, split, fit)  # one file stands for its folder
        return from_files(path, split, TarFiles(path), fit)
    for pattern, read in _KINDS.items():
        if not any(path.glob(pattern)):
            continue
        if read is from_folder:
            return from_folder(path, split, fit)
        if fit is not None:
            raise ValueError(
                f"fit={fit} is for images in folders or a tar, and {path} holds {pattern}, whose "
                "images have one size; leave it out"
            )
        return read(path, split)
    raise FileNotFoundError(
        f"{path} holds no set that is known: no npz, amat, IDX, HDF5 file and no "
        f"train/<class>/*; give the folder of a set:{SOURCES}"
    )


_KINDS: dict[str, Callable[[Path, str], LabeledImages]] = {
    "*.npz": from_npz,
    AMAT.format("*"): from_amat,
    "*-idx?-ubyte*": from_idx,
    PCAM.format("*", "?") + "*": from_pcam,  # compressed too: the error says to unpack it
    "*/*/*": from_folder,
}
