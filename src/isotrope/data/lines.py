"""Labelled word and line images: a folder or a tar of images with a `labels.tsv`."""

from __future__ import annotations

import io
import tarfile
from collections.abc import Callable
from copy import copy
from pathlib import Path

from PIL import Image
from torch import Tensor

from isotrope.data.images import load_image


class LabelledLines:
    """Images with their texts; `labels.tsv` holds `file<TAB>text`, one a line, UTF-8.

    White space of any kind and length in a text is one space; there is none at its ends.

    A tar is read once into memory, still compressed as JPEG or PNG; a folder is read file by file.

    Args:
        path: the folder or the tar.

    Raises:
        ValueError: no `labels.tsv`, or a line of it without a tab; on access, a file that
            `labels.tsv` names and that is missing.
    """

    def __init__(self, path: str | Path) -> None:
        self.path = Path(path)
        if not self.path.exists():
            raise ValueError(f"{self.path} does not exist; give a folder or a tar with labels.tsv")
        self._bytes = self._read_tar() if self.path.is_file() else None
        lines = [line.split("\t", 1) for line in self._labels().splitlines() if line.strip()]
        self.items: list[tuple[str, str]] = []
        for number, line in enumerate(lines):
            if len(line) != 2:
                raise ValueError(
                    f"{self.path}: line {number + 1} of labels.tsv has no tab; write file<TAB>text"
                )
            self.items.append((line[0], " ".join(line[1].split())))

    def keep(self, wanted: Callable[[int, str], bool]) -> LabelledLines:
        """The lines for which `wanted(number, text)` holds."""
        kept = copy(self)
        kept.items = [item for i, item in enumerate(self.items) if wanted(i, item[1])]
        return kept

    def split(self, every: int) -> tuple[LabelledLines, LabelledLines]:
        """All lines but every `every`-th, and those: a training and a held-out part."""
        return self.keep(lambda i, _: i % every != 0), self.keep(lambda i, _: i % every == 0)

    def _read_tar(self) -> dict[str, bytes]:
        try:
            with tarfile.open(self.path) as tar:
                files = (member for member in tar if member.isfile())
                return {m.name.removeprefix("./"): tar.extractfile(m).read() for m in files}
        except tarfile.TarError as error:
            raise ValueError(f"{self.path} is not a whole tar ({error}); copy it again") from error

    def _labels(self) -> str:
        if self._bytes is not None:
            data = self._bytes.get("labels.tsv")
        else:
            file = self.path / "labels.tsv"
            data = file.read_bytes() if file.is_file() else None
        if data is None:
            raise ValueError(f"{self.path} has no labels.tsv; add one with file<TAB>text lines")
        return data.decode("utf-8-sig")

    def __len__(self) -> int:
        return len(self.items)

    def __getitem__(self, index: int) -> tuple[Tensor, str]:
        """The image `(3, H, W)` in [0, 1] and its text."""
        name, text = self.items[index]
        if self._bytes is None:
            return load_image(self.path / name), text
        return load_image(Image.open(io.BytesIO(self._file(name)))), text

    def ratio(self, index: int) -> float:
        """Width over height of a line, without decoding its pixels."""
        name, _ = self.items[index]
        source = self.path / name if self._bytes is None else io.BytesIO(self._file(name))
        with Image.open(source) as image:
            return image.width / image.height

    def _file(self, name: str) -> bytes:
        if name not in self._bytes:
            raise ValueError(f"{self.path} has no {name}, which labels.tsv names; make it anew")
        return self._bytes[name]
