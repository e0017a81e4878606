"""Engines, which read upright lines. Each is imported on first use."""

from __future__ import annotations

import inspect
from collections.abc import Callable
from importlib import import_module
from typing import Any, cast

from isotrope.ocr.adapter_names import NONE, is_auto
from isotrope.ocr.engines.base import Engine, Transcript
from isotrope.ocr.engines.choosing import readapted

__all__ = ["ENGINES", "Engine", "Transcript", "engine_options", "make_engine", "readapted"]

ENGINES = {
    "isotrope": "isotrope.ocr.engines.isotrope:Isotrope",
    "gsanet": "isotrope.ocr.engines.gsanet:GSANet",
    "rapidocr": "isotrope.ocr.engines.rapidocr:RapidOCR",
    "tesseract": "isotrope.ocr.engines.tesseract:Tesseract",
    "trocr": "isotrope.ocr.engines.trocr:TrOCR",
}
"""The engines by name: the location of a class with `from_pretrained`."""


def make_engine(engine: str | Engine | Callable, **options: Any) -> Engine:
    """Make an engine by name or from a function.

    Args:
        engine: A name of `ENGINES`; an engine, which is returned as it is; or a function that maps
            an upright line `(H, W, 3)`, uint8 RGB, to its text, to `(text, confidence)` or to a
            `Transcript`.
        options: Arguments for the `from_pretrained` of the named engine; None means its default.

    Raises:
        ValueError: There is no engine of this name, or it does not take an option.
        ModuleNotFoundError: A package the engine needs is not installed.
        TypeError: `engine` is none of the above.
    """
    given = {name: value for name, value in options.items() if value is not None}
    if str(given.get("adapter")) == NONE:
        del given["adapter"]
    if isinstance(engine, str):
        return _named(engine, given)
    if given:
        raise ValueError(
            f"{', '.join(given)} would make an engine, and one is given; set it up beforehand"
        )
    if callable(getattr(engine, "read", None)):
        return cast("Engine", engine)
    if callable(engine):
        from isotrope.ocr.engines.function import Function

        return Function(engine)
    raise TypeError(
        f"an engine of type {type(engine).__name__}; give a name, a function or an object with a "
        "method `read`"
    )


def engine_options(name: str) -> list[str]:
    """List the options that the named engine takes.

    Raises:
        ValueError: There is no engine of this name.
    """
    return list(inspect.signature(_maker(name)).parameters)


def _maker(name: str) -> Callable[..., Engine]:
    if name not in ENGINES:
        raise ValueError(
            f"engine {name!r} is not known; use {', '.join(ENGINES)}, or give a function"
        )
    module, cls = ENGINES[name].split(":")
    return getattr(import_module(module), cls).from_pretrained


def _named(name: str, given: dict[str, Any]) -> Engine:
    make, taken = _maker(name), engine_options(name)
    if strange := [option for option in given if option not in taken]:
        raise ValueError(
            f"engine {name!r} takes no {', '.join(strange)}; it takes {', '.join(taken)}"
        )
    if not is_auto(given.get("adapter")):
        return make(**given)
    if "runtime" in taken:
        given.setdefault("runtime", "torch")  # an export has its adapter merged for good
    return readapted(make(**given | {"adapter": None}), given["adapter"])
