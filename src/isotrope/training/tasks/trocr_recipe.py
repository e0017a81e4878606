"""The recipe of adapters of a published TrOCR."""

from __future__ import annotations

from pathlib import Path
from typing import ClassVar, Self

from peft import PeftModel
from pydantic import PositiveFloat, PositiveInt

from isotrope.data.lines import LabeledLines
from isotrope.ocr.trocr.loading import load_trocr
from isotrope.ocr.trocr.model import TrOCRModel
from isotrope.training.line_sets import usable
from isotrope.training.tasks.adaptation_recipe import AdaptationData, AdaptationRecipe
from isotrope.training.tasks.sequence_adaptation_recipe import (
    SequenceAdaptationOptimizer,
    SequenceAdaptationRun,
)
from isotrope.training.tasks.trocr import TrOCRAdaptation


class TrOCRAdaptationData(AdaptationData, frozen=True):
    """The lines.

    Args:
        batch: Number of lines in a batch.
    """

    batch: PositiveInt = 8


class TrOCRAdaptationOptimizer(SequenceAdaptationOptimizer, frozen=True):
    """AdamW without averaging; the weights with the best validation score are kept."""

    learning_rate: PositiveFloat = 5e-4


class TrOCRAdaptationRun(SequenceAdaptationRun, frozen=True):
    """Validates after each epoch, and stops after three validations without a better score."""

    patience: PositiveInt | None = 3


class TrOCRAdaptationRecipe(AdaptationRecipe, frozen=True):
    """An adapter of attention and MLP in the encoder and the decoder of a published TrOCR.

    By default it sees 4,000 lines in all. There is no limit in minutes: trocr-base has 334M
    parameters and wants a GPU.
    """

    data: TrOCRAdaptationData = TrOCRAdaptationData()
    optimizer: TrOCRAdaptationOptimizer = TrOCRAdaptationOptimizer()
    run: TrOCRAdaptationRun = TrOCRAdaptationRun()

    name: ClassVar = "trocr"
    engine: ClassVar = "trocr"
    model: ClassVar = "a published TrOCR"
    seen: ClassVar = (4000, 3, 40)

    def completed(self, lines: int) -> Self:
        epochs = self.epochs(lines)
        rise = min(0.5, 0.3 / epochs)  # a third of an epoch
        return self._with(schedule={"epochs": epochs, "warmup": rise})

    def load(self, base: Path | None) -> TrOCRModel:
        return load_trocr(base)

    def split(
        self,
        lines: LabeledLines,
        model: TrOCRModel,
        more: str,
        valid: LabeledLines | None = None,
    ) -> tuple[LabeledLines, LabeledLines]:
        return usable(lines, self.data.held_out, model.can_write, _unfit, valid)

    def task(self, model: PeftModel, train: LabeledLines, valid: LabeledLines) -> TrOCRAdaptation:
        return TrOCRAdaptation(model, train, valid, self.data.batch, self.run.seed)


def _unfit(lines: LabeledLines, number: int) -> str:
    """Any image is squashed to the encoder's size."""
    lines.ratio(number)  # raises an error if it cannot be opened
    return ""
