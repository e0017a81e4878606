"""Prepare images for the papers' recognizer, for transformers' `AutoImageProcessor`."""

from __future__ import annotations

from collections.abc import Iterable

from transformers import BatchFeature
from transformers.image_processing_utils import BaseImageProcessor

from isotrope.data.images import load_image, prepare
from isotrope.io.images import ImageSource, image_sources


class RecognizerImageProcessor(BaseImageProcessor):
    """Convert any image to pixels of the size a `Recognizer` takes (`preprocessor_config.json`).

    Args:
        image_height: Short side of the result, px.
        image_stride: Both sides of the result are multiples of this, px.
        max_ratio: The largest ratio of long to short side that is accepted.
    """

    model_input_names = ["pixel_values"]  # noqa: RUF012

    def __init__(
        self, image_height: int = 32, image_stride: int = 8, max_ratio: float = 32.0, **kwargs
    ) -> None:
        super().__init__(**kwargs)
        self.image_height, self.image_stride, self.max_ratio = image_height, image_stride, max_ratio

    def preprocess(
        self, images: ImageSource | Iterable[ImageSource], return_tensors: str | None = None, **_
    ) -> BatchFeature:
        """Return `pixel_values`: `(3, h, w)` each, in [0, 1].

        Args:
            images: One image or several, as `isotrope.io.images.load_unit` takes them.
            return_tensors: "pt" stacks the images, which must then have the same size.

        Raises:
            ImageError: An image cannot be opened, or is too small or too long.
        """
        sizes = (self.image_height, self.image_stride, self.max_ratio)
        pixels = [prepare(load_image(image), *sizes) for image in image_sources(images)]
        return BatchFeature({"pixel_values": pixels}, tensor_type=return_tensors)

    def __call__(self, images: ImageSource | Iterable[ImageSource], **kwargs) -> BatchFeature:
        """Prepare images, as `preprocess` does."""
        return self.preprocess(images, **kwargs)
