"""What `--translate` takes: `FOLDER` or `SOURCE-TARGET:FOLDER`. No torch."""

from __future__ import annotations

import re
from pathlib import Path

_LANGUAGE = "([a-z]{2,3}(?:_[A-Za-z]{2,4})?)"
_NAMED = re.compile(f"{_LANGUAGE}-{_LANGUAGE}:(.+)", re.DOTALL)


def split_name(name: str | Path) -> tuple[str | None, str | None, Path]:
    """Split `SOURCE-TARGET:FOLDER` or `FOLDER` into two languages, if given, and the folder.

    Raises:
        ValueError: The folder has no `config.json`.
    """
    named = None if Path(name).is_dir() else _NAMED.fullmatch(str(name))
    source, target, folder = named.groups() if named else (None, None, str(name))
    if not (Path(folder) / "config.json").is_file():
        raise ValueError(
            f"{name}: no translator here ({Path(folder) / 'config.json'} is missing); give the "
            "folder of a MarianMT or NLLB, or SOURCE-TARGET:FOLDER"
        )
    return source, target, Path(folder)
