"""The configuration of a `Recognizer`."""

from __future__ import annotations

from transformers import VisionEncoderDecoderConfig


class RecognizerConfig(VisionEncoderDecoderConfig):
    """Encoder's, decoder's, and what `Recognizer` says of its own."""

    model_type = "isotrope_recognizer"
