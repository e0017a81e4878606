"""Reading a labelled set at the four turns, and what came of it."""

from __future__ import annotations

from dataclasses import dataclass

from torch import Tensor

from isotrope.data.images import ImageError
from isotrope.models.recognizer import Recognizer
from isotrope.ocr.metrics import cer, word_accuracy
from isotrope.ocr.reader import Reader
from isotrope.ocr.reading import Reading

TURNS = (0, 90, 180, 270)


@dataclass(frozen=True)
class Score:
    """Of one turn: character error rate, exact matches and orientations found, in [0, 1]."""

    cer: float
    accuracy: float
    orientation: float


def validate(recognizer: Recognizer, pairs: list[tuple[Tensor, str]]) -> dict[int, Score]:
    """The score of upright images `(3, H, W)` with their texts, at each turn in degrees.

    An image that the reader refuses counts as read wrong.
    """
    images, truth = [image for image, _ in pairs], [text for _, text in pairs]
    readings = list(Reader(recognizer).stream(images, on_error="return", turns=TURNS))
    return {
        degrees: _score(readings[k :: len(TURNS)], truth, degrees)
        for k, degrees in enumerate(TURNS)
    }


def _score(readings: list[Reading | ImageError], truth: list[str], degrees: int) -> Score:
    texts = [r.text if isinstance(r, Reading) else "" for r in readings]
    turned = [isinstance(r, Reading) and r.orientation == degrees for r in readings]
    return Score(cer(texts, truth), word_accuracy(texts, truth), sum(turned) / len(turned))
