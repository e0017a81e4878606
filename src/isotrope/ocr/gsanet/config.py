"""The configuration of a `Recognizer`."""

from __future__ import annotations

from typing import TYPE_CHECKING

from transformers import VisionEncoderDecoderConfig

if TYPE_CHECKING:
    from transformers import TrOCRConfig

    from isotrope.ocr.gsanet.encoder import LiftedEncoderConfig


class RecognizerConfig(VisionEncoderDecoderConfig):
    """Configuration of the encoder, the decoder, and the fields of `Recognizer` itself."""

    model_type = "isotrope_recognizer"

    if TYPE_CHECKING:  # transformers turns runtime annotations into fields
        # Not optional, unlike in the base class.
        encoder: LiftedEncoderConfig  # pyright: ignore[reportGeneralTypeIssues]
        decoder: TrOCRConfig  # pyright: ignore[reportGeneralTypeIssues]
        decoder_start_token_id: int
        charset: str | None
        columns: bool
        image_height: int
        image_stride: int
        max_ratio: float
        max_characters: int
