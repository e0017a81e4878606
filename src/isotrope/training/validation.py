"""Read a labeled set at the four turns, and score the results."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass

from torch import Tensor

from isotrope.data.lines import LabeledLines
from isotrope.groups import TURNS
from isotrope.io.images import ImageError
from isotrope.ocr.engines.gsanet import GSANet
from isotrope.ocr.gsanet.recognizer import Recognizer
from isotrope.ocr.reader import Reader
from isotrope.ocr.reading import Reading
from isotrope.text.metrics import cer, wer, word_accuracy


@dataclass(frozen=True)
class Score:
    """Character error rate, and shares of exact matches and orientations found, at one turn."""

    cer: float
    accuracy: float
    orientation: float


@dataclass(frozen=True)
class LineScore:
    """Scores of lines at one turn.

    Args:
        cer, wer: Character and word error rate; 0 is perfect, and insertions may exceed 1.
        same: Share of the lines with the same text as at the first turn, and not empty.
    """

    cer: float
    wer: float
    same: float


def validate(recognizer: Recognizer, pairs: list[tuple[Tensor, str]]) -> dict[int, Score]:
    """The score of upright images `(3, H, W)` with their texts, at each turn in degrees.

    An image that the reader rejects counts as wrong.
    """
    truth = [text for _, text in pairs]
    readings = readings_at(TURNS, recognizer, [image for image, _ in pairs])
    return {degrees: _score(found, truth, degrees) for degrees, found in readings.items()}


def score_lines(
    recognizer: Recognizer, lines: LabeledLines, turns: Sequence[int], beams: int = 1
) -> dict[int, LineScore]:
    """The score of upright lines at each turn in degrees; a rejected line counts as ''."""
    images, truth = (lines[i][0] for i in range(len(lines))), [text for _, text in lines.items]
    readings = readings_at(turns, recognizer, images, beams)
    texts = {degrees: texts_of(found) for degrees, found in readings.items()}
    first = texts[turns[0]]
    return {
        degrees: LineScore(cer(found, truth), wer(found, truth), _same(found, first))
        for degrees, found in texts.items()
    }


def readings_at(
    turns: Sequence[int], recognizer: Recognizer, images: Iterable[Tensor], beams: int = 1
) -> dict[int, list[Reading | ImageError]]:
    """The readings of upright images, or their errors, at each turn in degrees."""
    reader = Reader(GSANet(recognizer, beams))
    readings = list(reader.stream(images, on_error="return", turns=turns))
    return {degrees: readings[k :: len(turns)] for k, degrees in enumerate(turns)}


def texts_of(readings: Iterable[Reading | ImageError]) -> list[str]:
    """The texts read; '' for a rejected image."""
    return [r.text if isinstance(r, Reading) else "" for r in readings]


def _same(texts: list[str], others: list[str]) -> float:
    return sum(a == b != "" for a, b in zip(texts, others, strict=True)) / len(texts)


def _score(readings: list[Reading | ImageError], truth: list[str], degrees: int) -> Score:
    texts = texts_of(readings)
    turned = [isinstance(r, Reading) and r.orientation == degrees for r in readings]
    return Score(cer(texts, truth), word_accuracy(texts, truth), sum(turned) / len(turned))
