"""What the papers' recognizer learns from: rendered text and labelled images, mixed by share."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from torch import Tensor

from isotrope.data.stream import SkippedSample
from isotrope.data.synthetic.text import SyntheticText
from isotrope.io.images import ImageError
from isotrope.io.resize import target_size
from isotrope.ocr.gsanet.recognizer import Recognizer
from isotrope.training.rendered import Rendered, drawn_seed
from isotrope.training.spans import RealLines
from isotrope.training.variation import cropped_and_recolored, sheared_and_relit, warped


@dataclass(frozen=True)
class TextImage:
    """An upright text image of any size, and what it says.

    Args:
        pixels: `(3, H, W)` in [0, 1], or what is yet to be painted.
        seed: For whatever is still drawn at random.
    """

    pixels: Tensor | Rendered
    text: str
    seed: int = 0

    @property
    def size(self) -> tuple[int, int]:
        """Height and width in pixels."""
        if isinstance(self.pixels, Rendered):
            return self.pixels.size
        rows, columns = self.pixels.shape[1:]
        return rows, columns

    @property
    def extent(self) -> float:
        """Width over height."""
        rows, columns = self.size
        return columns / rows

    @property
    def rendered(self) -> bool:
        """Whether the image was rendered, not scanned."""
        return isinstance(self.pixels, Rendered)

    @property
    def centers(self) -> np.ndarray | None:
        """`(x, y)` of each character in fractions of width and height; None where not known."""
        pixels = self.pixels
        return pixels.outline.centers if isinstance(pixels, Rendered) else None


@dataclass(frozen=True)
class ReaderSize:
    """The sizes that a `Recognizer` takes, as `target_size` has them."""

    height: int
    stride: int
    max_ratio: float

    @classmethod
    def of(cls, recognizer: Recognizer) -> ReaderSize:
        """Those of its config."""
        config = recognizer.config
        return cls(config.image_height, config.image_stride, config.max_ratio)

    def __call__(self, size: tuple[int, int]) -> tuple[int, int]:
        """The size that an image of `size` gets.

        Raises:
            ImageError: It is too small, or too long.
        """
        return target_size(size, self.height, self.stride, self.max_ratio)

    def unfit(self, ratio: float, text: str = "") -> str:
        """Why an image of this width over height is not taken; empty where it is."""
        long = max(ratio, 1 / ratio)
        if long <= self.max_ratio:
            return ""
        shape = "longer than high" if ratio > 1 else "higher than wide"
        return f"it is {long:.4g} times {shape}, and the model takes up to {self.max_ratio:g}"


class TextMix:
    """Draws rendered text, or with probability `real_share` a line of a labelled set.

    Args:
        size: Images that it refuses are skipped.
        real: Each set is drawn alike, whatever its length.
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
        """One image, each time a little different."""
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
    """Into how many batches of `batch_pixels` a group of samples of `mix` falls, about."""
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
