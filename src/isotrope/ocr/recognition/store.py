"""Store a `LineRecognizer` as a folder: `config.json`, `model.safetensors`, `graph.onnx`.

transformers opens it too, after `import isotrope.auto`: `isotrope.ocr.pretrained.model`.
"""

from __future__ import annotations

from dataclasses import fields, replace
from pathlib import Path
from typing import Any

import torch
from torch import Tensor, nn
from torch.export import Dim

from isotrope.ocr.onnx.export import load_state, save_folder
from isotrope.ocr.recognition.constants import ARCHITECTURE, HEIGHT, MODEL_TYPE, STRIDE
from isotrope.ocr.recognition.model import LineRecognizer, LineRecognizerConfig

_FOR_TRANSFORMERS = {
    "model_type": MODEL_TYPE,
    "architectures": [ARCHITECTURE],
    "dtype": "float32",  # the weights are stored in 16 bits; run them in 32
}
_FIELDS = [field.name for field in fields(LineRecognizerConfig)]


def save_model(model: LineRecognizer, folder: str | Path, **calibration: Any) -> None:
    """Write a model for torch, transformers and onnxruntime; its graph gives probabilities.

    `calibration` goes into its configuration.
    """
    shapes = {0: Dim("batch"), 3: STRIDE * Dim("columns", min=2)}
    model = model.float().cpu().eval()
    example = torch.zeros(2, 3, HEIGHT, 20 * STRIDE)
    own = replace(model.config, charset=model.charset)
    config = {**_FOR_TRANSFORMERS, **own.to_dict(), **calibration}
    save_folder(model, folder, config, _Probabilities(model), example, shapes)


def load_model(folder: str | Path) -> LineRecognizer:
    """Load the model of a folder, in eval mode.

    Raises:
        ValueError: There is no model, or it is broken.
    """
    config, state = load_state(folder)
    # Without the calibration: it is valid for these weights only; retrained ones are recalibrated.
    known = {name: config[name] for name in _FIELDS if name in config}
    try:
        model = LineRecognizer(LineRecognizerConfig.from_dict(known))
        model.load_state_dict(state)
    except (KeyError, TypeError, RuntimeError) as error:
        reason = str(error).split("\n")[0]
        raise ValueError(f"{folder}: not a line recognizer ({reason})") from error
    return model.eval()


class _Probabilities(nn.Module):
    """Map pixels to one distribution per column."""

    def __init__(self, model: LineRecognizer) -> None:
        super().__init__()
        self.model = model

    def forward(self, pixels: Tensor) -> Tensor:
        return self.model(pixels).softmax(-1)
