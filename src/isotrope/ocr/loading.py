"""Locate the shipped weights and adapters, and choose the default engine. No torch."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

from isotrope.ocr.onnx.session import CONFIG as MODEL
from isotrope.ocr.onnx.session import GRAPH

SHIPPED = Path(__file__).parents[1] / "weights"
"""The weights that come with the package: a folder for each model, with its adapters inside."""


def shipped(model: str) -> Path:
    """The folder of a shipped model.

    Args:
        model: "small", "tiny", "recognizer", "finder", "detector" (PP-OCRv6's), or "linenet" (the
            equivariant detector).
    """
    return SHIPPED / model


def default_engine(path: str | Path | None = None) -> str:
    """Choose the default engine: "isotrope", or the one whose weights `path` contains.

    Args:
        path: The folder of the weights to use. None: the shipped ones.
    """
    if path is None or (Path(path) / GRAPH).is_file():
        return "isotrope"
    return "trocr" if is_trocr(path) else "gsanet"


def is_line_recognizer(path: str | Path) -> bool:
    """Whether a folder holds a recognizer of upright lines, such as "small"."""
    return "stem" in _config(path)


def is_trocr(path: str | Path) -> bool:
    """Whether a folder holds a published TrOCR, or one that was trained from it."""
    config = _config(path)
    own = "charset" in config or "Recognizer" in (config.get("architectures") or ())
    return config.get("model_type") == "vision-encoder-decoder" and not own


def _config(path: str | Path) -> dict[str, Any]:
    """The config of a model; empty if there is none: loading it will say what is wrong."""
    try:
        config = json.loads((Path(path) / MODEL).read_text(encoding="utf-8"))
    except (OSError, ValueError):
        return {}
    return config if isinstance(config, dict) else {}


def adapter_folder(adapter: str | Path, model: str = "small") -> Path:
    """The folder of an adapter.

    Args:
        adapter: The folder itself, or the name of a shipped adapter.
        model: The shipped model whose adapters are known by name; an adapter fits only one model.

    Raises:
        ValueError: There is no such adapter.
    """
    adapters = shipped(model) / "adapters"
    for place in (Path(adapter), adapters / adapter):
        if (place / "adapter_config.json").is_file():
            return place
    names = ", ".join(sorted(path.parent.name for path in adapters.glob("*/adapter_config.json")))
    raise ValueError(
        f"{adapter}: no such adapter (there is no {Path(adapter) / 'adapter_config.json'}); give "
        f"a folder that `isotrope adapt` wrote, or a shipped one's name: {names or 'none'}"
    )
