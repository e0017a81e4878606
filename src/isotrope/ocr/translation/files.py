"""The files of a translator: `translator.json` and `translator.safetensors`. No torch.

Matrices are stored as 8-bit integers with a 16-bit factor for each row, `W_ij = s_i q_ij`, and
vectors in 16 bits: a parameter takes one byte.
"""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import numpy as np

from isotrope.io.files import replacing
from isotrope.io.tensors import load_tensors
from isotrope.lora.fit import BASE, REMEDY, WEIGHTS, described, differences
from isotrope.ocr.loading import TRANSLATOR
from isotrope.ocr.onnx import session
from isotrope.ocr.onnx.config import read_config
from isotrope.ocr.translation.config import TranslatorConfig

TENSORS = "translator.safetensors"

_SCALE = ".scale"
_LEAST = 4096
"""Smaller tensors are stored in 16 bits."""


def load_arrays(
    folder: str | Path,
) -> tuple[TranslatorConfig, dict[str, Any], dict[str, np.ndarray]]:
    """Load a translator's configuration, what else `translator.json` has, and its float32 weights.

    Raises:
        ValueError: A file is missing or broken.
    """
    folder = Path(folder)
    try:
        values = json.loads((folder / TRANSLATOR).read_text(encoding="utf-8"))
        config = TranslatorConfig.from_dict(values.pop("config"))
        stored = load_tensors(folder / TENSORS)
    except (OSError, KeyError, TypeError, AttributeError, ValueError) as error:
        reason = str(error).split("\n")[0]
        raise ValueError(
            f"{folder}: no translator that can be loaded ({reason}); give a folder that "
            "`isotrope adapt --task translate` wrote"
        ) from error
    arrays = {}
    for name, values_ in stored.items():
        if not name.endswith(_SCALE):
            array = values_.astype(np.float32)
            if (scale := stored.get(name + _SCALE)) is not None:
                array *= scale.astype(np.float32)[:, None]
            arrays[name] = array
    return config, values, arrays


def packed(arrays: dict[str, np.ndarray]) -> dict[str, np.ndarray]:
    """Convert float32 weights to what is stored; `load_arrays` undoes it, up to rounding."""
    stored: dict[str, np.ndarray] = {}
    for name, array in arrays.items():
        if array.ndim != 2 or array.size < _LEAST:
            stored[name] = array.astype(np.float16)
            continue
        scale = (np.abs(array).max(axis=1) / 127).clip(1e-6).astype(np.float16)
        rounded = np.round(array / scale.astype(np.float32)[:, None])
        stored[name] = rounded.clip(-127, 127).astype(np.int8)
        stored[name + _SCALE] = scale
    return stored


def write_base(folder: str | Path, base: str | Path) -> None:
    """Write `base.json`, which says for which recognizer a translator was made."""
    with replacing(Path(folder) / BASE) as temporary:
        temporary.write_text(json.dumps(_described(Path(base))), encoding="utf-8")


def adapted(folder: str | Path, base: str | Path) -> Path | None:
    """The folder of the adapter of a translator's recognizer; None if it has none.

    Args:
        folder: The translator's.
        base: The recognizer's.

    Raises:
        ValueError: The translator was made for another recognizer.
    """
    folder, base = Path(folder), Path(base)
    if (folder / WEIGHTS).is_file():
        return folder  # whoever merges it compares the bases
    try:
        made_for = json.loads((folder / BASE).read_text())
        other = differences(made_for, _described(base))
    except (OSError, KeyError, TypeError, AttributeError, json.JSONDecodeError) as error:
        raise ValueError(f"{folder} is broken ({error}); make or copy it again") from error
    if other:
        raise ValueError(f"{folder} was made for another model: {'; '.join(other)}; {REMEDY}")
    return None


def _described(base: Path) -> dict[str, Any]:
    charset = read_config(base, "a line recognizer", "charset")["charset"]
    return described("LineRecognizer", charset, load_tensors(base / session.WEIGHTS))
