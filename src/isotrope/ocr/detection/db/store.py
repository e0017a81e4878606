"""Store a `DBNet` as a folder: `config.json`, `model.safetensors`, `graph.onnx`."""

from __future__ import annotations

from pathlib import Path

import torch
from torch import Tensor, nn
from torch.export import Dim

from isotrope.ocr.detection.db.model import STRIDE, DBNet, DBNetConfig
from isotrope.ocr.onnx.export import load_state, save_folder


def save_detector(model: DBNet, folder: str | Path) -> None:
    """Write a model for torch and for onnxruntime; its graph gives probabilities."""
    shapes = {0: Dim("batch"), 2: STRIDE * Dim("rows"), 3: STRIDE * Dim("columns")}
    model = model.float().cpu().eval()
    example = torch.zeros(2, 3, 3 * STRIDE, 5 * STRIDE)
    save_folder(model, folder, model.config.to_dict(), _Probabilities(model), example, shapes)


def load_detector(folder: str | Path) -> DBNet:
    """Load the model of a folder, in eval mode.

    Raises:
        ValueError: There is no model, or it is broken.
    """
    config, state = load_state(folder)
    try:
        known = {name: config[name] for name in ("stages", "neck_dim", "neck_kernel")}
        model = DBNet(DBNetConfig.from_dict(known))
        model.load_state_dict(state)
    except (KeyError, TypeError, RuntimeError) as error:
        reason = str(error).split("\n")[0]
        raise ValueError(f"{folder}: not a detector ({reason})") from error
    return model.eval()


class _Probabilities(nn.Module):
    def __init__(self, model: DBNet) -> None:
        super().__init__()
        self.model = model

    def forward(self, pixels: Tensor) -> Tensor:
        return self.model(pixels).sigmoid()
