"""Labelled word and line images: a folder or a tar of images with a `labels.tsv`."""

from __future__ import annotations

import io
import logging
import lzma
import posixpath
import tarfile
import zlib
from collections.abc import Callable, Iterator
from copy import copy
from pathlib import Path

from PIL import Image
from torch import Tensor

from isotrope.data.images import load_encoded, load_image
from isotrope.io.images import ImageError
from isotrope.text.normalise import clean

logger = logging.getLogger(__name__)

LABELS = "labels.tsv"
_TURNED = (5, 6, 7, 8)  # EXIF orientations that swap width and height


class LabelledLines:
    """Images with their texts; `labels.tsv` holds `file<TAB>text`, one a line, UTF-8.

    Texts are those of `clean`. A tar is read once into memory, still compressed as JPEG or PNG; a
    folder is read file by file.

    Args:
        path: the folder or the tar, in which all may lie in one folder.

    Raises:
        ValueError: no `labels.tsv`, or one that is not UTF-8 or has no tab (single lines without
            are reported and left out); on access, an image that is missing or broken.
    """

    def __init__(self, path: str | Path) -> None:
        self.path = Path(path)
        if not self.path.exists():
            raise ValueError(f"{self.path} does not exist; give a folder or a tar with {LABELS}")
        self._bytes = self._read_tar() if self.path.is_file() else None
        self.items: list[tuple[str, str]] = list(self._labelled())

    def keep(self, wanted: Callable[[int, str], bool]) -> LabelledLines:
        """The lines for which `wanted(number, text)` holds."""
        kept = copy(self)
        kept.items = [item for i, item in enumerate(self.items) if wanted(i, item[1])]
        return kept

    def split(self, every: int) -> tuple[LabelledLines, LabelledLines]:
        """All lines but every `every`-th, and those: a training and a held-out part."""
        return self.keep(lambda i, _: i % every != 0), self.keep(lambda i, _: i % every == 0)

    def _read_tar(self) -> dict[str, bytes]:
        """The files beside the topmost `labels.tsv`, by their names from there."""
        try:
            with tarfile.open(self.path) as tar:
                members = {posixpath.normpath(m.name): m for m in tar if m.isfile()}
                labels = [name for name in members if posixpath.basename(name) == LABELS]
                top = posixpath.dirname(min(labels, key=len, default=""))
                under = f"{top}/" if top else ""
                return {
                    name.removeprefix(under): tar.extractfile(member).read()
                    for name, member in members.items()
                    if name.startswith(under)
                }
        except (tarfile.TarError, EOFError, OSError, zlib.error, lzma.LZMAError) as error:
            raise ValueError(f"{self.path} is not a whole tar ({error}); copy it again") from error

    def _labelled(self) -> Iterator[tuple[str, str]]:
        """Name and text of each line of the labels."""
        untabbed, found = [], 0
        for number, line in enumerate(self._labels().split("\n"), start=1):
            name, tab, text = line.rstrip("\r").partition("\t")
            if tab:
                found += 1
                yield posixpath.normpath(name), clean(text)
            elif line.strip():
                untabbed.append(number)
        if untabbed and not found:
            raise ValueError(
                f"{self.path}: line {untabbed[0]} of {LABELS} has no tab; write file<TAB>text"
            )
        if untabbed:
            logger.warning(
                "%s: line %s of %s has no tab; left out",
                *(self.path, ", ".join(map(str, untabbed)), LABELS),
            )

    def _labels(self) -> str:
        if self._bytes is not None:
            data = self._bytes.get(LABELS)
        else:
            file = self.path / LABELS
            data = file.read_bytes() if file.is_file() else None
        if data is None:
            raise ValueError(f"{self.path} has no {LABELS}; add one with file<TAB>text lines")
        try:
            return data.decode("utf-8-sig")
        except UnicodeDecodeError as error:
            raise ValueError(
                f"{self.path}: {LABELS} is not UTF-8 ({error}); save it as UTF-8"
            ) from error

    def __len__(self) -> int:
        return len(self.items)

    def __getitem__(self, index: int) -> tuple[Tensor, str]:
        """The image `(3, H, W)` in [0, 1] and its text."""
        name, text = self.items[index]
        if self._bytes is None:
            return load_image(self.path / name), text
        try:
            return load_encoded(self._file(name)), text
        except ImageError as error:
            raise error.named(f"{self.path}: {name}") from error

    def ratio(self, index: int) -> float:
        """Width over height of a line, without decoding its pixels."""
        name, _ = self.items[index]
        source = self.path / name if self._bytes is None else io.BytesIO(self._file(name))
        with Image.open(source) as image:
            ratio = image.width / image.height
            return 1 / ratio if image.getexif().get(0x0112) in _TURNED else ratio

    def _file(self, name: str) -> bytes:
        if name not in self._bytes:
            raise ValueError(f"{self.path} has no {name}, which {LABELS} names; make it anew")
        return self._bytes[name]
