"""Batches of labelled lines for adapting: an epoch at a time, drawn by the seed alone."""

from __future__ import annotations

import logging
from dataclasses import dataclass
from functools import cached_property

import numpy as np
import torch
from torch import Tensor
from torch.nn import functional

from isotrope.data.images import prepare
from isotrope.data.lines import LabelledLines
from isotrope.io.resize import target_size
from isotrope.ocr.gsanet.recognizer import Recognizer
from isotrope.training.variation import sheared_and_relit

logger = logging.getLogger(__name__)


def writable(lines: LabelledLines, recognizer: Recognizer) -> LabelledLines:
    """The lines that the recogniser can write; how many are left out is logged."""
    kept = lines.keep(lambda _, text: recognizer.can_write(text))
    if len(kept) < len(lines):
        written, known = set().union(*(text for _, text in lines.items)), recognizer.config.charset
        unknown = sorted(written - set(known)) if known else []
        logger.warning(
            "%s: %d of %d lines left out: empty, over %d characters, or with some outside the "
            "charset%s",
            lines.path,
            len(lines) - len(kept),
            len(lines),
            recognizer.config.max_characters,
            f": {''.join(unknown[:20])}" if unknown else "",
        )
    return kept


def readable(lines: LabelledLines, recognizer: Recognizer) -> LabelledLines:
    """The lines whose image opens and has a shape that the recogniser takes; others are logged."""
    settings, good = recognizer.config, set()
    stride = settings.image_stride
    for number in range(len(lines)):
        try:
            image, _ = lines[number]
            target_size(image.shape[1:], settings.image_height, stride, settings.max_ratio)
            good.add(number)
        except (ValueError, OSError) as error:  # all of them, or one would end the training later
            logger.warning("%s: %s left out: %s", lines.path, lines.items[number][0], error)
    return lines.keep(lambda number, _: number in good)


def usable(
    lines: LabelledLines, recognizer: Recognizer, held_out: int
) -> tuple[LabelledLines, LabelledLines]:
    """What the recogniser can read and write of the lines: to train on, and every so-many-th.

    Raises:
        ValueError: too few for one of the two parts.
    """
    train, valid = readable(writable(lines, recognizer), recognizer).split(held_out)
    if not len(train) or not len(valid):
        raise ValueError(
            f"{lines.path}: {len(train)} lines to train on and {len(valid)} held out; "
            f"give at least {held_out} lines that the model can write"
        )
    return train, valid


@dataclass(frozen=True)
class LineBatches:
    """Lines of like shape together, each stretched to the middle one's of its batch.

    Args:
        lines: what is trained on.
        size: `(height, stride, max_ratio)` of the recogniser, as `prepare` takes them.
        batch_pixels: pixels in a batch.
        turned: each batch lies at one of the four turns, drawn anew every epoch.
    """

    lines: LabelledLines
    size: tuple[int, int, float]
    batch_pixels: int
    seed: int = 0
    turned: bool = False

    def batches(self, epoch: int) -> list[list[int]]:
        """The numbers of the lines in each batch of an epoch, in a random order."""
        rng = np.random.default_rng((self.seed, epoch))
        ratios = self.ratios * rng.uniform(0.95, 1.05, len(self.lines))  # other neighbours
        batches, batch, pixels = [], [], 0.0
        for number in np.argsort(ratios):
            own = max(ratios[number], 1 / ratios[number]) * self.size[0] ** 2
            # The reader's short side is the same for all: high lines have other tensors than wide.
            turns = batch and (ratios[batch[-1]] < 1) != (ratios[number] < 1)
            if batch and (turns or pixels + own > self.batch_pixels):
                batches.append(batch)
                batch, pixels = [], 0.0
            batch.append(int(number))
            pixels += own
        batches.append(batch)
        return [batches[i] for i in rng.permutation(len(batches))]

    def __call__(self, numbers: list[int], epoch: int) -> tuple[Tensor, list[str]]:
        """`(B, 3, h, w)`, or turned, and the texts; an epoch sees each line a little otherwise."""
        images, texts = zip(*(self.lines[number] for number in numbers), strict=True)
        draws = (np.random.default_rng((self.seed, epoch, number)) for number in numbers)
        prepared = [
            prepare(sheared_and_relit(i, d), *self.size) for i, d in zip(images, draws, strict=True)
        ]
        # By a hair a square may lie either way; the middle shape is one of the two.
        middle = sorted(tuple(image.shape[1:]) for image in prepared)[len(prepared) // 2]
        stretched = [functional.interpolate(i[None], middle, mode="bilinear") for i in prepared]
        quarters = np.random.default_rng((self.seed, epoch, *numbers)).integers(4)
        turns = int(quarters) if self.turned else 0
        return torch.rot90(torch.cat(stretched), turns, (2, 3)), list(texts)

    @cached_property
    def ratios(self) -> np.ndarray:
        """Width over height of each line."""
        return np.array([self.lines.ratio(number) for number in range(len(self.lines))])
