"""Adaptation tasks: train LoRA adapters, or all weights, on the lines of one hand or script.

Each is the task that trained its model, with other lines, frozen base weights, and error rates on
held-out lines as scores.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from functools import cached_property, partial
from pathlib import Path
from typing import Any, Generic, TypeVar, cast

import numpy as np
import torch
from peft import PeftModel
from torch import Tensor, nn

from isotrope.data.lines import LabeledLines
from isotrope.data.stream import SkippedSample
from isotrope.io.images import ImageError
from isotrope.lora import save_adapter
from isotrope.lora.fit import CONFIG
from isotrope.ocr.engines.gsanet import BEAMS
from isotrope.ocr.recognition.constants import HEIGHT, STRIDE
from isotrope.ocr.recognition.model import LineRecognizer
from isotrope.text.metrics import cer, wer
from isotrope.training.line_sets import evenly
from isotrope.training.loop import keep_model
from isotrope.training.mix import WIDEST, LineMix, LineSample, coarse, line_pixels, lowered
from isotrope.training.rendered import drawn_seed
from isotrope.training.tasks.recognition import RecognitionTask, decoded_lines
from isotrope.training.tasks.sequence import SequenceModel, SequenceTask
from isotrope.training.text_mix import ReaderSize, TextImage, parts_for
from isotrope.training.tidy import forms, tidied_image
from isotrope.training.validation import score_lines
from isotrope.training.variation import cropped_and_recolored, sheared_and_relit, warped

BATCH, _PARTS = 16, 8
"""Default number of upright lines in a batch, and of batches in a group (sorted by width)."""

_GROUP = 64
"""Number of lines in a group of the stream for the papers' recognizer."""

_INVERTED, _WARPED = 0.05, 0.5
"""Share of upright lines that are light on dark, and share of those by hand that are warped."""

_MOST = 200
"""Maximum number of held-out upright lines to validate on, evenly spread."""


Drawn = TypeVar("Drawn")


class HandLines(Generic[Drawn]):
    """Draws randomly varied lines from one labeled set.

    Args:
        vary: Makes a sample from an image, its text and a generator; raises `SkippedSample` or
            `ImageError` for one that the model does not take.
    """

    def __init__(
        self, lines: LabeledLines, vary: Callable[[Tensor, str, np.random.Generator], Drawn]
    ) -> None:
        self.lines, self.vary = lines, vary

    def draw(self, rng: np.random.Generator) -> Drawn:
        """One randomly varied line."""
        try:
            return self.vary(*self.lines[int(rng.integers(len(self.lines)))], rng)
        except (ValueError, ImageError) as error:
            raise SkippedSample from error


class LineAdaptation(RecognitionTask):
    """Trains an adapter of a `LineRecognizer`; all other weights are frozen.

    Args:
        model: A model with the adapter "default", which is trained.
        batch: Number of lines in a batch.
        hand: Whether to move and slant strokes, as in handwriting.
    """

    def __init__(
        self,
        model: PeftModel,
        train: LabeledLines,
        valid: LabeledLines,
        seed: int = 0,
        batch: int = BATCH,
        hand: bool = False,
    ) -> None:
        vary = partial(_upright_line, hand=hand)
        mix = cast("LineMix", HandLines(train, vary))  # only its draws are used
        # No teacher: the original model is still there without the adapter.
        learner = cast("LineRecognizer", model)
        super().__init__(learner, mix, 0.0, batch * _PARTS, _PARTS, seed, teacher=nn.Identity())
        self.epoch, self.valid = len(train), valid

    @torch.inference_mode()
    def validate(self, model: PeftModel) -> dict[str, float]:
        """Character and word error rate on the held-out lines; `score` is minus the former."""
        read = read_forms(cast("LineRecognizer", model), self._held_out)
        true = [forms[0].text for forms in self._held_out]
        return _scores(cer(read, true), wer(read, true))

    @cached_property
    def _held_out(self) -> list[list[LineSample]]:
        """The lines to validate on in their forms, opened once."""
        return [line_forms(*self.valid[place]) for place in evenly(len(self.valid), _MOST)]

    def save(self, model: PeftModel, folder: Path) -> None:
        """Write the adapter next to the log, so that `--adapter` takes the run's folder."""
        save_adapter(model, folder.parent)

    def saved(self, folder: Path) -> bool:
        return _has_adapter(folder)


