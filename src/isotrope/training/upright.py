"""Training images for the finder: upright words, lines and page crops, cut, slanted and shrunk."""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace

import numpy as np
import torch
from torch import Tensor
from torch.nn import functional

from isotrope.data.draws import Categorical
from isotrope.data.stream import SkippedSample
from isotrope.ocr.orientation.sizing import LYING, finder_size
from isotrope.training.mix import coarse
from isotrope.training.rendered import Rendered, Sample
from isotrope.training.variation import cropped_and_recolored, sheared_and_relit

Draw = Callable[[np.random.Generator], "tuple[Tensor, str | None] | Rendered"]
"""Draws an upright image `(3, H, W)` in [0, 1] and its text, if known; or an unpainted one."""

LARGEST = 4608
"""Number of pixels of a sample before its batch's size is known."""


@dataclass(frozen=True)
class UprightSample(Sample):
    """An image in bytes, blue first, that is upright up to a slant.

    Args:
        pixels: `(3, H, W)`, or an unpainted image.
        slant: In degrees counter-clockwise, from -45 to 45.
        known: Whether the image shows which way is up; `OXO` does not.
    """

    slant: float
    known: bool = True


class UprightMix:
    """Draws upright images from several sources.

    Args:
        sources: `(share, draw)` of each source.
        slanted: share of the samples slanted by up to 45 degrees; as many again are slanted by up
            to 8.
    """

    def __init__(self, sources: Sequence[tuple[float, Draw]], slanted: float = 0.3) -> None:
        self.draws = [draw for _, draw in sources]
        self.choice = Categorical(range(len(sources)), [share for share, _ in sources])
        self.slanted = slanted

    def draw(self, rng: np.random.Generator) -> UprightSample:
        """An upright image from one of the sources, sometimes slanted."""
        drawn = self.draws[self.choice.draw(rng)](rng)
        slant = 0.0
        if (chance := rng.random()) < 2 * self.slanted:
            slant = float(rng.uniform(-45, 45) if chance < self.slanted else rng.uniform(-8, 8))
        if isinstance(drawn, Rendered):
            return _posed(drawn, slant)
        image, text = drawn
        if min(image.shape[1:]) < 8:
            raise SkippedSample
        image = cropped_and_recolored(sheared_and_relit(bounded(image, slant), rng), rng)
        image = slanted(image, slant, _around(image, rng)) if slant else image
        image = coarse(image, rng) if rng.random() < 0.5 else image
        if image.shape[1] > LYING * image.shape[2]:  # the finder would lay it on its side
            raise SkippedSample
        known = text is None or not alike_upside_down(text)
        return UprightSample(finder_pixels(image, LARGEST), slant, known)


def _posed(drawn: Rendered, slant: float) -> UprightSample:
    """Rendered text slanted before it is painted, so that its background continues around it."""
    if slant:
        masks = torch.from_numpy(drawn.outline.masks).float()
        masks = bounded(masks, slant)
        masks = slanted(masks, slant, border_color(masks)).round().clamp(0, 255).byte().numpy()
        drawn = replace(drawn, outline=replace(drawn.outline, masks=masks))
    rows, columns = drawn.size
    if rows > LYING * columns:
        raise SkippedSample
    sized = drawn.sized(finder_size(rows, columns, LARGEST))
    return UprightSample(sized, slant, not alike_upside_down(drawn.outline.text))


def window(image: Tensor, rng: np.random.Generator) -> Tensor:
    """A random part of a line, at least 1.5 heights wide, like a word."""
    rows, columns = image.shape[1:]
    least = min(columns, round(1.5 * rows))
    width = round(least * (columns / least) ** rng.random())
    left = int(rng.integers(columns - width + 1))
    return image[:, :, left : left + width]


def bounded(image: Tensor, slant: float) -> Tensor:
    """Shrink `(C, H, W)` to 1.5 times the resolution that the finder will see after the slant."""
    rows, columns = image.shape[1:]
    frame = _frame(rows, columns, slant)
    scale = 1.5 * finder_size(*frame, LARGEST)[0] / frame[0]
    if scale >= 1:
        return image
    size = (max(8, round(rows * scale)), max(8, round(columns * scale)))
    return functional.interpolate(image[None], size=size, mode="bilinear", antialias=True)[0]


def _frame(rows: int, columns: int, degrees: float) -> tuple[int, int]:
    """Height and width of the frame that holds an image after a turn."""
    c, s = abs(math.cos(math.radians(degrees))), abs(math.sin(math.radians(degrees)))
    return math.ceil(rows * c + columns * s), math.ceil(rows * s + columns * c)


def _around(image: Tensor, rng: np.random.Generator) -> Tensor | None:
    """The color around a slanted image: the border's median, black or white; None: its border."""
    kind = rng.random()
    if kind < 0.5:
        return border_color(image)
    return None if kind < 0.75 else torch.full((len(image),), float(kind < 0.875))


def border_color(image: Tensor) -> Tensor:
    """The median of each channel along the border of `(C, H, W)`."""
    edge = torch.cat([image[:, 0], image[:, -1], image[:, :, 0], image[:, :, -1]], dim=1)
    return edge.median(dim=1).values


def slanted(image: Tensor, degrees: float, around: Tensor | None) -> Tensor:
    """An image `(C, H, W)` turned counter-clockwise in a frame that holds all of it.

    Args:
        around: the color outside the image, one value per channel; None: extend its border.
    """
    rows, columns = image.shape[1:]
    angle = math.radians(degrees)
    c, s = math.cos(angle), math.sin(angle)
    height, width = _frame(rows, columns, degrees)
    # Maps points of the new frame to points of the old, in half sides; y points down.
    matrix = torch.tensor(
        [
            [
                [c * width / columns, -s * height / columns, 0.0],
                [s * width / rows, c * height / rows, 0.0],
            ]
        ]
    )
    grid = functional.affine_grid(matrix, [1, 1, height, width], align_corners=False)
    if around is None:
        return functional.grid_sample(
            image[None], grid, padding_mode="border", align_corners=False
        )[0]
    ground = around[:, None, None]
    return functional.grid_sample((image - ground)[None], grid, align_corners=False)[0] + ground


def finder_pixels(image: Tensor, area: int) -> Tensor:
    """An image `(3, H, W)` in [0, 1] at the finder's size, in bytes, blue first."""
    rows, columns = image.shape[1:]
    size = finder_size(rows, columns, area)
    sized = functional.interpolate(image[None], size=size, mode="bilinear", antialias=True)[0]
    return (sized.flip(0).clamp(0, 1) * 255).round().byte()


_UPSIDE_DOWN = str.maketrans(
    "oOxXsSzZNHIl0180|-=+:.%unpdbqMW69", "oOxXsSzZNHIl0180|-=+:.%nudpqbWM96"
)
_ALIKE = frozenset("oOxXsSzZNHIl018|-=+:.%unpdbqMW69 ")


def alike_upside_down(text: str) -> bool:
    """Whether a text turned by 180 degrees reads the same, or as another text.

    Examples: `OXO`, `NON` and `6`, and `86`, which turned reads `98`.
    """
    return (
        bool(text)
        and _ALIKE.issuperset(text)
        and (len(text) < 3 or text[::-1].translate(_UPSIDE_DOWN) == text)
    )
