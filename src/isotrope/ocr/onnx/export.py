"""Save a torch model as a folder that runs with and without torch from the same weights.

`model.safetensors` holds the weights in 16 bits. `graph.onnx` holds the computation and refers to
the same bytes, which onnxruntime widens to 32 bits on loading.
"""

from __future__ import annotations

import copy
import json
import tempfile
import warnings
from pathlib import Path
from typing import Any

import numpy as np
import torch
from safetensors.torch import load_file, save_file
from torch import Tensor, nn

from isotrope.io.files import replacing
from isotrope.io.tensors import tensor_places
from isotrope.ocr.onnx.session import CONFIG, GRAPH, WEIGHTS

_SMALL = 8
"""Tensors with fewer numbers stay in the graph: they may equal a constant by chance."""


def save_folder(
    model: nn.Module,
    folder: str | Path,
    config: dict[str, Any],
    graph: nn.Module,
    example: Tensor,
    shapes: dict[int, Any],
) -> None:
    """Write a model's weights, configuration and graph.

    Args:
        model: The model whose state is written, rounded to 16 bits; it is not modified.
        config: the contents of `config.json`.
        graph: the module to export, which has `model` as its attribute `model` and maps `pixels` to
            `out`.
        example: pixels to trace with.
        shapes: the dynamic dimensions of the pixels, as for `torch.export`.
    """
    folder = Path(folder)
    folder.mkdir(parents=True, exist_ok=True)
    state = {k: v.detach().cpu().half().contiguous() for k, v in model.state_dict().items()}
    with replacing(folder / WEIGHTS) as temporary:
        save_file(state, temporary)
    graph.model = copy.deepcopy(model).float()
    graph.model.load_state_dict({name: tensor.float() for name, tensor in state.items()})
    proto = _exported(graph, example, shapes)
    graph.model = model
    _refer(proto, tensor_places(folder / WEIGHTS), {k: v.float().numpy() for k, v in state.items()})
    with replacing(folder / GRAPH) as temporary:
        temporary.write_bytes(proto.SerializeToString())
    with replacing(folder / CONFIG) as temporary:
        temporary.write_text(json.dumps(config, ensure_ascii=False, indent=1), encoding="utf-8")


def load_state(folder: str | Path) -> tuple[dict[str, Any], dict[str, Tensor]]:
    """Load the configuration and the float32 weights of a folder written by `save_folder`.

    Raises:
        ValueError: a file is missing or broken.
    """
    folder = Path(folder)
    try:
        config = json.loads((folder / CONFIG).read_text(encoding="utf-8"))
        state = load_file(folder / WEIGHTS)
    except Exception as error:  # safetensors, json and the file system raise different ones
        reason = str(error).split("\n")[0]
        raise ValueError(
            f"{folder}: no model that can be loaded ({reason}); give a folder with {CONFIG} and "
            f"{WEIGHTS}"
        ) from error
    return config, {name: tensor.float() for name, tensor in state.items()}


def _exported(graph: nn.Module, example: Tensor, shapes: dict[int, Any]):
    import onnx

    with tempfile.TemporaryDirectory() as scratch, torch.no_grad(), warnings.catch_warnings():
        warnings.simplefilter("ignore")
        path = Path(scratch) / GRAPH
        torch.onnx.export(
            graph.eval(),
            (example,),
            path,
            dynamo=True,
            external_data=False,
            verbose=False,
            input_names=["pixels"],
            output_names=["out"],
            dynamic_shapes=(shapes,),
        )
        return onnx.load(path)


def _refer(proto, places: dict[str, tuple[int, int]], state: dict[str, np.ndarray]) -> None:
    """Make the graph refer to the file's weights, widened, and transposed where it needs them so.

    Weights are matched by value, because the exporter renames and transposes some.
    """
    from onnx import TensorProto, helper, numpy_helper

    by_value = {_key(array): name for name, array in state.items()}
    turned = {_key(array.T): name for name, array in state.items() if array.ndim == 2}
    before, kept, read = [], [], {}
    for tensor in proto.graph.initializer:
        array = numpy_helper.to_array(tensor)
        name = by_value.get(_key(array)) or turned.get(_key(array))
        if name is None or array.size < _SMALL or array.dtype != np.float32:
            kept.append(tensor)
            continue
        if name not in read:
            read[name] = f"{name}.half"
            before.append(_cast(read[name], f"{name}.wide", TensorProto.FLOAT))
        how = "Identity" if _key(array) in by_value else "Transpose"
        before.append(helper.make_node(how, [f"{name}.wide"], [tensor.name]))
    for name, half in read.items():
        offset, length = places[name]
        tensor = TensorProto(name=half, data_type=TensorProto.FLOAT16, dims=state[name].shape)
        tensor.data_location = TensorProto.EXTERNAL
        for key, value in (("location", WEIGHTS), ("offset", offset), ("length", length)):
            tensor.external_data.add(key=key, value=str(value))
        kept.append(tensor)
    nodes = list(proto.graph.node)
    for node in nodes:  # the exporter's metadata would be most of the file
        node.ClearField("metadata_props")
        node.ClearField("doc_string")
    proto.graph.ClearField("value_info")
    for field, entries in (("node", [*before, *nodes]), ("initializer", kept)):
        proto.graph.ClearField(field)
        getattr(proto.graph, field).extend(entries)


def _key(array: np.ndarray) -> tuple:
    return array.shape, np.ascontiguousarray(array, np.float32).tobytes()


def _cast(source: str, target: str, kind: int):
    from onnx import helper

    return helper.make_node("Cast", [source], [target], to=kind)
