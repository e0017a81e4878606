"""Paths that files give, which must not lead out of a folder."""

from __future__ import annotations

import os
from pathlib import Path


def within(folder: str | Path, path: str | Path) -> Path | None:
    """`path` without its `..`, or None where it lies outside of `folder`.

    Only the names count: links inside the folder are its owner's, and are followed wherever they
    lead.
    """
    plain = os.path.normpath(path)  # A link before a `..` would lead elsewhere.
    top, full = os.path.abspath(folder), os.path.abspath(plain)
    return Path(plain) if full == top or full.startswith(os.path.join(top, "")) else None
