"""Reading a labelled set at the four turns, and what came of it."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
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
    truth = [text for _, text in pairs]
    readings = readings_at(TURNS, recognizer, [image for image, _ in pairs])
    return {degrees: _score(found, truth, degrees) for degrees, found in readings.items()}


def readings_at(
    turns: Sequence[int], recognizer: Recognizer, images: Iterable[Tensor], beams: int = 1
) -> dict[int, list[Reading | ImageError]]:
    """What is read of upright images, or why not, at each turn in degrees."""
    reader = Reader(recognizer, beams=beams)
    readings = list(reader.stream(images, on_error="return", turns=turns))
    return {degrees: readings[k :: len(turns)] for k, degrees in enumerate(turns)}


def texts_of(readings: Iterable[Reading | ImageError]) -> list[str]:
    """What was read; nothing where the image was refused."""
    return [r.text if isinstance(r, Reading) else "" for r in readings]


def _score(readings: list[Reading | ImageError], truth: list[str], degrees: int) -> Score:
    texts = texts_of(readings)
    turned = [isinstance(r, Reading) and r.orientation == degrees for r in readings]
    return Score(cer(texts, truth), word_accuracy(texts, truth), sum(turned) / len(turned))
