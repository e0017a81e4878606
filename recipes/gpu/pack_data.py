"""The sets that a recipe names, their images compressed harder under the same names.

Of many small images a tar's own headers are a fifth, so that it is compressed as a whole as well.
"""

from __future__ import annotations

import io
import shutil
import tarfile
import tomllib
from collections.abc import Iterator
from pathlib import Path

from PIL import Image

from isotrope.io.images import image_suffixes


def pack_data(recipe: Path, data: Path, folder: Path, quality: int) -> None:
    """Every file or folder of `data` that a string of the recipe names goes to `folder`.

    Names and labels stay, so that what is known of them stays true; a reader tells an image's
    format by its first bytes.
    """
    for name in sorted(set(_strings(tomllib.loads(recipe.read_text())))):
        source, target = data / name, folder / name
        if name in ("", ".") or not source.exists():
            continue
        target.parent.mkdir(parents=True, exist_ok=True)
        if source.is_dir():
            for path in filter(Path.is_file, source.rglob("*")):
                copy = target / path.relative_to(source)
                copy.parent.mkdir(parents=True, exist_ok=True)
                copy.write_bytes(_smaller(path.name, path.read_bytes(), quality))
        elif tarfile.is_tarfile(source):
            _repack(source, target, quality)
        else:
            shutil.copy(source, target)


def _strings(value) -> Iterator[str]:
    if isinstance(value, str):
        yield value
    elif isinstance(value, dict | list):
        for inner in value.values() if isinstance(value, dict) else value:
            yield from _strings(inner)


def _repack(source: Path, target: Path, quality: int) -> None:
    with tarfile.open(source) as tar, tarfile.open(target, "w:xz") as to:
        for member in filter(tarfile.TarInfo.isfile, tar):
            content = _smaller(member.name, tar.extractfile(member).read(), quality)
            entry = tarfile.TarInfo(member.name)
            entry.size = len(content)
            to.addfile(entry, io.BytesIO(content))


def _smaller(name: str, content: bytes, quality: int) -> bytes:
    """An image as WebP if that is smaller, other files as they are."""
    if Path(name).suffix.lower() not in image_suffixes():
        return content
    with Image.open(io.BytesIO(content)) as image:
        if image.mode not in ("L", "RGB") or image.getexif() or max(image.size) > 16383:
            return content
        packed = io.BytesIO()
        image.save(packed, "WEBP", quality=quality, method=3)
    return min(content, packed.getvalue(), key=len)
