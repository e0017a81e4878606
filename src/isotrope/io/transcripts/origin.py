"""Who wrote a transcript: isotrope, another program, or a person with one."""

from __future__ import annotations

from dataclasses import dataclass

from isotrope.io.transcripts.elements import Element, first

FINISHED = ("DONE", "FINAL", "GT")
"""Transkribus' states of a page that a person has checked."""

NEW = "NEW"
"""Transkribus' state of a page that no person has saved since it was imported."""


@dataclass(frozen=True)
class Origin:
    """What a file says about who wrote it.

    Args:
        is_ours: Whether isotrope wrote the file and, as far as it says, nobody changed it since.
        status: Transkribus' state of the page, such as "IN_PROGRESS" or "GT"; empty elsewhere.
    """

    is_ours: bool = False
    status: str = ""


def origin_of(root: Element) -> Origin:
    """The origin of a PAGE-XML or ALTO file, by its root element."""
    program = _text(root, "Creator") or _text(root, "softwareName")
    state = first(root, "TranskribusMetadata")
    status = "" if state is None else state.get("status", "")
    is_unchanged = _text(root, "Created") == _text(root, "LastChange") and not status
    return Origin(program.split(" ")[0] == "isotrope" and is_unchanged, status)


def _text(root: Element, name: str) -> str:
    element = first(root, name)
    return "" if element is None else (element.text or "").strip()
