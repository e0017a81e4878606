"""Reading a labelled set at every orientation of the group, and what came of it."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable
from dataclasses import dataclass

import torch
from torch import Tensor

from isotrope.data.images import prepare
from isotrope.models.recognizer import Recognizer
from isotrope.ocr.metrics import cer, word_accuracy


@dataclass(frozen=True)
class Score:
    """Of one orientation: character error rate, exact matches, orientations found, in [0, 1]."""

    cer: float
    accuracy: float
    orientation: float


def prepare_all(
    recognizer: Recognizer, pairs: Iterable[tuple[Tensor, str]]
) -> list[tuple[Tensor, str]]:
    """Images at the recogniser's size, with their texts."""
    config = recognizer.config
    size = (config.image_height, config.image_stride, config.max_ratio)
    return [(prepare(image, *size), text) for image, text in pairs]


def read_all(recognizer: Recognizer, images: list[Tensor], batch_size: int = 32):
    """Texts and orientations of prepared images, read in batches of one size."""
    buckets: dict[tuple[int, ...], list[int]] = defaultdict(list)
    for index, image in enumerate(images):
        buckets[tuple(image.shape)].append(index)
    texts, orientations = [""] * len(images), [0] * len(images)
    device = next(recognizer.parameters()).device
    for members in buckets.values():
        for first in range(0, len(members), batch_size):
            chunk = members[first : first + batch_size]
            pixels = torch.stack([images[i] for i in chunk]).to(device)
            read, _, turned = recognizer.read(pixels)
            for i, text, degrees in zip(chunk, read, turned.tolist(), strict=True):
                texts[i], orientations[i] = text, degrees
    return texts, orientations


def validate(recognizer: Recognizer, pairs: list[tuple[Tensor, str]]) -> dict[int, Score]:
    """The score of prepared, upright images at each exact orientation of the group, by degrees."""
    truth = [text for _, text in pairs]
    scores = {}
    for quarter in range(4):
        images = [torch.rot90(image, quarter, (1, 2)) for image, _ in pairs]
        texts, orientations = read_all(recognizer, images)
        right = sum(degrees == 90 * quarter for degrees in orientations) / len(pairs)
        scores[90 * quarter] = Score(cer(texts, truth), word_accuracy(texts, truth), right)
    return scores
