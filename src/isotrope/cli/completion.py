"""What the shell offers for options whose values are names; folders are the shell's own business.

Imports are inside the functions, since the shell waits for them.
"""

from __future__ import annotations


def adapter_names(incomplete: str) -> list[str]:
    """The shipped adapters, and the words for a choice and for none."""
    from isotrope.ocr.adapter_names import AUTO, NONE
    from isotrope.ocr.loading import BASES, shipped_names

    found = {name for model in BASES.values() for name in shipped_names(model)}
    return _starting([*sorted(found), AUTO, NONE], incomplete)


def detector_names(incomplete: str) -> list[str]:
    """The detectors."""
    from isotrope.ocr.detection import DETECTORS

    return _starting(list(DETECTORS), incomplete)


def finder_names(incomplete: str) -> list[str]:
    """What `--finder` takes, besides a folder."""
    from isotrope.ocr.finders import FINDERS

    return _starting(list(FINDERS), incomplete)


def format_names(incomplete: str) -> list[str]:
    """The formats of pages, then those that only crops have."""
    from isotrope.ocr import formats
    from isotrope.ocr.formats.pages import page_format_names

    names = dict.fromkeys([*page_format_names(), *formats.format_names()])
    return _starting(list(names), incomplete)


def _starting(names: list[str], incomplete: str) -> list[str]:
    return [name for name in names if name.startswith(incomplete)]
