"""Open exported ONNX graphs and audit their symmetry. Does not load transformers."""

from __future__ import annotations

from importlib import import_module
from pathlib import Path
from types import ModuleType
from typing import TYPE_CHECKING

import torch
from torch import Tensor

from isotrope.equivariance.measure import permutes_pixels
from isotrope.groups import Group
from isotrope.kinds import grid_of_tokens, relative_error, turn_tokens
from isotrope.ocr.onnx import session

if TYPE_CHECKING:
    from onnxruntime import InferenceSession

FORMAT = "isotrope-onnx-3"
"""Format name in the `config.json` of an export."""


def audit_onnx(path: str | Path, images: Tensor, group: Group) -> dict[int, float]:
    """`{h: max |graph(L_h f) - L_h graph(f)| / max |graph(f)|}` of an exported encoder.

    All outputs are tokens, which a turn must permute exactly; float32 rounding leaves about 1e-6.
    Group elements that do not map the pixel grid to itself are omitted.

    Args:
        path: `encoder.onnx`, or the folder that contains it.
        images: `(B, 3, H, W)` in [0, 1]; non-square images reveal more.

    Raises:
        ValueError: There is no graph at `path`, or it rejects the images or their turned copies.
    """
    path = Path(path)
    encoder = open_session(path / "encoder.onnx" if path.is_dir() else path)

    def run(pixels: Tensor) -> list[Tensor]:
        try:
            outputs = encoder.run(None, {"pixels": pixels.contiguous().float().numpy()})
        except Exception as error:  # onnxruntime has a class for each reason and no common base
            reason = str(error).split("\n")[0]
            raise ValueError(f"{path}: refuses {tuple(pixels.shape)} pixels ({reason})") from error
        return [torch.from_numpy(output) for output in outputs]

    before, errors = run(images), {}
    turn = turn_tokens(group, grid_of_tokens(before[0], group, like=images), axis=-2)
    for h in filter(lambda h: permutes_pixels(group, h), group.elements):
        after = run(group.act_image(h, images))
        expected = [turn(h, tokens) for tokens in before]
        errors[h] = max(map(relative_error, after, expected))
    return errors


def required(name: str) -> ModuleType:
    """Import a module of the extra `onnx`."""
    try:
        return import_module(name)
    except ModuleNotFoundError as error:
        raise ModuleNotFoundError(
            f"ONNX needs {error.name}, which is not installed; pip install 'isotrope[onnx]'",
            name=error.name,
        ) from error


def open_session(path: Path, threads: int | None = None) -> InferenceSession:
    """Open a graph to run on the CPU; `threads=None` uses onnxruntime's default.

    Raises:
        ValueError: There is no graph at `path`, or it is broken.
    """
    required("onnxruntime")
    return session.open_session(path, session.session_options(threads), path, "export it anew")


def layer_names(prefix: str, layers: int) -> list[str]:
    """Names of a decoder's keys and values in the graphs: `past_keys_0`, `past_values_0`..."""
    return [f"{prefix}_{part}_{i}" for i in range(layers) for part in ("keys", "values")]
