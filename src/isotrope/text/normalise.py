"""How texts are written, so that equal ones compare equal."""

from __future__ import annotations

import unicodedata


def clean(text: str | None) -> str:
    """A label as the reader writes it: composed (NFC), single spaces, a hyphen for a soft one."""
    return " ".join(unicodedata.normalize("NFC", text or "").replace("\u00ad", "-").split())
