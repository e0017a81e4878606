"""`transformers.pipeline("text-recognition")` with the recognizers."""

from __future__ import annotations

from typing import Any, cast

import numpy as np
import torch
from peft.tuners.tuners_utils import BaseTunerLayer
from transformers import Pipeline

from isotrope.io.images import ImageSource, load_pixels
from isotrope.ocr.engines import Engine
from isotrope.ocr.engines.gsanet import GSANet
from isotrope.ocr.engines.isotrope import Isotrope
from isotrope.ocr.finders import make_finder
from isotrope.ocr.reader import Reader
from isotrope.ocr.recognition.constants import MODEL_TYPE
from isotrope.ocr.recognition.session import LineReader


class TorchLines(LineReader):
    """Reads upright lines with a `LineRecognizerForCTC`, on its device, with its adapters."""

    def __init__(self, model: Any) -> None:
        super().__init__(model.config.charset, model.calibration)
        self.model = model

    @torch.inference_mode()
    def probabilities(self, pixels: np.ndarray) -> np.ndarray:
        """See `LineReader.probabilities`."""
        inputs = torch.from_numpy(pixels).to(self.model.device, self.model.dtype)
        return self.model(pixel_values=inputs).logits.float().softmax(-1).cpu().numpy()


def reader_of(model: Any, beams: int | None = None) -> Reader:
    """Make the reader of a `LineRecognizerForCTC` or a `Recognizer`, with adapters or without.

    Raises:
        ValueError: `beams` for a model that follows no beams.
    """
    if model.config.model_type != MODEL_TYPE:
        return Reader(GSANet(model, beams))
    if beams is not None:
        raise ValueError(f"beams={beams}: a line recognizer follows no beams; leave it out")
    adapted = any(isinstance(layer, BaseTunerLayer) for layer in model.modules())
    engine = Isotrope(TorchLines(model), adapter="the model's own" if adapted else None)
    return Reader(cast("Engine", engine), make_finder("isotrope"))


class RecognitionPipeline(Pipeline):
    """Reads words and lines, any way up: `{"generated_text", "score", "orientation"}` of each.

    `score` is the confidence, `orientation` the turn of the text in degrees counter-clockwise. The
    result is that of `Reader.read` with the same model. The model may carry an adapter of peft. A
    `Recognizer` takes the argument `beams`, as in `GSANet`.
    """

    _load_processor = _load_image_processor = _load_feature_extractor = _load_tokenizer = False

    def __init__(self, *args: Any, **options: Any) -> None:
        super().__init__(*args, **options)
        self._readers: dict[int | None, Reader] = {}

    def _sanitize_parameters(self, beams: int | None = None, **_: Any) -> tuple[dict, dict, dict]:
        return {}, {} if beams is None else {"beams": beams}, {}

    def preprocess(self, image: ImageSource, **_: Any) -> dict[str, Any]:
        return {"pixels": load_pixels(image)}

    def _forward(self, inputs: dict[str, Any], beams: int | None = None) -> dict[str, Any]:
        if beams not in self._readers:
            self._readers[beams] = reader_of(self.model, beams)
        (reading,) = self._readers[beams].read([inputs["pixels"]])
        return {"reading": reading}

    def postprocess(self, outputs: dict[str, Any], **_: Any) -> list[dict[str, Any]]:
        found = outputs["reading"]
        return [
            {
                "generated_text": found.text,
                "score": found.confidence,
                "orientation": found.orientation,
            }
        ]
