"""Labeled sets of text images for benchmarks, their selection and kind, at any angle."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from itertools import islice

import numpy as np
from PIL import Image

from isotrope.data.images import load_image
from isotrope.data.lines import LabeledLines

RENDERED = "rendered"
"""The set without a path: words rendered in font families not used for training."""


@dataclass(frozen=True)
class LabeledSet:
    """Images with their texts, or an evenly spread part of them.

    Args:
        name: Name of the set in the results.
        pairs: Images `(3, H, W)` in [0, 1], with their texts; decoded on access.
        selection: Description of which lines these are.
        texts: The texts of `pairs`.
    """

    name: str
    pairs: Sequence
    selection: str
    texts: list[str]

    def __len__(self) -> int:
        return len(self.texts)

    @property
    def kind(self) -> str:
        """ "words", or "lines" if more than a tenth of the texts contain a space."""
        return "lines" if sum(" " in text for text in self.texts) > len(self) / 10 else "words"

    @property
    def cased(self) -> bool:
        """Whether the labels distinguish case; some sets are all capitals."""
        return any(text != text.upper() for text in self.texts)

    def images(self, angle: int) -> Iterator[np.ndarray]:
        """Yield images turned by `angle` degrees counter-clockwise: RGB `(H, W, 3)`, uint8."""
        for index in range(len(self)):
            image, _ = self.pairs[index]
            pixels = (255 * image).round().byte().permute(1, 2, 0)
            yield turned(pixels.numpy(), angle)


def labeled_set(
    named: str, held_out: int | None = None, limit: int | None = None, rendered: int = 500
) -> LabeledSet:
    """Load the set `NAME=PATH`, a folder or tar with `labels.tsv`, or "rendered".

    Args:
        named: `NAME=PATH` or "rendered".
        held_out: Take only every `held_out`-th line, starting with the first: those held out in
            training.
        limit: Then take at most this many, spread evenly.
        rendered: Number of words to render if no limit is given.

    Raises:
        ValueError: There is no such set, or no lines are left.
    """
    name, _, path = named.partition("=")
    if named == RENDERED:
        pairs = _rendered(limit or rendered)
        texts = [text for _, text in pairs]
        return LabeledSet(name, pairs, f"{len(texts)} words", texts)
    if not path:
        raise ValueError(f"{named!r} is no set; give NAME=PATH or {RENDERED!r}")
    lines = LabeledLines(path)
    selection, total = [], len(lines)
    if held_out is not None:
        lines = lines.split(held_out)[1]
        selection.append(f"1 in {held_out}")
    if limit is not None and limit < len(lines):
        chosen = set(spread(len(lines), limit))
        lines = lines.keep(lambda index, _: index in chosen)
        selection.append(f"{limit} spread evenly")
    if not len(lines):
        raise ValueError(f"{path} has no labeled line; give another set")
    selection = f"{', '.join(selection) or 'all'} of {total}"
    return LabeledSet(name, lines, selection, [text for _, text in lines.items])


def spread(total: int, count: int) -> list[int]:
    """Return `count` evenly spread indices below `total`, including 0; all if count >= total."""
    count = min(count, total)
    return [place * total // count for place in range(count)]


def turned(image: np.ndarray, angle: int) -> np.ndarray:
    """Turn an image counter-clockwise, exactly for quarter turns, else by interpolation.

    Other angles expand the image to keep all of it; new pixels get the median color of its border.
    """
    if angle % 90 == 0:
        return np.ascontiguousarray(np.rot90(image, angle // 90))
    border = np.concatenate([image[0], image[-1], image[:, 0], image[:, -1]])
    ground = tuple(int(value) for value in np.median(border, axis=0).round())
    picture = Image.fromarray(image)
    return np.asarray(picture.rotate(angle, Image.Resampling.BICUBIC, True, fillcolor=ground))


def _rendered(count: int) -> list:
    from isotrope.data.synthetic.text import SyntheticText

    samples = islice(SyntheticText("valid", seed=1, lines=0.0), count)
    return [(load_image(sample.image), sample.text) for sample in samples]
