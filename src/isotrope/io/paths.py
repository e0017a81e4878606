"""Keep paths that come from files inside their folder."""

from __future__ import annotations

import os
from pathlib import Path


def within(folder: str | Path, path: str | Path) -> Path | None:
    """Return `path` without `..` components, or None if it lies outside `folder`.

    Only names are checked. Links inside the folder belong to its owner and may lead anywhere.
    """
    plain = os.path.normpath(path)  # so that `..` never applies to the target of a link
    top, full = os.path.abspath(folder), os.path.abspath(plain)
    return Path(plain) if full == top or full.startswith(os.path.join(top, "")) else None
