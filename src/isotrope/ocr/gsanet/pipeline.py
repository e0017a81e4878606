"""`transformers.pipeline("text-recognition")` with the papers' recognizer."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from transformers import Pipeline

from isotrope.data.images import load_image, prepare
from isotrope.io.images import ImageSource

if TYPE_CHECKING:
    from isotrope.ocr.gsanet.recognizer import Recognizer


class RecognizerPipeline(Pipeline):
    """Map images of words and lines, any way up, to `{"generated_text", "score", "orientation"}`.

    `score` is the confidence, `orientation` the turn of the text in degrees counter-clockwise. The
    argument `beams`, of the pipeline or of a call, is passed to `Recognizer.read`.
    """

    model: Recognizer
    _load_processor = _load_image_processor = _load_feature_extractor = _load_tokenizer = False

    def _sanitize_parameters(self, beams: int | None = None, **_) -> tuple[dict, dict, dict]:
        return {}, {} if beams is None else {"beams": beams}, {}

    def preprocess(self, image: ImageSource, **_) -> dict[str, Any]:
        config = self.model.config
        sizes = (config.image_height, config.image_stride, config.max_ratio)
        return {"pixel_values": prepare(load_image(image), *sizes)[None]}

    def _forward(self, inputs: dict[str, Any], beams: int = 1) -> dict[str, Any]:
        return self.model.read(inputs["pixel_values"], beams)._asdict()

    def postprocess(self, outputs: dict[str, Any], **_) -> list[dict[str, Any]]:
        rows = zip(*(outputs[n] for n in ("texts", "confidences", "orientations")), strict=True)
        return [
            {"generated_text": text, "score": float(score), "orientation": int(orientation)}
            for text, score, orientation in rows
        ]
