"""What clients may choose from: engines, adapters, detectors, formats. No torch."""

from __future__ import annotations

import shutil
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from importlib.util import find_spec
from pathlib import Path
from typing import Any

from isotrope.ocr.adapter_names import AUTO, NONE, is_auto, one_adapter
from isotrope.ocr.detection import DETECTOR, DETECTORS
from isotrope.ocr.engines import ENGINES
from isotrope.ocr.formats import format_names
from isotrope.ocr.formats.pages import page_format, page_format_names
from isotrope.ocr.loading import shipped_adapters, shipped_translators
from isotrope.serve.documents import CROP_SUFFIXES, media_type
from isotrope.serve.job import Choice
from isotrope.serve.limits import Refusal

_NEEDS = {"gsanet": ("torch", "transformers", "peft"), "rapidocr": ("rapidocr",)}
_SLOW = ("gsanet",)
"""Engines that take many seconds to load; clients may choose them only if they are named."""

_ADAPTERS = {"isotrope": "small", "gsanet": "recognizer"}
"""The shipped models whose adapters the engines take."""


@dataclass(frozen=True)
class Choices:
    """The names that a request may use, and what they stand for.

    Clients choose by name only: a path in a request is never opened.

    Args:
        default: Who reads if a request does not say.
        adapters: For each engine, its adapters by name: a shipped one's name, or a folder.
        detectors: The detectors by name: a known one's name, or a folder.
    """

    default: Choice
    adapters: Mapping[str, Mapping[str, str]]
    detectors: Mapping[str, str]

    @classmethod
    def of(
        cls, default: Choice, model: str | None = None, engines: Sequence[str] | None = None
    ) -> Choices:
        """What clients may choose from.

        Args:
            default: Who reads if a request does not say; it is always among them.
            model: The model of the default engine; another than the usual one has adapters of its
                own.
            engines: The engines. None: those that can be used here and load quickly.
        """
        if engines is None:
            engines = [name for name in usable_engines() if name not in _SLOW]
        adapters = {name: _shipped(name) for name in engines}
        if model not in (None, _ADAPTERS.get(default.engine)):
            adapters[default.engine] = {}
        own = adapters.setdefault(default.engine, {})
        if default.adapter not in (None, NONE):
            own.setdefault(_called(default), default.adapter)
        detectors = {name: name for name in DETECTORS}
        if default.detector is not None:
            detectors.setdefault(Path(default.detector).name, default.detector)
        return cls(default, adapters, detectors)

    def chosen(self, given: Mapping[str, str]) -> Choice:
        """Who reads a request.

        Args:
            given: May hold `engine`, `adapter`, `detector`; an empty one counts as not given.

        Raises:
            Refusal: A name is not known.
        """
        default = self.default
        engine = given.get("engine") or default.engine
        known = _known("engine", engine, {name: name for name in self.adapters})
        of = self.adapters[known]
        adapter = default.adapter if known == default.engine else None
        if name := given.get("adapter"):
            adapter = None if name == NONE else _known("adapter", name, of, f" of {known}")
        detector = default.detector
        if name := given.get("detector"):
            detector = _known("detector", name, self.detectors)
        return Choice(known, adapter, detector)

    def to_json(self) -> dict[str, Any]:
        """The names, for clients."""
        default = self.default
        every = {name: None for of in self.adapters.values() for name in of}
        return {
            "engines": list(self.adapters),
            "adapters": list(every),
            "adapters_of": {engine: list(of) for engine, of in self.adapters.items()},
            "detectors": list(self.detectors),
            "defaults": {
                "engine": default.engine,
                "adapter": None if default.adapter is None else _called(default),
                "detector": Path(default.detector or DETECTOR).name,
            },
            "formats": [_format(name, page_format(name).suffix) for name in page_formats()],
            "crop_formats": [_format(name, CROP_SUFFIXES.get(name, "")) for name in format_names()],
        }


def page_formats() -> list[str]:
    """The formats of pages that can be written here."""
    with_pdf = find_spec("pikepdf") is not None and find_spec("fontTools") is not None
    return [name for name in page_format_names() if name != "pdf" or with_pdf]


def check_format(name: str, crops: bool) -> str:
    """The name of a format, if it is one.

    Raises:
        Refusal: It is not.
    """
    names = ["json", *(format_names() if crops else page_formats())]
    if name not in names:
        of = "words and lines" if crops else "pages"
        known = ", ".join(dict.fromkeys(names))
        raise Refusal(422, f"format {name[:40]!r} is not known for {of}; use {known}")
    return name


def _known(kind: str, name: str, names: Mapping[str, str], of: str = "") -> str:
    if name not in names:
        known = ", ".join(names) or "none"
        raise Refusal(422, f"{kind} {name[:40]!r} is not known; the {kind}s{of} here are: {known}")
    return names[name]


def usable_engines() -> list[str]:
    """The engines that can be used here without weights of one's own."""
    return [name for name in ENGINES if _is_usable(name)]


def _is_usable(engine: str) -> bool:
    if engine == "tesseract":
        return shutil.which("tesseract") is not None
    if engine == "trocr":  # has no weights of its own
        return False
    return all(find_spec(module) is not None for module in _NEEDS.get(engine, ()))


def _shipped(engine: str) -> dict[str, str]:
    if engine not in _ADAPTERS:
        return {}
    model = _ADAPTERS[engine]
    names = [folder.name for folder in shipped_adapters(model)]
    names = [AUTO, *names] if names else []
    return {name: name for name in (*names, *shipped_translators(model))}


def _called(choice: Choice) -> str:
    """What clients call the adapter of a choice: never by its path."""
    if is_auto(choice.adapter):
        return AUTO
    adapters = one_adapter(choice.adapter, _ADAPTERS.get(choice.engine, "small"))
    return NONE if adapters is None else adapters.name


def _format(name: str, suffix: str) -> dict[str, str]:
    return {"name": name, "suffix": suffix, "media_type": media_type(suffix)}
