"""Write a line recognizer with its adapters merged, as a folder that reads without them."""

from __future__ import annotations

import json
import shutil
from pathlib import Path

import numpy as np

from isotrope.io.files import replacing
from isotrope.io.tensors import load_tensors, tensor_places
from isotrope.lora.sums import Terms, summed_characters, summed_weights
from isotrope.ocr.onnx.config import read_config
from isotrope.ocr.onnx.session import CONFIG, GRAPH, WEIGHTS
from isotrope.ocr.recognition.language import CONFIG as LANGUAGE
from isotrope.ocr.recognition.language import OWN


def save_merged(folder: str | Path, terms: Terms, out: str | Path) -> None:
    """Merge adapters into a recognizer and write it to a folder of its own.

    The weights that change are written in 32 bits and the others as they are, so that the copy
    gives the same probabilities, bit for bit. Its charset has the adapters' new characters, and it
    keeps the language model of an adapter.

    Args:
        folder: A folder of a line recognizer.
        terms: The weight and the folder of each adapter.
        out: The folder to write.

    Raises:
        ValueError: There is no recognizer, an adapter does not fit, or `out` holds a model already.
        ModuleNotFoundError: `isotrope[onnx]` is not installed.
    """
    from safetensors.numpy import save_file

    folder, out = Path(folder), Path(out)
    config = read_config(folder, "a line recognizer", "charset")
    if (out / CONFIG).exists():
        raise ValueError(f"{out}: holds a model already; export to a folder of its own")
    spoken = [of for _, of in terms if (of / LANGUAGE).is_file()]
    if spoken and len(terms) > 1:
        raise ValueError(
            f"{spoken[0]} has a language model, which is not merged with others; export it alone, "
            f"or delete {LANGUAGE} in a copy of it"
        )
    parameters = load_tensors(folder / WEIGHTS)
    changed = summed_weights("LineRecognizer", config["charset"], parameters, terms)
    rows = summed_characters(terms)
    merged = parameters | changed
    out.mkdir(parents=True, exist_ok=True)
    for name in (OWN, LANGUAGE) if spoken else ():
        if (spoken[0] / name).is_file():
            shutil.copyfile(spoken[0] / name, out / name)
    with (  # the last entered is put in place first, and the config must be last
        replacing(out / CONFIG) as description,
        replacing(out / GRAPH) as graph,
        replacing(out / WEIGHTS) as weights,
    ):
        save_file({name: np.ascontiguousarray(array) for name, array in merged.items()}, weights)
        places = tensor_places(weights)
        graph.write_bytes(_graph(folder / GRAPH, changed, places))
        config["charset"] += rows.characters if rows else ""
        description.write_text(json.dumps(config, ensure_ascii=False, indent=1), encoding="utf-8")


def _graph(path: Path, changed: dict[str, np.ndarray], places: dict[str, tuple[int, int]]) -> bytes:
    """The graph with the places of the weights in their new file, and the types of the changed."""
    import onnx

    proto = onnx.load(str(path), load_external_data=False)
    for tensor in proto.graph.initializer:
        name = tensor.name.removesuffix(".half")
        if tensor.data_location != onnx.TensorProto.EXTERNAL:
            continue
        if name in changed:
            tensor.data_type = onnx.TensorProto.FLOAT
            tensor.ClearField("dims")
            tensor.dims.extend(changed[name].shape)
        offset, length = places[name]
        tensor.ClearField("external_data")
        for key, value in (("location", WEIGHTS), ("offset", offset), ("length", length)):
            tensor.external_data.add(key=key, value=str(value))
    return proto.SerializeToString()
