"""Labeled word and line images: a folder or tar of images with a `labels.tsv`."""

from __future__ import annotations

import io
import logging
import posixpath
from collections.abc import Callable, Iterator, Sequence
from copy import copy
from pathlib import Path
from typing import Any

from PIL import Image
from torch import Tensor

from isotrope.data.images import load_image
from isotrope.io.images import ImageError
from isotrope.io.paths import within
from isotrope.io.tars import TarFiles
from isotrope.text.normalise import clean

logger = logging.getLogger(__name__)

LABELS = "labels.tsv"
_TURNED = (5, 6, 7, 8)  # EXIF orientations that swap width and height


class LabeledLines:
    """Images with their texts; `labels.tsv` is UTF-8 with lines `file<TAB>text`.

    Texts are normalized by `clean`. Images are read one at a time from the folder or tar.

    Args:
        path: The folder, or a tar, whose contents may lie in one top folder.

    Raises:
        ValueError: `labels.tsv` is missing, is not UTF-8, has no tab at all (single lines without
            one are logged and skipped) or names a file outside the folder; `TarFiles` rejects the
            tar; or, on access, an image is missing or broken.
    """

    def __init__(self, path: str | Path) -> None:
        self.path = Path(path)
        if not self.path.exists():
            raise ValueError(f"{self.path} does not exist; give a folder or a tar with {LABELS}")
        self._tar = TarFiles(self.path) if self.path.is_file() else None
        self._top = _top(self._tar) if self._tar is not None else ""
        # Any: subclasses identify a line differently; here by the name of its file.
        self.items: list[tuple[Any, str]] = list(self._labeled())

    def keep(self, wanted: Callable[[int, str], bool]) -> LabeledLines:
        """Keep the lines for which `wanted(number, text)` is true."""
        kept = copy(self)
        kept.items = [item for i, item in enumerate(self.items) if wanted(i, item[1])]
        return kept

    def relabeled(self, texts: Sequence[str]) -> LabeledLines:
        """The same lines with other texts."""
        other = copy(self)
        other.items = [(item, text) for (item, _), text in zip(self.items, texts, strict=True)]
        return other

    def split(self, every: int) -> tuple[LabeledLines, LabeledLines]:
        """Split into a training part and a held-out part, which is every `every`-th line."""
        return self.keep(lambda i, _: i % every != 0), self.keep(lambda i, _: i % every == 0)

    def _labeled(self) -> Iterator[tuple[str, str]]:
        """Yield the name and text of each line of the labels."""
        untabbed, found = [], 0
        for number, line in enumerate(self._labels().split("\n"), start=1):
            name, tab, text = line.rstrip("\r").partition("\t")
            if tab:
                found += 1
                yield self._inside(name, number), clean(text)
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

    def _inside(self, name: str, number: int) -> str:
        """Normalize a name from the labels, which must lie inside the folder."""
        if within(self.path, self.path / name) is None:
            raise ValueError(
                f"{self.path}: line {number} of {LABELS} names {name!r}, which lies outside and is "
                f"not opened; put the image beside {LABELS}"
            )
        return posixpath.normpath(name)

    def _labels(self) -> str:
        if self._tar is not None:
            data = self._tar.get(self._top + LABELS)
        else:
            file = self.path / LABELS
            data = file.read_bytes() if file.is_file() else None
        if data is None:
            raise ValueError(
                f"{self.path} has no {LABELS}; add one with file<TAB>text lines, or give a folder "
                "of PAGE-XML or ALTO files"
            )
        try:
            return data.decode("utf-8-sig")
        except UnicodeDecodeError as error:
            raise ValueError(
                f"{self.path}: {LABELS} is not UTF-8 ({error}); save it as UTF-8"
            ) from error

    def __len__(self) -> int:
        return len(self.items)

    def __getitem__(self, index: int) -> tuple[Tensor, str]:
        """Return the image `(3, H, W)` in [0, 1] and its text."""
        name, text = self.items[index]
        try:
            return load_image(self._source(name)), text
        except ImageError as error:
            raise error.named(f"{self.path}: {name}") from error

    def ratio(self, index: int) -> float:
        """Width over height of a line, without decoding its pixels."""
        source = self._source(self.items[index][0])
        with Image.open(io.BytesIO(source) if isinstance(source, bytes) else source) as image:
            ratio = image.width / image.height
            return 1 / ratio if image.getexif().get(0x0112) in _TURNED else ratio

    def _source(self, name: str) -> Path | bytes:
        """Path of an image, or its content in the tar."""
        if self._tar is None:
            return self.path / name
        try:
            return self._tar[self._top + name]
        except KeyError as error:
            raise ValueError(
                f"{self.path} has no {name}, which {LABELS} names; pack it again"
            ) from error


def _top(tar: TarFiles) -> str:
    """Folder of the topmost `labels.tsv`, with a trailing slash; empty if there is none."""
    labels = [name for name in tar if posixpath.basename(name) == LABELS]
    folder = posixpath.dirname(min(labels, key=len, default=""))
    return f"{folder}/" if folder else ""
