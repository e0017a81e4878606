"""Read the layers of a published ONNX graph, to load them into a torch module of the same shape."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import torch
from torch import Tensor, nn

_LAYERS = (nn.Conv2d, nn.ConvTranspose2d, nn.Conv1d, nn.Linear, nn.LayerNorm)
_READ = ("Conv", "ConvTranspose", "MatMul", "Mul", "Add", "BatchNormalization")


def read_layers(path: str | Path) -> list[list[Tensor]]:
    """List `[weight, bias]` of the graph's layers in order of use, in torch's layout.

    Batch norms are folded into the preceding convolutions. Layers without a bias are `[weight]`.
    """
    import onnx
    from onnx import numpy_helper

    graph = onnx.load(path).graph
    values = {t.name: numpy_helper.to_array(t) for t in graph.initializer}
    for node in graph.node:
        if node.op_type == "Constant":
            values[node.output[0]] = numpy_helper.to_array(node.attribute[0].t)
    layers: list[list[np.ndarray]] = []
    for node in graph.node:
        given = [values[name] for name in node.input if name in values and _learned(values[name])]
        if not given or node.op_type not in _READ:
            continue
        if node.op_type == "BatchNormalization":
            layers[-1] = _folded(layers[-1][0], given)
        elif node.op_type == "Add":
            layers[-1].append(given[0].reshape(-1))
        else:  # a filter with or without its bias, a matrix, or the scale of a layer norm
            layers.append([given[0].T] if node.op_type == "MatMul" else given)
    return [[torch.from_numpy(np.array(a, np.float32)) for a in layer] for layer in layers]


def fill_layers(model: nn.Module, layers: list[list[Tensor]], path: str | Path) -> None:
    """Copy the layers of `read_layers` into a model that defines its own in order of use.

    Raises:
        ValueError: The model has other layers; the message names `path`.
    """
    modules = [module for module in model.modules() if isinstance(module, _LAYERS)]
    if len(modules) != len(layers):
        raise ValueError(f"{path}: {len(layers)} layers, not {len(modules)}; it is another model")
    for number, (module, layer) in enumerate(zip(modules, layers, strict=True)):
        parameters = list(module.parameters())
        if [p.numel() for p in parameters] != [values.numel() for values in layer]:
            shapes = [tuple(values.shape) for values in layer]
            raise ValueError(f"{path}: layer {number} has {shapes}, not {module}; another model")
        with torch.no_grad():
            for parameter, values in zip(parameters, layer, strict=True):
                parameter.copy_(values.reshape(parameter.shape))


def _learned(values: np.ndarray) -> bool:
    """Whether a constant is a parameter rather than a number of a formula, such as GELU's."""
    return values.size > 1 or values.ndim == 4


def _folded(weight: np.ndarray, norm: list[np.ndarray], epsilon: float = 1e-5) -> list[np.ndarray]:
    """Fold a batch norm into a convolution: `scale (W x - mean) / sqrt(var + eps) + shift`."""
    scale, shift, mean, variance = norm
    gain = scale / np.sqrt(variance + epsilon)
    return [weight * gain.reshape(-1, *[1] * (weight.ndim - 1)), shift - mean * gain]
