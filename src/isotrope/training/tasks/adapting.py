"""The task of adapting a line recognizer: CTC on the lines of one hand or script, by LoRA alone."""

from __future__ import annotations

import logging
from pathlib import Path

import numpy as np
import torch
from peft import PeftModel
from torch import nn

from isotrope.data.lines import LabelledLines
from isotrope.data.stream import SkippedSample
from isotrope.io.images import ImageError
from isotrope.lora import save_adapter
from isotrope.ocr.recognition.constants import HEIGHT, STRIDE
from isotrope.text.metrics import cer, wer
from isotrope.training.mix import WIDEST, LineSample, coarse, line_pixels
from isotrope.training.tasks.reading import ReadingTask, read_one
from isotrope.training.variation import cropped_and_recolored, sheared_and_relit

logger = logging.getLogger(__name__)

BATCH, _PARTS = 16, 8
"""Lines in a batch, and batches in a group of the stream, which is sorted by width."""


class HandLines:
    """The lines of one labelled set, each varied as it is drawn.

    Args:
        train, valid: What is trained on, and what is held out.
        most: Held-out lines that are validated on, evenly spread.
    """

    def __init__(self, train: LabelledLines, valid: LabelledLines, most: int = 300) -> None:
        self.train, self.valid, self.most = train, valid, most

    def draw(self, rng: np.random.Generator) -> LineSample:
        """One line as it may have been scanned."""
        try:
            image, text = self.train[int(rng.integers(len(self.train)))]
        except (ValueError, ImageError) as error:
            raise SkippedSample from error
        sample = LineSample(
            line_pixels(coarse(cropped_and_recolored(sheared_and_relit(image, rng), rng), rng)),
            text,
        )
        if not fits(sample.extent, text):
            raise SkippedSample
        return sample

    def held_out(self) -> list[LineSample]:
        """The lines to validate on, as they are."""
        count = min(self.most, len(self.valid))
        places = np.linspace(0, len(self.valid) - 1, count).round().astype(int)
        lines = (self.valid[int(place)] for place in places)
        return [LineSample(line_pixels(image), text) for image, text in lines]


class AdaptingTask(ReadingTask):
    """Trains an adapter of a `LineRecognizer`; all else is frozen.

    Args:
        model: With the adapter "default", which learns.
    """

    def __init__(self, model: PeftModel, lines: HandLines, seed: int = 0) -> None:
        group = BATCH * _PARTS
        # No teacher: whoever takes the adapter off has the untouched model.
        super().__init__(model, lines, 0.0, group, _PARTS, seed, teacher=nn.Identity())

    @torch.inference_mode()
    def validate(self, model: PeftModel) -> dict[str, float]:
        """Character and word error rate of the held-out lines; `score` is less the former."""
        samples = self.mix.held_out()
        texts, true = [read_one(model, s) for s in samples], [s.text for s in samples]
        errors = round(cer(texts, true), 5)
        return {"cer": errors, "wer": round(wer(texts, true), 5), "score": -errors}

    def save(self, model: PeftModel, folder: Path) -> None:
        """Write the adapter beside the log: the run's folder is what `--adapter` takes."""
        save_adapter(model, folder.parent)


def fits(extent: float, text: str) -> bool:
    """Whether a line this wide in pixels can be trained on: it has a column for each character."""
    return extent <= WIDEST and len(text) < extent // STRIDE


def usable(
    lines: LabelledLines, charset: str, held_out: int
) -> tuple[LabelledLines, LabelledLines]:
    """The lines that the model can read and write: to train on, and every so-many-th.

    How many are left out is logged.

    Raises:
        ValueError: Too few for one of the two parts.
    """
    known, unknown = frozenset(charset), set()

    def wanted(number: int, text: str) -> bool:
        unknown.update(strange := set(text) - known)
        return bool(text) and not strange and _opens(lines, number, text)

    kept = lines.keep(wanted)
    if left_out := len(lines) - len(kept):
        logger.warning(
            "%s: %d of %d lines left out: empty, not to be opened, too wide, too narrow for their "
            "texts, or with characters outside the charset%s",
            *(lines.path, left_out, len(lines)),
            f": {''.join(sorted(unknown)[:20])}" if unknown else "",
        )
    train, valid = kept.split(held_out)
    if not len(train) or not len(valid):
        raise ValueError(
            f"{lines.path}: {len(train)} lines to train on and {len(valid)} held out; "
            f"give at least {held_out} lines that the model can write"
        )
    return train, valid


def _opens(lines: LabelledLines, number: int, text: str) -> bool:
    try:
        return fits(HEIGHT * lines.ratio(number), text)
    except (ValueError, OSError):
        return False


def chosen(lines: LabelledLines, count: int | None, seed: int) -> LabelledLines:
    """So many of the lines, drawn by the seed; all if left out."""
    if count is None:
        return lines
    places = set(np.random.default_rng(seed).permutation(len(lines))[:count].tolist())
    return lines.keep(lambda number, _: number in places)
