"""Fonts cut to the characters that are drawn, as many families as fit, in one archive."""

from __future__ import annotations

import io
import logging
import lzma
import tarfile
from pathlib import Path

from fontTools.subset import Options, Subsetter, load_font, save_font

from isotrope.data.synthetic.font_kinds import kind_of
from isotrope.data.synthetic.fonts import font_families
from isotrope.text.charset import LINE_CHARSET


def pack_fonts(archive: Path, most: int) -> None:
    """Writes a `.tar.xz` of at most `most` bytes: a file of each family, then second ones, ...

    Blackletter comes first and whole; of the rest, every seventh name and then its neighbors, so
    that what is left out is of no one foundry.
    """
    logging.getLogger("fontTools").setLevel(logging.ERROR)  # it tells of each table left out
    archive.parent.mkdir(parents=True, exist_ok=True)
    packed, size = [], 0
    for path in _order():
        if (content := _subset(path)) is None:
            continue
        size += len(lzma.compress(content, preset=1))
        if size > most:
            break
        packed.append((path, content))
    with tarfile.open(archive, "w:xz", preset=9) as tar:
        for number, (path, content) in enumerate(packed):
            entry = tarfile.TarInfo(f"{number:03}-{path.name}")
            entry.size = len(content)
            tar.addfile(entry, io.BytesIO(content))


def _order() -> list[Path]:
    """The files in the order in which they are wanted."""
    families = font_families("train")
    rank = {name: number for number, name in enumerate(families)}
    files = [
        (0 if kind_of(name) == "fraktur" else number, rank[name] % 7, name, file.path)
        for name, fonts in families.items()
        for number, file in enumerate(fonts)
    ]
    return [Path(path) for *_, path in sorted(files)]


def _subset(path: Path) -> bytes | None:
    """A font file with the wanted glyphs, their kerning and its names; None if it cannot be cut."""
    if path.suffix.lower() == ".ttc":
        return None
    options = Options(
        layout_features=["kern"], hinting=False, name_IDs=[1, 2, 4, 16, 17], notdef_outline=True
    )
    options.drop_tables += ["FFTM", "DSIG", "PfEd"]
    try:
        font = load_font(str(path), options, lazy=True)
        cut = Subsetter(options)
        cut.populate(text=LINE_CHARSET)
        cut.subset(font)
        written = io.BytesIO()
        save_font(font, written, options)
    except Exception:  # fontTools raises what it likes on the faults of old fonts; others will do
        return None
    return written.getvalue()
