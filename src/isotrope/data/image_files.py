"""Labeled photographs that are decoded when they are needed: large sets in folders or tars.

`load_image_files(path, split, side)` takes

    {train,valid,test}/<class>/*         a folder, as ImageNet's (val and validation are valid too)
    a tar of that, or a folder of tars   the names inside have split/class/file at their end
    *train*.tar, *val*.tar               shards of webdataset: KEY.jpg beside KEY.cls, the class

A class in a KEY.cls is a name, or a number from 0: those that no image has are classes too.

Tars must not be compressed. Without a validation set every sixth training image validates.
"""

from __future__ import annotations

import os
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import NamedTuple

import numpy as np
import torch
from torch import Tensor
from torch.utils.data import get_worker_info

from isotrope.data.image_stores import FolderStore, ImageStore, ShardStore
from isotrope.data.labeled_images import SPLITS, LabeledImages, held_out, split_of
from isotrope.data.sources import SOURCES
from isotrope.data.views import middle, random_view
from isotrope.io.images import ImageError, image_suffixes, load_pixels
from isotrope.io.tars import TarFiles

_LARGEST = 999_999
"""Largest number of a class: a head has a row for every number up to the largest that occurs."""

_THREADS = 16
"""Maximum number of threads that decode views in a process that is not a worker."""


class FileImages:
    """uint8 views `(N, 3, side, side)` of images in files, each decoded when it is indexed.

    Index with a slice or a tensor of numbers `(n,)` to get views from the middle; `drawn` cuts them
    at random. In a worker process one thread decodes; elsewhere several do.
    """

    dtype = torch.uint8

    def __init__(self, store: ImageStore, side: int) -> None:
        self.store, self.side = store, side
        self.shape = torch.Size((len(store), 3, side, side))

    def __len__(self) -> int:
        return len(self.store)

    def __getitem__(self, index: slice | Tensor) -> Tensor:
        numbers = torch.arange(len(self))[index].tolist()
        if get_worker_info() is not None or len(numbers) < 2:
            return torch.stack([self._middle(number) for number in numbers])
        with ThreadPoolExecutor(min(_THREADS, os.cpu_count() or 1)) as pool:
            return torch.stack(list(pool.map(self._middle, numbers)))

    def drawn(self, numbers: Tensor, seed: tuple[int, ...], recolor: bool) -> Tensor:
        """Random views of these images; see `random_view`.

        Args:
            seed: Each view depends on it and on the view's place among them alone.
        """
        views = [
            random_view(
                self._pixels(number), self.side, np.random.default_rng((*seed, place)), recolor
            )
            for place, number in enumerate(numbers.tolist())
        ]
        return torch.stack(views)

    def only(self, numbers: Tensor) -> FileImages:
        """The images with these numbers, still in their files."""
        return FileImages(self.store.only(numbers.numpy()), self.side)

    def _middle(self, number: int) -> Tensor:
        return middle(self._pixels(number), self.side)

    def _pixels(self, number: int) -> np.ndarray:
        try:
            return load_pixels(self.store.read(number))
        except (ImageError, OSError) as error:
            problem = getattr(error, "problem", None) or str(error)
            raise ValueError(
                f"{self.store.name(number)} cannot be read ({problem}); take it out, or save it "
                "again as JPEG or PNG"
            ) from error


