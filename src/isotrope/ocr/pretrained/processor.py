"""`LineProcessor`: from images to what a `LineRecognizerForCTC` takes, and from logits to text."""

from __future__ import annotations

import os
from collections.abc import Iterable, Sequence
from pathlib import Path
from typing import Any

import numpy as np
from torch import Tensor
from transformers import BatchFeature, ProcessorMixin

from isotrope.io.images import ImageSource, image_sources, load_pixels
from isotrope.ocr.finders import make_finder
from isotrope.ocr.pretrained.model import LineConfig
from isotrope.ocr.recognition.constants import BLANK
from isotrope.ocr.recognition.ctc import decode
from isotrope.ocr.recognition.session import line_pixels
from isotrope.ocr.views import Finder, upright_views


class LineProcessor(ProcessorMixin):
    """Turns images of words and lines upright, makes pixels of them, and decodes logits.

    A turned image gives the same pixels, and so the same text.

    Args:
        charset: The model's characters.
        finder: Finds which way is up, as in `Reader.from_pretrained`. None: all images are upright.
    """

    def __init__(self, charset: str, finder: str | Path | Finder | None = "isotrope") -> None:
        super().__init__()
        self.charset = charset
        self.finder = None if finder is None else make_finder(finder)

    @classmethod
    def from_pretrained(cls, path: str | os.PathLike, **kwargs: Any) -> LineProcessor:
        """Make the processor of a model's folder, from its `config.json` alone."""
        options = {name: kwargs.pop(name) for name in ("finder",) if name in kwargs}
        config = LineConfig.from_pretrained(path, **kwargs)
        return cls(config.charset, **options)

    def save_pretrained(self, save_directory: str | os.PathLike, **_: Any) -> list[str]:
        """Do nothing: all that it needs is in the model's configuration."""
        return []

    def __call__(
        self,
        images: ImageSource | Iterable[ImageSource],
        text: str | Sequence[str] | None = None,
        return_tensors: str | None = None,
        **_: Any,
    ) -> BatchFeature:
        """Return `pixel_values`: `(3, 48, W)` each, float32 in [-1, 1], blue first.

        Args:
            images: One image or several, as `isotrope.io.images.load_pixels` takes them.
            text: The prompt that `pipeline("image-text-to-text")` insists on. It is not read; given
                one, the result has `input_ids` too, which are empty.
            return_tensors: "pt" stacks the images, which must then have the same width: a line's
                text must not depend on the others in its batch.

        Raises:
            ImageError: An image cannot be opened.
            ValueError: The images differ in width, and are to be stacked.
        """
        pixels = [
            line_pixels(self._upright(load_pixels(source))) for source in image_sources(images)
        ]
        widths = sorted({each.shape[2] for each in pixels})
        if return_tensors is not None and len(widths) > 1:
            raise ValueError(
                f"images of widths {', '.join(map(str, widths))} px do not make one tensor; give "
                'one image at a time, or use pipeline("text-recognition")'
            )
        prompt = {} if text is None else {"input_ids": np.zeros((len(pixels), 0), np.int64)}
        return BatchFeature({"pixel_values": pixels, **prompt}, tensor_type=return_tensors)

    def batch_decode(self, logits: Tensor, **_: Any) -> list[str]:
        """Decode logits `(B, columns, classes)` by their best paths."""
        rows = logits.detach().float().softmax(-1).cpu().numpy()
        return [decode(row, self.charset).text for row in rows]

    def post_process_image_text_to_text(
        self, generated_outputs: Tensor, *_: Any, **__: Any
    ) -> list[str]:
        """The texts of `LineRecognizerForCTC.generate`."""
        rows = generated_outputs.tolist()
        return ["".join(self.charset[c - 1] for c in row if c != BLANK).strip() for row in rows]

    def _upright(self, pixels: np.ndarray) -> np.ndarray:
        """Turn an image as its likeliest view lies."""
        if self.finder is None:
            return pixels
        (views,) = upright_views(self.finder, [pixels], 1)
        return max(views, key=lambda view: round(view.probability, 6)).pixels
