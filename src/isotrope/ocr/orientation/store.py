"""Store an `UprightNet` as a folder: `config.json`, `model.safetensors`, `graph.onnx`."""

from __future__ import annotations

from pathlib import Path

import torch
from torch import Tensor, nn
from torch.export import Dim

from isotrope.ocr.onnx.export import load_state, save_folder
from isotrope.ocr.orientation.model import FinderConfig, UprightNet
from isotrope.ocr.orientation.sizing import UNIT


def save_finder(model: UprightNet, folder: str | Path, **calibration: float) -> None:
    """Write a model for torch and for onnxruntime; `calibration` goes into its configuration."""
    model = model.float().cpu().eval()
    shapes = {0: Dim("batch"), 2: UNIT * Dim("rows", min=2), 3: UNIT * Dim("columns", min=2)}
    config = {**model.config.to_dict(), **calibration}
    example = torch.zeros(2, 3, 5 * UNIT, 12 * UNIT)
    save_folder(model, folder, config, _Graph(model), example, shapes)


def load_finder(folder: str | Path) -> UprightNet:
    """Load the network of a folder, in eval mode.

    Raises:
        ValueError: There is no network, or it is broken.
    """
    config, state = load_state(folder)
    try:
        known = {name: config[name] for name in ("stages", "hidden")}
        model = UprightNet(FinderConfig.from_dict(known))
        model.load_state_dict(state)
    except (KeyError, TypeError, RuntimeError) as error:
        reason = str(error).split("\n")[0]
        raise ValueError(f"{folder}: not a finder ({reason})") from error
    return model.eval()


class _Graph(nn.Module):
    def __init__(self, model: UprightNet) -> None:
        super().__init__()
        self.model = model

    def forward(self, pixels: Tensor) -> Tensor:
        return self.model(pixels)
