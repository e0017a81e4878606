"""Opening what `export.py` wrote: a graph whose weights lie beside it. No torch."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any, cast

import numpy as np

from isotrope.ocr.devices import onnx_providers

if TYPE_CHECKING:
    from onnxruntime import InferenceSession

GRAPH, WEIGHTS, CONFIG = "graph.onnx", "model.safetensors", "config.json"

_HALF, _SINGLE = b"\x10\x0a", b"\x10\x01"
"""How a tensor of ONNX's protocol buffers says its type: field 2, FLOAT16 or FLOAT."""


def open_graph(
    folder: str | Path,
    threads: int | None = None,
    weights: Mapping[str, np.ndarray] | None = None,
    device: str | None = None,
) -> InferenceSession:
    """The graph of a model folder, ready to run.

    Args:
        folder: holds `graph.onnx`, and `model.safetensors` with its weights.
        threads: None leaves their number to onnxruntime.
        weights: float32, by name: they take the places of the folder's.
        device: as in `onnx_providers`.

    Raises:
        ValueError: a file is missing or broken, the graph has no weight of a given name, or the
            device is not there.
    """
    import onnxruntime

    folder = Path(folder)
    for name in (GRAPH, WEIGHTS):
        if not (folder / name).is_file():
            raise ValueError(
                f"{folder}: {name} is missing; give a folder with {GRAPH} and {WEIGHTS}"
            )
    providers = onnx_providers(device)
    options = session_options(threads)
    graph: Path | bytes = folder / GRAPH
    if weights:
        # Named, so that onnxruntime finds the values until the session is made.
        values = [onnxruntime.OrtValue.ortvalue_from_numpy(w) for w in weights.values()]
        options.add_external_initializers([f"{name}.half" for name in weights], values)
        graph = _in_32_bits(folder / GRAPH, list(weights))
        where = "session.model_external_initializers_file_folder_path"
        options.add_session_config_entry(where, str(folder.resolve()))
    return open_session(graph, options, folder, "copy it again", providers)


def session_options(threads: int | None = None) -> Any:
    """For graphs that take turns; `threads=None` leaves their number to onnxruntime."""
    import onnxruntime

    options = onnxruntime.SessionOptions()
    options.intra_op_num_threads = threads or 0
    options.log_severity_level = 4  # what goes wrong is raised; no need to print it too
    # The threads of a graph that waits would keep cores busy.
    options.add_session_config_entry("session.intra_op.allow_spinning", "0")
    return options


def open_session(
    graph: Path | bytes,
    options: Any,
    place: Path,
    remedy: str,
    providers: Sequence[str] = ("CPUExecutionProvider",),
) -> InferenceSession:
    """A graph ready to run.

    Raises:
        ValueError: it is missing or broken; the message has its `place`, the reason and a `remedy`.
    """
    import onnxruntime

    try:
        return onnxruntime.InferenceSession(graph, options, providers=providers)
    except Exception as error:  # onnxruntime has a class for each reason and no common base
        reason = str(error).split("\n")[0]
        raise ValueError(f"{place}: cannot be loaded ({reason}); {remedy}") from error


def run(
    session: InferenceSession, feed: Mapping[str, np.ndarray], names: Sequence[str] | None = None
) -> list[np.ndarray]:
    """The outputs of a graph, all of them or those named: arrays, in every graph of ours."""
    return cast("list[np.ndarray]", session.run(names, feed))


def _in_32_bits(path: Path, names: Sequence[str]) -> bytes:
    """The graph with some weights declared as float32; their casts to float32 then do nothing.

    onnxruntime takes no replacement of another type than the one declared, and editing the graph
    properly would need the package onnx. The type stands right before the name.
    """
    graph = path.read_bytes()
    for name in names:
        encoded = f"{name}.half".encode()
        named = b"\x42" + _varint(len(encoded)) + encoded
        if graph.count(_HALF + named) != 1:
            raise ValueError(f"{path} has no weight {name}; export it again")
        graph = graph.replace(_HALF + named, _SINGLE + named)
    return graph


def _varint(number: int) -> bytes:
    """A length in protocol buffers: seven bits a byte, the lowest first."""
    digits = []
    while number > 127:
        digits.append(number & 127 | 128)
        number >>= 7
    return bytes([*digits, number])