class SequenceAdaptation(SequenceTask):
    """Trains an adapter of a `Recognizer`, or all its weights.

    Args:
        model: A model whose recognizer has the adapter "default", which is trained, or none.
        batch_pixels: Approximate number of pixels in a batch.
        ctc: Weight of `columns_loss`.
        more: `noise`, `label_smoothing`, `turned` and `seed`, as in `SequenceTask`.
    """

    def __init__(
        self,
        model: SequenceModel,
        train: LabeledLines,
        valid: LabeledLines,
        batch_pixels: int,
        ctc: float,
        **more: Any,
    ) -> None:
        size, group = ReaderSize.of(model.base), min(_GROUP, len(train))
        mix = HandLines(train, partial(_text_image, size))
        parts = parts_for(mix, size, batch_pixels, group, more.get("seed", 0))
        super().__init__(model, mix, {}, {"ctc": ctc}, group=group, parts=parts, **more)
        self.epoch, self.valid = len(train), valid

    def validate(self, model: SequenceModel) -> dict[str, float]:
        """Scores as in `LineAdaptation.validate`, with the beam search that the reader uses."""
        score = score_lines(model.base.eval(), self.valid, (0,), BEAMS)[0]
        return _scores(score.cer, score.wer)

    def save(self, model: SequenceModel, folder: Path) -> None:
        """Write the adapter next to the log, or the whole model to `folder`."""
        if isinstance(model.recognizer, PeftModel):
            save_adapter(model.recognizer, folder.parent)
        else:
            keep_model(model.recognizer, folder)

    def saved(self, folder: Path) -> bool:
        adapted = isinstance(self.model.recognizer, PeftModel)
        return _has_adapter(folder) if adapted else super().saved(folder)

    def panels(self, columns: Sequence[str]) -> dict[str, list[str]]:
        """One panel with the losses, and one with the error rates."""
        return {
            "loss": [c for c in columns if c.startswith("train_")],
            "error rate": [c for c in ("cer", "wer") if c in columns],
        }


def line_forms(image: Tensor, text: str) -> list[LineSample]:
    """The samples of a line in its forms."""
    return [LineSample(line_pixels(form), text) for form in forms(image)]


def read_forms(model: LineRecognizer, lines: Sequence[Sequence[LineSample]]) -> list[str]:
    """The texts of lines by the best path; of the forms of each, the most confident one."""
    found = iter(decoded_lines(model, [form for several in lines for form in several]))
    read = ([next(found) for _ in several] for several in lines)
    return [max(several, key=lambda one: one.confidence).text for several in read]


def line_unfit(lines: LabeledLines, number: int) -> str:
    """Why an upright line is unusable, even tidied; empty if it is usable."""
    ratio, text = lines.ratio(number), lines.items[number][1]
    if not (problem := shape_unfit(ratio, text)) or HEIGHT * ratio > WIDEST:
        return problem
    image = tidied_image(lines[number][0])
    return problem if image is None else shape_unfit(image.shape[2] / image.shape[1], text)


def shape_unfit(ratio: float, text: str) -> str:
    """Why an upright line with this width over height is unusable; empty if it is usable.

    CTC needs more columns than characters.
    """
    width = HEIGHT * ratio
    if width > WIDEST:
        return f"it is {ratio:.4g} times longer than high; cut it into lines"
    if len(text) >= width // STRIDE:
        return f"it is too narrow for its {len(text)} characters"
    return ""


def _upright_line(
    image: Tensor, text: str, rng: np.random.Generator, hand: bool = False
) -> LineSample:
    """A line as it is or tidied, since the reader reads both, and varied."""
    usable = [form for form in forms(image) if not shape_unfit(form.shape[2] / form.shape[1], text)]
    if not usable:
        raise SkippedSample
    image = usable[int(rng.integers(len(usable)))]
    image = sheared_and_relit(lowered(image), rng)
    image = warped(image, rng) if hand and rng.random() < _WARPED else image
    varied = coarse(cropped_and_recolored(image, rng, _INVERTED), rng)
    sample = LineSample(line_pixels(varied), text)
    if shape_unfit(sample.extent / HEIGHT, text):
        raise SkippedSample
    return sample


def _text_image(size: ReaderSize, image: Tensor, text: str, rng: np.random.Generator) -> TextImage:
    sample = TextImage(sheared_and_relit(image, rng), text, drawn_seed(rng))
    size(sample.size)  # raises ImageError if the size does not fit
    return sample


def _has_adapter(folder: Path) -> bool:
    return (folder.parent / CONFIG).is_file()


def _scores(characters: float, words: float) -> dict[str, float]:
    return {"cer": round(characters, 5), "wer": round(words, 5), "score": -round(characters, 5)}
