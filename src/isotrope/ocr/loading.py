"""Weights and adapters: where they are, and loading the papers' recognizer.

torch and transformers are imported where a function needs them, so that the shipped reader can look
up its weights without them.
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import TYPE_CHECKING

import isotrope
from isotrope.io.files import cache_folder

if TYPE_CHECKING:
    from peft import PeftModel

    from isotrope.ocr.gsanet.recognizer import Recognizer

SHIPPED = Path(__file__).parents[1] / "weights"
"""The weights that come with the package: a folder for each model, its adapters inside it."""

_REMEDY = "give a folder saved by Recognizer.save_pretrained, or None for the shipped weights"


def default_engine(path: str | Path | None = None) -> str:
    """Who reads where nobody is named: "isotrope", or "gsanet" where `path` holds its weights.

    Args:
        path: The folder of weights that is to be read with. None: the shipped ones.
    """
    if path is None or (Path(path) / "graph.onnx").is_file():
        return "isotrope"
    return "gsanet"


def adapter_folder(adapter: str | Path, model: str = "small") -> Path:
    """The folder of an adapter.

    Args:
        adapter: The folder itself, or the name of a shipped adapter.
        model: The shipped model whose adapters are known by name: an adapter fits one alone.

    Raises:
        ValueError: There is no adapter.
    """
    shipped = SHIPPED / model / "adapters"
    for place in (Path(adapter), shipped / adapter):
        if (place / "adapter_config.json").is_file():
            return place
    names = ", ".join(sorted(path.parent.name for path in shipped.glob("*/adapter_config.json")))
    raise ValueError(
        f"{adapter}: no such adapter (there is no {Path(adapter) / 'adapter_config.json'}); give "
        f"a folder that `isotrope adapt` wrote, or a shipped one's name: {names or 'none'}"
    )


def source_folders(path: Path | None, adapter: str | Path | None) -> list[Path]:
    """The folders whose files make a `Recognizer`: its weights, and its adapter."""
    weights = path or SHIPPED / "recognizer"
    return [weights] if adapter is None else [weights, adapter_folder(adapter, "recognizer")]


def load_torch(
    path: Path | None = None, adapter: str | Path | None = None, merge: bool = False
) -> Recognizer:
    """A `Recognizer` in eval mode.

    Args:
        path: A folder made by `Recognizer.save_pretrained`. None: the shipped weights.
        adapter: A LoRA adapter: a folder, or the name of a shipped one. None: none.
        merge: Whether the adapter is added to the weights; otherwise a `PeftModel` is returned.

    Raises:
        ValueError: There is no recognizer at `path`, or no adapter for it at `adapter`.
    """
    recognizer = _load_recognizer(path or SHIPPED / "recognizer")
    if adapter is not None:
        recognizer = adapted(recognizer, adapter)
        recognizer = recognizer.merge_and_unload() if merge else recognizer
    return recognizer.eval()


def adapted(
    recognizer: Recognizer | PeftModel, adapter: str | Path, name: str | None = None
) -> PeftModel:
    """The same recognizer, its layers wrapped by one more LoRA adapter.

    Args:
        recognizer: Changed in place.
        adapter: As in `load_torch`.
        name: What the adapter will be called. None: the last part of `adapter`, `.` as `_`.
    """
    from torch import nn

    from isotrope.lora import load_adapter

    if name is None:  # peft keeps adapters as modules of a ModuleDict, by name
        name = Path(adapter).resolve().name.replace(".", "_")
        name += "_" if hasattr(nn.ModuleDict(), name) else ""
    return load_adapter(recognizer, adapter_folder(adapter, "recognizer"), name)


def cached_export(sources: Sequence[Path], load: Callable[[], Recognizer]) -> Path:
    """The folder of a recognizer's export, which is made if it is not in the user's cache.

    Args:
        sources: The folders of its weights and of its adapter, whose contents are the key.
        load: Loads it.
    """
    folder = export_folder(sources)
    if not (folder / "config.json").is_file():  # the last file to be written
        from isotrope.ocr.gsanet.export import export_onnx

        recognizer = load()
        try:
            export_onnx(recognizer, folder)
        except OSError as error:
            raise ValueError(
                f"{folder}: cannot be written ({error.strerror or error}); point XDG_CACHE_HOME "
                "elsewhere, or run isotrope export and give its folder"
            ) from error
    return folder


def export_folder(sources: Sequence[Path]) -> Path:
    """Where in the user's cache the export of these weights is, or would be."""
    return cache_folder() / "onnx" / _fingerprint(sources)


def _fingerprint(sources: Sequence[Path]) -> str:
    import torch

    from isotrope.ocr.gsanet.graph import FORMAT

    digest = hashlib.sha256(f"{FORMAT} {isotrope.__version__} {torch.__version__}".encode())
    for source in sources:
        for file in sorted(source.glob("*")):
            if file.suffix in (".json", ".safetensors", ".bin"):
                content = hashlib.sha256(file.read_bytes()).hexdigest()
                digest.update(f"\n{file.name} {content}".encode())
    return digest.hexdigest()[:32]


def _load_recognizer(path: Path) -> Recognizer:
    _check_config(path)
    from safetensors import SafetensorError

    from isotrope.ocr.gsanet.recognizer import Recognizer

    try:
        # Tensors of another shape are reported below by name, and not by a mere refusal.
        recognizer, report = Recognizer.from_pretrained(
            path, output_loading_info=True, ignore_mismatched_sizes=True
        )
    except (OSError, RuntimeError, SafetensorError) as error:
        reason = str(error).split("\n")[0]
        raise ValueError(f"{path}: its weights cannot be loaded ({reason}); {_REMEDY}") from error
    except Exception as error:  # A broken config fails wherever its values are first used.
        reason = f"{type(error).__name__}: {error}".split("\n")[0]
        raise ValueError(f"{path}: its config.json is broken ({reason}); {_REMEDY}") from error
    if problem := _misfits(report):
        raise ValueError(f"{path}: its weights do not fit its config.json ({problem}); {_REMEDY}")
    return recognizer


def _check_config(path: Path) -> None:
    """Refuse a folder that does not say it is a recognizer's."""
    config = path / "config.json"
    if not config.is_file():
        raise ValueError(f"{path}: no recognizer here (config.json is missing); {_REMEDY}")
    try:
        architectures = json.loads(config.read_text(encoding="utf-8")).get("architectures")
        fits = "Recognizer" in (architectures or [])
    except (ValueError, AttributeError, TypeError):  # No JSON, or JSON of another shape.
        fits = False
    if not fits:
        exported = (path / "encoder.onnx").is_file()
        remedy = "it is an export, for runtime='onnx' alone" if exported else _REMEDY
        raise ValueError(f"{path}: its config.json is not that of a Recognizer; {remedy}")


def _misfits(report: dict, most: int = 3) -> str:
    """The tensors that loading left out, a few of each kind by name; empty where all fit."""
    kinds = {
        "missing": report["missing_keys"],
        "unexpected": report["unexpected_keys"],
        "of another shape": (key for key, *_ in report["mismatched_keys"]),
    }
    problems = []
    for kind, keys in kinds.items():
        if names := sorted(keys):
            more = f" and {len(names) - most} more" if len(names) > most else ""
            problems.append(f"{kind}: {', '.join(names[:most])}{more}")
    return "; ".join(problems)
