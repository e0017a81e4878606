"""Store a `LineNet` as a folder: `config.json`, `model.safetensors`, `graph.onnx`."""

from __future__ import annotations

from dataclasses import fields
from pathlib import Path

import torch
from torch.export import Dim

from isotrope.ocr.detection.linenet.model import LineNet, LineNetConfig
from isotrope.ocr.detection.linenet.planes import PlanesNet
from isotrope.ocr.onnx.export import load_state, save_folder


def save_line_net(model: LineNet, folder: str | Path) -> None:
    """Write a model for torch and for onnxruntime, its weights rounded to 16 bits."""
    model = model.float().cpu().eval()
    unit = model.config.unit
    shapes = {0: Dim("batch"), 2: unit * Dim("rows"), 3: unit * Dim("columns")}
    example = torch.zeros(2, 3, 3 * unit, 5 * unit)
    config = {**model.config.to_dict(), "unit": unit}
    save_folder(model, folder, config, PlanesNet(model), example, shapes)


def load_line_net(folder: str | Path) -> LineNet:
    """Load the model of a folder, in eval mode.

    Raises:
        ValueError: There is no model, or it is broken.
    """
    config, state = load_state(folder)
    try:
        known = {field.name: config[field.name] for field in fields(LineNetConfig)}
        model = LineNet(LineNetConfig.from_dict(known))
        model.load_state_dict(state)
    except (KeyError, TypeError, RuntimeError) as error:
        reason = str(error).split("\n")[0]
        raise ValueError(f"{folder}: not an equivariant detector ({reason})") from error
    return model.eval()
