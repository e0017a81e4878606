"""Locate the shipped weights and adapters, and choose the default engine. No torch."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

from isotrope.lora.fit import CONFIG
from isotrope.ocr.onnx.session import CONFIG as MODEL
from isotrope.ocr.onnx.session import GRAPH

SHIPPED = Path(__file__).parents[1] / "weights"
"""The weights that come with the package: a folder for each model, with its adapters inside."""


TRANSLATOR = "translator.json"
"""What only the folder of a translator contains."""


def shipped(model: str) -> Path:
    """The folder of a shipped model.

    Args:
        model: "small", "tiny", "recognizer", "finder", "detector" (PP-OCRv6's), or "linenet" (the
            equivariant detector).
    """
    return SHIPPED / model


BASES = {"small": "small", "tiny": "tiny", "gsanet": "recognizer"}
"""The shipped models that can be adapted, by the names that users give them."""


def base_folder(base: Path | None) -> Path | None:
    """The folder of a model to adapt, which may be given as the name of a shipped one."""
    name = None if base is None else BASES.get(str(base))
    return base if name is None else shipped(name)


def default_engine(path: str | Path | None = None) -> str:
    """Choose the default engine: "isotrope", or the one whose weights `path` contains.

    Args:
        path: The folder of the weights to use. None: the shipped ones.
    """
    if path is None or (Path(path) / GRAPH).is_file():
        return "isotrope"
    return "trocr" if is_trocr(path) else "gsanet"


def adapted_engine(base: str | Path | None = None) -> str:
    """The engine that reads with an adapter of this base: "isotrope", "trocr" or "gsanet".

    It decides how the adapter is trained.

    Args:
        base: The folder of a model. None: the shipped one.
    """
    folder = base or shipped("small")
    if "stem" in _config(folder):
        return "isotrope"
    return "trocr" if is_trocr(folder) else "gsanet"


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


def is_adapter(folder: Path) -> bool:
    """Whether a folder holds an adapter, or a translator, which may have none inside."""
    return (folder / CONFIG).is_file() or is_translator(folder)


def is_translator(folder: Path) -> bool:
    """Whether a folder holds a translator."""
    return (folder / TRANSLATOR).is_file()


def shipped_adapters(model: str) -> list[Path]:
    """The folders of the adapters of a shipped model, by name, without its translators."""
    return adapters_of(shipped(model))


def adapters_of(base: Path) -> list[Path]:
    """The folders of the adapters that a model's folder has, without its translators."""
    found = (path.parent for path in base.glob(f"adapters/*/{CONFIG}"))
    return sorted(folder for folder in found if not is_translator(folder))


def shipped_translators(model: str) -> dict[str, Path]:
    """The folders of the translators of a shipped model, by name: one for each language read."""
    found = {}
    for path in sorted(shipped(model).glob(f"adapters/*/{TRANSLATOR}")):
        names = json.loads(path.read_text(encoding="utf-8")).get("names", ())
        found |= dict.fromkeys(names, path.parent)
    return found


def shipped_names(model: str) -> list[str]:
    """What `--adapter` calls the adapters and the translators of a shipped model."""
    return [*(folder.name for folder in shipped_adapters(model)), *shipped_translators(model)]


def find_adapter(adapter: str | Path, model: str = "small") -> Path | None:
    """As `adapter_folder`, but None if there is no such adapter."""
    places = (Path(adapter), shipped(model) / "adapters" / adapter) if str(adapter) else ()
    found = next(filter(is_adapter, places), None)
    return found or shipped_translators(model).get(str(adapter))


def adapter_folder(adapter: str | Path, model: str = "small") -> Path:
    """The folder of an adapter.

    Args:
        adapter: The folder itself, or the name of a shipped adapter.
        model: The shipped model whose adapters are known by name; an adapter fits only one model.

    Raises:
        ValueError: There is no such adapter.
    """
    found = find_adapter(adapter, model)
    if found is None:
        names = ", ".join(shipped_names(model))
        raise ValueError(
            f"{adapter}: no such adapter (there is no {Path(adapter) / CONFIG}); give a folder "
            f"that `isotrope adapt` wrote, or a shipped one's name: {names or 'none'}"
        )
    return found