def load_image_files(path: str | Path, split: str, side: int) -> LabeledImages:
    """Find a split of a set of image files, without reading the images.

    Args:
        path: See the head of this file.
        split: "train", "valid" or "test".
        side: Side of the views in pixels.

    Raises:
        FileNotFoundError: The set or the split is missing.
        ValueError: The split is unknown, a tar is broken or compressed, or an image has no class.
    """
    path = Path(path)
    if split not in SPLITS:
        raise ValueError(f"split={split!r} is not known; use one of {', '.join(SPLITS)}")
    tars = [path] if path.is_file() else [] if _has_splits(path) else sorted(path.glob("*.tar"))
    listed = _in_shards(tars) if tars else _in_folder(path)
    found: dict[str, list[_Item]] = {}
    for item in listed:
        found.setdefault(item.split, []).append(item)
    given = "train" if split == "valid" and "valid" not in found else split
    if given not in found:
        raise FileNotFoundError(
            f"{path} has no images of {split} but of {', '.join(sorted(found)) or 'no split'}; "
            f"give a folder with train/<class>/*, a tar of it, or shards *train*.tar:{SOURCES}"
        )
    classes = _classes(found.get("train", found[given]))
    if unknown := sorted({str(item.label) for item in found[given]} - set(classes)):
        raise ValueError(
            f"{path}: the class {', '.join(unknown)} of {split} is not in train, which has "
            f"{len(classes)} classes; name the folders alike"
        )
    items = found[given]
    if split != "test" and "valid" not in found:
        items = held_out(items, split)
    place = {name: number for number, name in enumerate(classes)}
    labels = torch.tensor([place[str(item.label)] for item in items])
    if tars:
        store: ImageStore = ShardStore(tars, np.array([item.place for item in items]))
    else:
        store = FolderStore(path, [item.name for item in items])
    return LabeledImages(FileImages(store, side), labels, classes)


class _Item(NamedTuple):
    """An image: its split, its class, and its place in a folder or a tar."""

    split: str
    label: str | int  # an int: the number of a class, known from a shard
    name: str = ""
    place: tuple[int, int, int] = (0, 0, 0)


def _classes(items: list[_Item]) -> tuple[str, ...]:
    """The names of the classes in order: every number up to the largest, or the names."""
    labels = {item.label for item in items}
    numbers = [label for label in labels if isinstance(label, int)]
    if len(numbers) == len(labels):
        return tuple(map(str, range(max(numbers) + 1)))
    return tuple(sorted(map(str, labels)))


def _has_splits(path: Path) -> bool:
    """Whether a folder holds folders of splits, which then count, not the tars beside them."""
    return path.is_dir() and any(p.is_dir() and split_of(p.name) for p in path.iterdir())


def _in_folder(folder: Path) -> Iterator[_Item]:
    suffixes = tuple(image_suffixes())
    if not folder.is_dir():
        raise FileNotFoundError(f"{folder} does not exist; give the folder of a set:{SOURCES}")
    for part in sorted(folder.iterdir()):
        split = split_of(part.name) if part.is_dir() else None
        for group in sorted(part.iterdir()) if split else ():
            if not group.is_dir() or group.name.startswith("."):
                continue
            for name in sorted(os.listdir(group)):
                if name.lower().endswith(suffixes) and not name.startswith("."):
                    yield _Item(split or "", group.name, f"{part.name}/{group.name}/{name}")


def _in_shards(tars: list[Path]) -> Iterator[_Item]:
    suffixes = tuple(image_suffixes())
    for number, path in enumerate(tars):
        tar = TarFiles(path)
        words = path.stem.lower().replace("_", "-").replace(".", "-").split("-")
        own = next((split for word in words if (split := split_of(word))), None)
        for name in sorted(tar):
            file = name.rpartition("/")[2]
            if not name.lower().endswith(suffixes) or file.startswith("."):
                continue
            place = (number, *tar.place(name))
            parts = name.split("/")
            split = split_of(parts[-3]) if len(parts) > 2 else None
            if split is not None:
                yield _Item(split, parts[-2], place=place)
                continue
            label = f"{name.removesuffix(file)}{file.partition('.')[0]}.cls"
            if own is None or label not in tar:
                raise ValueError(
                    f"{path}: {name} has neither split/class/ before it nor {label} beside it in "
                    "a tar named after its split, as x-train-0000.tar; pack it so"
                )
            yield _Item(own, _class_in(tar, label), place=place)


def _class_in(tar: TarFiles, name: str) -> str | int:
    """The class that a file KEY.cls of a shard holds."""
    text = tar[name].decode(errors="replace").strip()
    if text.isdecimal() and len(text) <= len(str(_LARGEST)):
        return int(text)
    if not text.isprintable() or not text or text.lstrip("-").isdecimal() or "\ufffd" in text:
        raise ValueError(
            f"{tar.path}: {name} holds {text[:20]!r}, which is no class; write a number from 0 to "
            f"{_LARGEST:,}, or a name"
        )
    return text
