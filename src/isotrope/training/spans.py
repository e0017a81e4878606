"""Real lines cut between words and recombined.

A model memorizes the texts of a few thousand lines that it sees many times. Random runs of their
words start and end elsewhere each time, so that the model has to look at the image.
"""

from __future__ import annotations

import math

import numpy as np
import torch
import torch.nn.functional as F
from torch import Tensor

from isotrope.data.images import prepare
from isotrope.data.lines import LabeledLines
from isotrope.ocr.gsanet.recognizer import Recognizer


@torch.inference_mode()
def gaps(recognizer: Recognizer, image: Tensor, text: str) -> np.ndarray:
    """Positions of a text's spaces in its upright image `(3, H, W)`, as fractions of the width.

    A space lies halfway between the mean positions of the last cross-attention (at the upright
    orientation) for the characters before and after it. Empty if the positions do not run from left
    to right.
    """
    settings = recognizer.config
    pixels = prepare(image, settings.image_height, settings.image_stride, settings.max_ratio)[None]
    rows, columns = recognizer.grid(pixels)
    tokens = recognizer.encoder(pixel_values=pixels).last_hidden_state
    written = recognizer.prepare_decoder_input_ids_from_labels(recognizer.encode_text([text]))
    out = recognizer.decoder(
        input_ids=written, encoder_hidden_states=tokens, output_attentions=True, use_cache=False
    )
    looked = out.cross_attentions[-1][0].mean(dim=0)[:, : rows * columns]  # upright comes first
    looked = looked.unflatten(1, (rows, columns)).sum(dim=1)
    places = (torch.arange(columns) + 0.5) / columns
    x = ((looked * places).sum(dim=1) / looked.sum(dim=1)).numpy()
    spaces = np.array([k for k, c in enumerate(text) if c == " "], int)
    found = (x[spaces - 1] + x[spaces + 1]) / 2
    ordered = np.diff(np.concatenate(([0.0], found, [1.0]))) > 0
    return found if ordered.all() else np.zeros(0)


class RealLines:
    """Lines to draw from: whole, or with probability `recut`, as runs of words from one or two.

    No text is longer than that of the longest line, which the recognizer can write.

    Args:
        recognizer: a model that reads the lines well enough to locate their spaces.

    Raises:
        ValueError: lines to cut, but no recognizer.
    """

    def __init__(
        self, lines: LabeledLines, recut: float = 0.0, recognizer: Recognizer | None = None
    ) -> None:
        self.lines, self.recut = lines, recut
        self.gaps = [self._gaps(n, recognizer) for n in range(len(lines))] if recut else []
        self.longest = max((len(text) for _, text in lines.items), default=0)
        self.cuttable = [n for n, found in enumerate(self.gaps) if len(found)]

    def _gaps(self, number: int, recognizer: Recognizer | None) -> np.ndarray:
        if " " not in self.lines.items[number][1]:
            return np.zeros(0)
        if recognizer is None:
            raise ValueError(
                f"recut={self.recut} without a recognizer, which finds where to cut; pass one "
                "(model.start of a recipe)"
            )
        return gaps(recognizer, *self.lines[number])

    def draw(self, rng: np.random.Generator) -> tuple[Tensor, str]:
        """An image `(3, H, W)` and its text."""
        number = int(rng.integers(len(self.lines)))
        if not self.cuttable or rng.random() >= self.recut or not len(self.gaps[number]):
            return self.lines[number]
        image, text = self._run(number, rng)
        if rng.random() < 0.5:
            return image, text
        other, more = self._run(self.cuttable[int(rng.integers(len(self.cuttable)))], rng)
        joined = f"{text} {more}"
        return (beside(image, other), joined) if len(joined) <= self.longest else (image, text)

    def _run(self, number: int, rng: np.random.Generator) -> tuple[Tensor, str]:
        """A random run of consecutive words of a line."""
        image, text = self.lines[number]
        words = text.split(" ")
        first, last = sorted(rng.integers(len(words), size=2))
        edges = np.concatenate(([0.0], self.gaps[number], [1.0])) * image.shape[2]
        left, right = int(edges[first]), math.ceil(edges[last + 1])
        return image[:, :, left:right], " ".join(words[first : last + 1])


def beside(image: Tensor, other: Tensor) -> Tensor:
    """Two images side by side; the second gets the height and paper brightness of the first."""
    rows, columns = image.shape[1], max(1, round(other.shape[2] * image.shape[1] / other.shape[1]))
    other = F.interpolate(other[None], (rows, columns), mode="bilinear", antialias=True)[0]
    brighter = image.median() - other.median()  # most of an image is paper
    return torch.cat((image, (other + brighter).clamp(0, 1)), dim=2)
