"""Normalize texts so that equal ones compare equal."""

from __future__ import annotations

import unicodedata


def clean(text: str | None) -> str:
    """Normalize a label as the reader writes it: NFC, single spaces, soft hyphens as hyphens."""
    return " ".join(unicodedata.normalize("NFC", text or "").replace("\u00ad", "-").split())
