"""Read safetensors files as numpy arrays."""

from __future__ import annotations

import json
from pathlib import Path

import numpy as np

_DTYPES = {
    **{"F64": np.float64, "F32": np.float32, "F16": np.float16},
    **{"I64": np.int64, "I8": np.int8},
}


def load_tensors(path: str | Path) -> dict[str, np.ndarray]:
    """Load the tensors of a file by name, in the file's own precision.

    Format: a JSON header followed by the raw bytes, https://huggingface.co/docs/safetensors.

    Raises:
        ValueError: The file is broken, or has a tensor type that numpy lacks, such as bfloat16.
    """
    tensors, _ = load_with_metadata(path)
    return tensors


def load_with_metadata(path: str | Path) -> tuple[dict[str, np.ndarray], dict[str, str]]:
    """Load the tensors of a file and its metadata, as `load_tensors` does."""
    content = Path(path).read_bytes()
    try:
        start = 8 + int.from_bytes(content[:8], "little")
        header: dict = json.loads(content[8:start])
        metadata = header.pop("__metadata__", None) or {}
        tensors = {}
        for name, entry in header.items():
            first, end = (start + offset for offset in entry["data_offsets"])
            flat = np.frombuffer(content[first:end], _DTYPES[entry["dtype"]])
            tensors[name] = flat.reshape(entry["shape"])
    except (ValueError, KeyError, TypeError, AttributeError) as error:
        raise ValueError(f"{path} is broken ({error}); copy it again") from error
    return tensors, metadata


def tensor_places(path: str | Path) -> dict[str, tuple[int, int]]:
    """Offset and length of each tensor of a file, in bytes."""
    with Path(path).open("rb") as file:
        size = int.from_bytes(file.read(8), "little")
        header = json.loads(file.read(size))
    header.pop("__metadata__", None)
    return {
        name: (8 + size + first, end - first)
        for name, (first, end) in ((n, entry["data_offsets"]) for n, entry in header.items())
    }
