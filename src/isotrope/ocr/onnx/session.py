"""Open a graph written by `export.py`, whose weights lie beside it. No torch."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any, cast

import numpy as np

from isotrope.ocr.devices import onnx_providers
from isotrope.ocr.onnx.initializers import redeclared
from isotrope.ocr.onnx.memory import give_back_large_blocks

if TYPE_CHECKING:
    from onnxruntime import InferenceSession

GRAPH, WEIGHTS, CONFIG = "graph.onnx", "model.safetensors", "config.json"


def open_graph(
    folder: str | Path,
    threads: int | None = None,
    weights: Mapping[str, np.ndarray] | None = None,
    device: str | None = None,
) -> InferenceSession:
    """Open the graph of a model folder.

    Args:
        folder: contains `graph.onnx`, and `model.safetensors` with its weights.
        threads: Number of threads. None: onnxruntime's default.
        weights: float32 weights by name, which replace the folder's. A head may get more rows.
        device: as in `onnx_providers`.

    Raises:
        ValueError: A file is missing or broken, the graph lacks a named weight, or the device is
            not available.
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
        # Keep a reference: onnxruntime needs the values until the session exists.
        values = [onnxruntime.OrtValue.ortvalue_from_numpy(w) for w in weights.values()]
        options.add_external_initializers([f"{name}.half" for name in weights], values)
        # It accepts only replacements of the declared type and shape.
        shapes = {f"{name}.half": array.shape for name, array in weights.items()}
        try:
            graph = redeclared((folder / GRAPH).read_bytes(), shapes)
        except (ValueError, IndexError) as error:
            raise ValueError(f"{folder / GRAPH}: {error}; export it again") from error
        where = "session.model_external_initializers_file_folder_path"
        options.add_session_config_entry(where, str(folder.resolve()))
    return open_session(graph, options, folder, "copy it again", providers)


def session_options(threads: int | None = None) -> Any:
    """Options for graphs that run in turn; `threads=None` uses onnxruntime's default."""
    import onnxruntime

    options = onnxruntime.SessionOptions()
    options.intra_op_num_threads = threads or 0
    options.enable_mem_pattern = (
        False  # it keeps memory for each shape it has seen, and shapes vary
    )
    options.log_severity_level = 4  # errors are raised, so they need not be printed too
    # Spinning threads of an idle graph would keep cores busy.
    options.add_session_config_entry("session.intra_op.allow_spinning", "0")
    return options


def open_session(
    graph: Path | bytes,
    options: Any,
    place: Path,
    remedy: str,
    providers: Sequence[str] = ("CPUExecutionProvider",),
) -> InferenceSession:
    """Open a graph.

    Raises:
        ValueError: The graph is missing or broken; the message gives its `place`, the reason and a
            `remedy`.
    """
    import onnxruntime

    give_back_large_blocks()
    try:
        return onnxruntime.InferenceSession(graph, options, providers=providers)
    except Exception as error:  # onnxruntime has a class for each reason and no common base
        reason = str(error).split("\n")[0]
        raise ValueError(f"{place}: cannot be loaded ({reason}); {remedy}") from error


_NO_MEMORY = ("Failed to allocate memory", "AllocateRawInternal", "bad_alloc")
"""What onnxruntime's errors say, whose classes do not, if there is too little memory."""


def run(
    session: InferenceSession,
    feed: Mapping[str, np.ndarray],
    names: Sequence[str] | None = None,
    keep: bool = True,
) -> list[np.ndarray]:
    """Run a graph.

    Args:
        session: The graph.
        feed: Its inputs by name.
        names: The outputs to return. None: all.
        keep: Whether to keep the memory of this run for the next. A page takes 200 MB, which its
            lines can use if it is given back.

    Returns:
        The outputs.

    Raises:
        MemoryError: The memory does not suffice.
    """
    import onnxruntime

    options = onnxruntime.RunOptions()
    if not keep:
        options.add_run_config_entry("memory.enable_memory_arena_shrinkage", "cpu:0")
    try:
        return cast("list[np.ndarray]", session.run(names, feed, options))
    except Exception as error:
        if any(sign in str(error) for sign in _NO_MEMORY):
            raise MemoryError(str(error)) from error
        raise
