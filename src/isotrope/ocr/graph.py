"""Running what `export.py` wrote: a graph whose weights lie beside it. No torch."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from onnxruntime import InferenceSession

GRAPH, WEIGHTS, CONFIG = "graph.onnx", "model.safetensors", "config.json"


def open_graph(folder: str | Path, threads: int | None = None) -> InferenceSession:
    """The graph of a model folder, ready to run on the CPU.

    Args:
        folder: holds `graph.onnx`, and `model.safetensors` with its weights.
        threads: None leaves their number to onnxruntime.

    Raises:
        ValueError: a file is missing or broken.
    """
    import onnxruntime

    folder = Path(folder)
    for name in (GRAPH, WEIGHTS):
        if not (folder / name).is_file():
            raise ValueError(f"{folder}: {name} is missing; give a folder with {GRAPH} and {WEIGHTS}")
    options = onnxruntime.SessionOptions()
    options.intra_op_num_threads, options.log_severity_level = threads or 0, 3
    # Several graphs take turns: the threads of one that waits would keep cores busy.
    options.add_session_config_entry("session.intra_op.allow_spinning", "0")
    try:
        return onnxruntime.InferenceSession(
            folder / GRAPH, options, providers=["CPUExecutionProvider"]
        )
    except Exception as error:  # onnxruntime has a class for each reason and no common base
        reason = str(error).split("\n")[0]
        raise ValueError(f"{folder}: cannot be loaded ({reason}); copy it again") from error
