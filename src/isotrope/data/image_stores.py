"""Where many image files lie, and how one is read: in a folder, or in tars (shards).

An image is read by its number, so the order of an epoch may be any, and a run that is resumed on
another number of processes repeats and skips nothing. Names and places are in arrays, which forked
workers share.
"""

from __future__ import annotations

import os
from abc import ABC, abstractmethod
from collections.abc import Sequence
from pathlib import Path

import numpy as np


class ImageStore(ABC):
    """Encoded images by number."""

    @abstractmethod
    def __len__(self) -> int: ...

    @abstractmethod
    def name(self, number: int) -> str:
        """The name of an image, for messages."""

    @abstractmethod
    def read(self, number: int) -> bytes:
        """The content of an image's file.

        Raises:
            OSError: It cannot be read.
        """

    @abstractmethod
    def only(self, numbers: np.ndarray) -> ImageStore:
        """The images with these numbers, in this order."""


class FolderStore(ImageStore):
    """Files of a folder.

    Args:
        folder: The folder.
        names: The files, relative to it.
    """

    def __init__(self, folder: Path, names: Sequence[str] | np.ndarray) -> None:
        self.folder = folder
        self.names = names if isinstance(names, np.ndarray) else np.array(list(map(_bytes, names)))

    def __len__(self) -> int:
        return len(self.names)

    def name(self, number: int) -> str:
        return str(self.folder / os.fsdecode(bytes(self.names[number])))

    def read(self, number: int) -> bytes:
        return Path(self.name(number)).read_bytes()

    def only(self, numbers: np.ndarray) -> FolderStore:
        return FolderStore(self.folder, self.names[numbers])


class ShardStore(ImageStore):
    """Members of tars that are not compressed.

    Args:
        tars: The tars.
        places: int64 `(N, 3)`: the number of an image's tar, its first byte and its length.
    """

    def __init__(self, tars: Sequence[Path], places: np.ndarray) -> None:
        self.tars, self.places = list(tars), places

    def __len__(self) -> int:
        return len(self.places)

    def name(self, number: int) -> str:
        tar, start, _ = self.places[number]
        return f"{self.tars[tar]}, the image at byte {start}"

    def read(self, number: int) -> bytes:
        tar, start, size = (int(value) for value in self.places[number])
        with self.tars[tar].open("rb") as file:
            file.seek(start)
            return file.read(size)

    def only(self, numbers: np.ndarray) -> ShardStore:
        return ShardStore(self.tars, self.places[numbers])


def _bytes(name: str) -> bytes:
    return os.fsencode(name)
