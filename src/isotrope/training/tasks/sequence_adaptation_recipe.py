"""The recipe of adapters of a `Recognizer`, the papers' model."""

from __future__ import annotations

from pathlib import Path
from typing import ClassVar, Self

from peft import PeftModel
from pydantic import Field, NonNegativeFloat, PositiveFloat, PositiveInt, model_validator

from isotrope.data.lines import LabeledLines
from isotrope.ocr.gsanet.loading import load_recognizer
from isotrope.ocr.gsanet.recognizer import Recognizer
from isotrope.training.line_sets import usable
from isotrope.training.recipe import Fields
from isotrope.training.tasks.adaptation import SequenceAdaptation
from isotrope.training.tasks.adaptation_recipe import (
    AdaptationData,
    AdaptationOptimizer,
    AdaptationRecipe,
    AdaptationRun,
    AdapterConfig,
)
from isotrope.training.tasks.sequence import SequenceModel
from isotrope.training.text_mix import ReaderSize


class SequenceAdapterConfig(AdapterConfig, frozen=True):
    """The adapter, or with `full`, training of all weights, the baseline for adapters."""

    full: bool = False

    @model_validator(mode="after")
    def _one_of_both(self) -> Self:
        if self.full and self.start is not None:
            raise ValueError(
                f"start={self.start!r} is an adapter, and full=true trains none; leave one out"
            )
        return self


class SequenceAdaptationData(AdaptationData, frozen=True):
    """The lines.

    Args:
        turned: Turn the lines by quarter turns, for a base that is not equivariant.
        batch_pixels: Approximate number of pixels in a batch; four lines of 32x1024 are 131,072.
    """

    turned: bool = False
    batch_pixels: PositiveInt = 131_072


class SequenceAdaptationLosses(Fields, frozen=True):
    """The losses.

    Args:
        ctc: Weight of the loss on the columns, `columns_loss`; the text loss has weight 1.
        noise: As in `SequenceTask`.
        label_smoothing: Label smoothing of the text's cross-entropy.
    """

    ctc: NonNegativeFloat = 0.5
    noise: float = Field(default=0.15, ge=0, lt=1)
    label_smoothing: float = Field(default=0.05, ge=0, lt=1)


class SequenceAdaptationOptimizer(AdaptationOptimizer, frozen=True):
    """AdamW without averaging; the weights with the best validation score are kept."""

    learning_rate: PositiveFloat = 3e-3
    betas: tuple[float, float] = (0.9, 0.98)
    ema: float = Field(default=0.0, ge=0, lt=1)


class SequenceAdaptationRun(AdaptationRun, frozen=True):
    """Validates after each epoch, and stops after five validations without a better score."""

    validate_epochs: PositiveFloat | None = 1.0
    patience: PositiveInt | None = 5


class SequenceAdaptationRecipe(AdaptationRecipe, frozen=True):
    """An adapter of a `Recognizer`, the papers' model.

    By default it sees 8,000 lines in all, which takes half an hour on two cores.
    """

    adapter: SequenceAdapterConfig = SequenceAdapterConfig()
    data: SequenceAdaptationData = SequenceAdaptationData()
    losses: SequenceAdaptationLosses = SequenceAdaptationLosses()
    optimizer: SequenceAdaptationOptimizer = SequenceAdaptationOptimizer()
    run: SequenceAdaptationRun = SequenceAdaptationRun()

    name: ClassVar = "recognizer"
    engine: ClassVar = "gsanet"
    model: ClassVar = "isotrope's GSA-Net, the papers' model"
    seen: ClassVar = (8000, 5, 40)

    def completed(self, lines: int) -> Self:
        epochs = self.epochs(lines)
        rise = min(0.5, 0.1 / epochs)  # a tenth of an epoch
        return self._with(schedule={"epochs": epochs, "warmup": rise, "final": 0.0})

    def load(self, base: Path | None) -> Recognizer:
        return load_recognizer(base)

    def split(
        self, lines: LabeledLines, model: Recognizer, more: str, valid: LabeledLines | None = None
    ) -> tuple[LabeledLines, LabeledLines]:
        unfit = ReaderSize.of(model).unfit
        return usable(lines, self.data.held_out, model.can_write, unfit, valid)

    def task(
        self, model: Recognizer | PeftModel, train: LabeledLines, valid: LabeledLines
    ) -> SequenceAdaptation:
        return SequenceAdaptation(
            SequenceModel(model, places=False),
            train,
            valid,
            self.data.batch_pixels,
            turned=self.data.turned,
            seed=self.run.seed,
            **self.losses.model_dump(),
        )
