"""Training lines for a line recognizer: labeled sets and rendered text, mixed by share."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass

import numpy as np
from torch import Tensor
from torch.nn import functional

from isotrope.data.draws import Categorical
from isotrope.data.lines import LabeledLines
from isotrope.data.pages import load_lines
from isotrope.data.stream import SkippedSample
from isotrope.io.images import ImageError
from isotrope.ocr.recognition.constants import HEIGHT, STRIDE
from isotrope.training.line_sets import evenly
from isotrope.training.rendered import Rendered
from isotrope.training.variation import cropped_and_recolored, sheared_and_relit, warped

WIDEST = 1600
"""Maximum width of a training line, in pixels."""

_LINE = 6
"""An image at least this many times wider than high counts as a line, not a word."""


@dataclass(frozen=True)
class LineSample:
    """An upright line and its text: `pixels` `(3, 48, W)` in bytes, blue first.

    `pixels` may also be an unpainted line, 48 pixels high and a multiple of `STRIDE` wide. `taught`
    says that the published model reads such lines well (see `Source`).
    """

    pixels: Tensor | Rendered
    text: str
    taught: bool = False

    @property
    def extent(self) -> int:
        """Width in pixels."""
        pixels = self.pixels
        return pixels.size[1] if isinstance(pixels, Rendered) else pixels.shape[2]

    @property
    def rendered(self) -> bool:
        """Whether the line was rendered, not scanned."""
        return isinstance(self.pixels, Rendered)


@dataclass(frozen=True)
class Source:
    """A labeled set in the mix.

    Args:
        name: its name in the log.
        path: a folder or tar with labels.tsv, or a folder of PAGE-XML or ALTO.
        share: its share of the samples; 0: only validate on it.
        held_out: every `held_out`-th line (or page) is for validation only; 1: all of them.
        taught: whether the published model reads such lines well; training then keeps close to it.
        hand: whether to move and slant strokes, as in handwriting.
        collections: subfolders of pages to use; None: all.
    """

    name: str
    path: str
    share: float = 1.0
    held_out: int = 10
    taught: bool = False
    hand: bool = False
    collections: tuple[str, ...] | None = None


class LineMix:
    """Draws randomly varied lines from several sources.

    Args:
        charset: lines with other characters are skipped, in training and validation.
        rendered: draws an unpainted line; None: no rendered lines.
        rendered_share: share of rendered lines in the samples.
        most: maximum number of held-out lines of each source to validate on, evenly spread.
        relabel: corrects the lines of a source, given by name.
    """

    def __init__(
        self,
        sources: Sequence[Source],
        charset: str,
        rendered: Callable[[np.random.Generator], Rendered] | None = None,
        rendered_share: float = 0.0,
        most: int = 200,
        relabel: Callable[[str, LabeledLines], LabeledLines] = lambda name, lines: lines,
    ) -> None:
        known = frozenset(charset)
        self.sources, self.rendered, self.most = list(sources), rendered, most
        self._train: list[LabeledLines] = []
        self._valid: list[LabeledLines] = []
        for source in sources:
            lines = relabel(source.name, load_lines(source.path, source.collections))
            usable = lines.keep(lambda _, text: known.issuperset(text))
            train, valid = usable.split(source.held_out)
            self._train.append(train)
            self._valid.append(valid)
        shares = [source.share for source in sources]
        rest = rendered_share if rendered else 0.0
        scale = (1 - rest) / max(sum(shares), 1e-9)
        self._choice = Categorical(range(len(shares) + 1), [*(s * scale for s in shares), rest])

    def draw(self, rng: np.random.Generator) -> LineSample:
        """A line from one of the sources, by their shares."""
        place = self._choice.draw(rng)
        if self.rendered is not None and place == len(self.sources):
            drawn = self.rendered(rng)
            return LineSample(drawn, drawn.outline.text, True)
        lines, source = self._train[place], self.sources[place]
        try:
            image, text = lines[int(rng.integers(len(lines)))]
        except (ValueError, ImageError) as error:
            raise SkippedSample from error
        image = sheared_and_relit(lowered(image), rng)
        image = warped(image, rng) if source.hand else image
        sample = LineSample(
            line_pixels(
                coarse(cropped_and_recolored(stretched(image, rng), rng, inverted=0.1), rng)
            ),
            text,
            source.taught,
        )
        if sample.extent > WIDEST or len(text) >= sample.extent // STRIDE:
            raise SkippedSample
        return sample

    def held_out(self) -> dict[str, list[LineSample]]:
        """The lines to validate on, unvaried, by source."""
        sets = {}
        for source, lines in zip(self.sources, self._valid, strict=True):
            samples = [lines[place] for place in evenly(len(lines), self.most)]
            sets[source.name] = [LineSample(line_pixels(image), text) for image, text in samples]
        return sets


def lowered(image: Tensor) -> Tensor:
    """Shrink an image to the recognizer's height if it is higher, to save work later on."""
    rows, columns = image.shape[1:]
    if rows <= HEIGHT:
        return image
    size = (HEIGHT, max(1, round(columns * HEIGHT / rows)))
    return functional.interpolate(image[None], size=size, mode="bilinear", antialias=True)[0]


def stretched(image: Tensor, rng: np.random.Generator) -> Tensor:
    """Widen some words, as the reader does to reread doubtful ones (`recognition.session`)."""
    rows, columns = image.shape[1:]
    if columns >= _LINE * rows or rng.random() > 0.4:
        return image
    size = (rows, round(columns * rng.uniform(0.9, 1.6)))
    return functional.interpolate(image[None], size=size, mode="bilinear", align_corners=False)[0]


def coarse(image: Tensor, rng: np.random.Generator) -> Tensor:
    """Lower the resolution of some images: words down to 12 pixels of height, lines to 20."""
    rows, columns = image.shape[1:]
    share, least, most = (0.2, 12, 25) if columns < _LINE * rows else (0.15, 20, 40)
    if rng.random() > share:
        return image
    height = int(rng.integers(least, most))
    size = (height, max(2, round(columns * height / rows)))
    return functional.interpolate(image[None], size=size, mode="bilinear", antialias=True)[0]


def line_pixels(image: Tensor) -> Tensor:
    """An upright image `(3, H, W)` in [0, 1] at the recognizer's height, in bytes, blue first."""
    rows, columns = image.shape[1:]
    width = max(2 * STRIDE, STRIDE * round(columns * HEIGHT / rows / STRIDE))
    sized = functional.interpolate(
        image[None], size=(HEIGHT, width), mode="bilinear", antialias=True, align_corners=False
    )[0]
    return (sized.flip(0).clamp(0, 1) * 255).round().byte()
