"""Training images for the papers' recognizer: rendered text and labeled images, mixed by share."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from isotrope.data.lines import LabeledLines
from isotrope.data.stream import SkippedSample
from isotrope.data.synthetic.text import SyntheticText
from isotrope.io.images import ImageError
from isotrope.io.resize import target_size
from isotrope.ocr.gsanet.recognizer import Recognizer
from isotrope.training.rendered import Rendered, Sample, drawn_seed
from isotrope.training.spans import RealLines
from isotrope.training.variation import cropped_and_recolored, sheared_and_relit, warped


@dataclass(frozen=True)
class TextImage(Sample):
    """An upright text image of any size, and its text.

    Args:
        pixels: `(3, H, W)` in [0, 1], or an unpainted image.
        seed: Seed for draws that are still to come.
    """

    text: str
    seed: int = 0

    @property
    def centers(self) -> np.ndarray | None:
        """`(x, y)` of each character in fractions of width and height; None if unknown."""
        pixels = self.pixels
        return pixels.outline.centers if isinstance(pixels, Rendered) else None


@dataclass(frozen=True)
class ReaderSize:
    """The image sizes that a `Recognizer` takes; the arguments of `target_size`."""

    height: int
    stride: int
    max_ratio: float

    @classmethod
    def of(cls, recognizer: Recognizer) -> ReaderSize:
        """The sizes in the recognizer's config."""
        config = recognizer.config
        return cls(config.image_height, config.image_stride, config.max_ratio)

    def __call__(self, size: tuple[int, int]) -> tuple[int, int]:
        """The size to which an image of `size` is resized.

        Raises:
            ImageError: The image is too small or too long.
        """
        return target_size(size, self.height, self.stride, self.max_ratio)

    def unfit(self, lines: LabeledLines, number: int) -> str:
        """Why the image of a line is rejected; empty if it is accepted."""
        ratio = lines.ratio(number)
        long = max(ratio, 1 / ratio)
        if long <= self.max_ratio:
            return ""
        shape = "longer than high" if ratio > 1 else "higher than wide"
        return f"it is {long:.4g} times {shape}, and the model takes up to {self.max_ratio:g}"


class TextMix:
    """Draws rendered text, or with probability `real_share` a line of a labeled set.

    Args:
        size: Images that it rejects are skipped.
        real: Sets to draw from with equal probability, whatever their lengths.
    """

    def __init__(
        self,
        synthetic: SyntheticText,
        size: ReaderSize,
        real: Sequence[RealLines] = (),
        real_share: float = 0.0,
    ) -> None:
        self.synthetic, self.size = synthetic, size
        self.real, self.real_share = real, real_share if real else 0.0

    def draw(self, rng: np.random.Generator) -> TextImage:
        """One randomly varied image."""
        try:
            sample = self._real(rng) if rng.random() < self.real_share else self._rendered(rng)
            self.size(sample.size)
        except (ValueError, ImageError) as error:
            raise SkippedSample from error
        return sample

    def _real(self, rng: np.random.Generator) -> TextImage:
        image, text = self.real[int(rng.integers(len(self.real)))].draw(rng)
        image = cropped_and_recolored(warped(sheared_and_relit(image, rng), rng), rng)
        return TextImage(image, text, drawn_seed(rng))

    def _rendered(self, rng: np.random.Generator) -> TextImage:
        outline, seed = self.synthetic.draw(rng), drawn_seed(rng)
        return TextImage(Rendered(outline, seed), outline.text, seed)


def parts_for(
    mix, size: ReaderSize, batch_pixels: int, group: int, seed: int = 0, trials: int = 64
) -> int:
    """The approximate number of batches of `batch_pixels` in a group of samples of `mix`."""
    areas = []
    for trial in range(trials):
        rng = np.random.default_rng((seed, trial, 11))
        while len(areas) <= trial:
            try:
                rows, columns = size(mix.draw(rng).size)
            except SkippedSample:
                continue
            areas.append(rows * columns)
    return min(group, max(1, round(group * sum(areas) / len(areas) / batch_pixels)))
