"""Store a `LineRecognizer` as a folder: `config.json`, `model.safetensors`, `graph.onnx`."""

from __future__ import annotations

from pathlib import Path

import torch
from torch import Tensor, nn
from torch.export import Dim

from isotrope.ocr.onnx.export import load_state, save_folder
from isotrope.ocr.recognition.calibration import KEY
from isotrope.ocr.recognition.constants import HEIGHT, STRIDE
from isotrope.ocr.recognition.model import LineRecognizer, LineRecognizerConfig


def save_model(model: LineRecognizer, folder: str | Path) -> None:
    """Write a model for torch and for onnxruntime; its graph gives probabilities."""
    shapes = {0: Dim("batch"), 3: STRIDE * Dim("columns", min=2)}
    model = model.float().cpu().eval()
    example = torch.zeros(2, 3, HEIGHT, 20 * STRIDE)
    save_folder(model, folder, model.config.to_dict(), _Probabilities(model), example, shapes)


def load_model(folder: str | Path) -> LineRecognizer:
    """Load the model of a folder, in eval mode.

    Raises:
        ValueError: There is no model, or it is broken.
    """
    config, state = load_state(folder)
    config.pop(KEY, None)  # valid for these weights only; retrained ones are recalibrated
    try:
        model = LineRecognizer(LineRecognizerConfig.from_dict(config))
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
