"""Load the papers' recognizer and its adapters; tensors that do not fit are named in errors."""

from __future__ import annotations

import json
from pathlib import Path
from typing import cast

from safetensors import SafetensorError

from isotrope.lora import load_adapter
from isotrope.lora.sharing import shared_copy
from isotrope.lora.summing import sum_adapters
from isotrope.ocr.adapter_names import Adapters, Given, one_adapter
from isotrope.ocr.checkpoints import misfits
from isotrope.ocr.gsanet.recognizer import Recognizer
from isotrope.ocr.loading import shipped

_REMEDY = "give the folder model/ of `isotrope train`, or leave it out for the shipped weights"


def load_recognizer(
    path: Path | None = None, adapter: Given = None, merge: bool = False
) -> Recognizer:
    """Load a `Recognizer` in eval mode.

    Args:
        path: A folder written by `Recognizer.save_pretrained`. None: the shipped weights.
        adapter: A LoRA adapter, or a sum of several, as in `adapter_names`. None: none.
        merge: Whether to merge the adapter into the weights, as a sum always is. If not, a
            `PeftModel` is returned, which forwards unknown attributes to the recognizer inside.

    Raises:
        ValueError: There is no recognizer at `path`, or no matching adapter at `adapter`.
    """
    recognizer = _load(path or shipped("recognizer"))
    if (adapters := one_adapter(adapter, "recognizer")) is not None:
        recognizer = _adapted(recognizer, adapters, merge)
    return recognizer.eval()


def with_adapter(recognizer: Recognizer, adapter: Given) -> Recognizer:
    """Return the same recognizer with this adapter, or None for no adapter.

    Args:
        recognizer: Not modified; the result shares the memory of its weights. Its own adapter is
            taken out, unless it is a sum, which is merged.
        adapter: As in `load_recognizer`.

    Raises:
        ValueError: The adapter does not exist or belongs to another model.
    """
    shared = cast("Recognizer", shared_copy(recognizer))
    adapters = one_adapter(adapter, "recognizer")
    return (shared if adapters is None else _adapted(shared, adapters)).eval()


def _adapted(recognizer: Recognizer, adapters: Adapters, merge: bool = False) -> Recognizer:
    if adapters.alone is None:
        sum_adapters(recognizer, adapters.terms)
        return recognizer
    adapted = load_adapter(recognizer, adapters.alone)
    return cast("Recognizer", adapted.merge_and_unload() if merge else adapted)


def _load(path: Path) -> Recognizer:
    _check_config(path)
    try:
        # Tensors of another shape are reported by name below, rather than by a generic error.
        loaded = Recognizer.from_pretrained(
            path, output_loading_info=True, ignore_mismatched_sizes=True
        )
        recognizer, report = cast("tuple[Recognizer, dict]", loaded)
    except (OSError, RuntimeError, SafetensorError) as error:
        reason = str(error).split("\n")[0]
        raise ValueError(f"{path}: its weights cannot be loaded ({reason}); {_REMEDY}") from error
    except Exception as error:  # a broken config fails wherever its values are first used
        reason = f"{type(error).__name__}: {error}".split("\n")[0]
        raise ValueError(f"{path}: its config.json is broken ({reason}); {_REMEDY}") from error
    if problem := misfits(report):
        raise ValueError(f"{path}: its weights do not fit its config.json ({problem}); {_REMEDY}")
    return recognizer


def _check_config(path: Path) -> None:
    """Reject a folder whose config is not a recognizer's."""
    config = path / "config.json"
    if not config.is_file():
        raise ValueError(f"{path}: no recognizer here (config.json is missing); {_REMEDY}")
    try:
        architectures = json.loads(config.read_text(encoding="utf-8")).get("architectures")
        fits = "Recognizer" in (architectures or [])
    except (ValueError, AttributeError, TypeError):  # not JSON, or JSON of another structure
        fits = False
    if not fits:
        exported = (path / "encoder.onnx").is_file()
        remedy = "it is an export, for runtime='onnx' alone" if exported else _REMEDY
        raise ValueError(f"{path}: its config.json is not that of a Recognizer; {remedy}")
