"""Convert fonts of npm's @fontsource packages from WOFF to TTF files in the font cache.

`python -m isotrope.data.synthetic.webfonts FOLDER` converts packages installed by npm.
"""

from __future__ import annotations

import logging
import sys
from collections.abc import Iterator
from pathlib import Path

from isotrope.data.synthetic.blackletter import complete
from isotrope.data.synthetic.font_kinds import kind_of
from isotrope.io.files import cache_folder, replacing

logger = logging.getLogger(__name__)

_FACES = ("latin-400-normal", "latin-700-normal", "latin-400-italic")
_ONLY = ("latin-300-normal", "latin-500-normal", "latin-600-normal", "latin-900-normal")


def convert(folder: str | Path, to: str | Path | None = None) -> int:
    """Write the regular, bold and italic face of each package under `folder` as `.ttf`.

    Returns the number of converted faces, old and new. Existing files are kept; broken fonts are
    reported.

    Args:
        folder: contains packages with `files/*.woff` at any depth.
        to: by default the cache folder listed in `fonts.FOLDERS`.

    Raises:
        ValueError: There is no such file under `folder`.
    """
    from fontTools.ttLib import TTFont, TTLibError

    to = cache_folder() / "fonts" if to is None else Path(to)
    to.mkdir(parents=True, exist_ok=True)
    count = 0
    for path in faces(Path(folder)):
        target = to / f"{path.stem}.ttf"
        if not target.exists():
            try:
                font = TTFont(path)
                font.flavor = None
                if kind_of(font["name"].getDebugName(1) or "") == "fraktur":
                    complete(font)
                with replacing(target) as temporary:
                    font.save(temporary)
            except (TTLibError, OSError) as error:
                logger.warning("%s is no font (%s); left out", path, error)
                continue
        count += 1
    if not count:
        raise ValueError(
            f"{folder} has no files/*-latin-*.woff; install packages of recipes/fonts-npm.txt there"
        )
    return count


def faces(folder: Path) -> Iterator[Path]:
    """Yield the faces of each package to convert, in order of their names."""
    for files in sorted(folder.glob("**/files")):
        found = [path for face in _FACES for path in files.glob(f"*-{face}.woff")]
        yield from found or [path for face in _ONLY for path in files.glob(f"*-{face}.woff")][:1]


if __name__ == "__main__":
    if len(sys.argv) != 2:
        sys.exit("usage: python -m isotrope.data.synthetic.webfonts FOLDER")
    try:
        convert(sys.argv[1])
    except ValueError as error:
        sys.exit(str(error))
