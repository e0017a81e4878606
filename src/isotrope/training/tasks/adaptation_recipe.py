"""The recipes of adapters; fields left out are set from the number of lines."""

from __future__ import annotations

from pathlib import Path
from typing import Any, ClassVar, Literal, Self

from peft import PeftModel
from pydantic import Field, NonNegativeInt, PositiveFloat, PositiveInt, model_validator
from torch import nn

from isotrope.data.lines import LabeledLines
from isotrope.ocr.loading import shipped
from isotrope.ocr.recognition.model import LineRecognizer
from isotrope.ocr.recognition.store import load_model
from isotrope.training.line_sets import usable
from isotrope.training.new_characters import with_new_characters
from isotrope.training.recipe import (
    Fields,
    OptimizerConfig,
    Recipe,
    RunConfig,
    ScheduleConfig,
)
from isotrope.training.task import Task
from isotrope.training.tasks.adaptation import BATCH, LineAdaptation, line_unfit
from isotrope.training.tasks.adapter_source import AdapterSource

_MINUTES = 18.0
"""Of training, which leaves two minutes for validation."""

_VALIDATIONS, _PATIENCE = 10, 5
"""How often a run is validated, and after how many validations without a better score it ends."""


class AdapterConfig(Fields, frozen=True):
    """The adapter.

    Args:
        targets, rank, alpha, method: As in `isotrope.lora.add_adapter`.
        start: An adapter to start from: its folder, or the name of a shipped one. Its layers, rank,
            alpha and method then replace the fields above. At the end the mean of the initial and
            the trained adapter is tried too. "auto": the shipped one that reads the lines best, if
            no field above is given; "none", or None: none.
        license: The license of the adapter, for its card.
    """

    targets: str = "all"
    rank: PositiveInt = 8
    alpha: PositiveFloat | None = None
    method: Literal["lora", "dora", "rslora", "pissa"] = "lora"
    start: str | None = None
    license: str | None = None


class AdaptationData(Fields, frozen=True):
    """The lines.

    Args:
        lines: Number of lines to train on, drawn by the seed; None: all.
        unseen: Also use lines of pages that no person has seen, as in `PageLines`.
        held_out: Every `held_out`-th line, or page, is held out for validation.
        source: Published sets to use; paths are relative to the data, and `held_out` is theirs.
        new_characters: A character that the model lacks is added if the labels have it this often;
            0: none is added. Lines with other such characters are left out.
    """

    lines: PositiveInt | None = None
    unseen: bool = False
    held_out: int = Field(default=10, ge=2)
    source: tuple[AdapterSource, ...] = ()
    new_characters: NonNegativeInt = 3


class AdaptationSchedule(ScheduleConfig, frozen=True):
    """`ScheduleConfig`, except that by default the length follows from the number of lines."""

    @model_validator(mode="after")
    def _has_an_end(self) -> Self:
        return self


class AdaptationOptimizer(OptimizerConfig, frozen=True):
    """AdamW.

    Args:
        loraplus: The learning rate of B over that of A (LoRA+, Hayou et al. 2024,
            https://arxiv.org/abs/2402.12354).
    """

    loraplus: PositiveFloat = 1.0


class LineAdaptationData(AdaptationData, frozen=True):
    """The lines.

    Args:
        batch: Number of lines in a batch.
        hand: Whether to move and slant the strokes of half of the lines, as in handwriting.
    """

    batch: PositiveInt = BATCH
    hand: bool = False


class LineAdaptationOptimizer(AdaptationOptimizer, frozen=True):
    """AdamW; by default the weights are averaged over about a twentieth of the run."""

    learning_rate: PositiveFloat = 2e-3


class AdaptationRun(RunConfig, frozen=True):
    """`RunConfig` that also validates the base before the first step."""

    validate_minutes: PositiveFloat | None = None
    validate_first: bool = True


class AdaptationRecipe(Recipe, frozen=True):
    """The recipe of `isotrope adapt`; `recipe_kind` says which subclass is for a base."""

    adapter: AdapterConfig = AdapterConfig()
    data: AdaptationData = AdaptationData()
    optimizer: AdaptationOptimizer = AdaptationOptimizer()
    schedule: AdaptationSchedule = AdaptationSchedule()
    run: AdaptationRun = AdaptationRun()

    may_change: ClassVar[tuple[str, ...]] = (*Recipe.may_change, "adapter.license")

    name: ClassVar[str]
    """Name of the shipped base, whose shipped adapters can be given by name."""
    engine: ClassVar[str]
    """Name of the engine that reads with the adapter."""
    model: ClassVar[str]
    """What it adapts, for its card."""
    seen: ClassVar[tuple[int, int, int]]
    """Defaults: the total number of lines to see, and the minimum and maximum of epochs."""

    def completed(self, lines: int) -> Self:
        """The recipe with the fields left out set for this number of training lines."""
        raise NotImplementedError

    def epochs(self, lines: int) -> float:
        """The number of epochs in the schedule, or by default as `seen` says."""
        wanted, fewest, most = self.seen
        if self.schedule.examples is not None:
            return self.schedule.examples / lines
        return self.schedule.epochs or min(most, max(fewest, round(wanted / lines)))

    def load(self, base: Path | None) -> nn.Module:
        """The model to adapt, in eval mode."""
        raise NotImplementedError

    def labels(
        self, lines: LabeledLines, model: nn.Module, more: str, learn: bool = True
    ) -> tuple[LabeledLines, str]:
        """The lines with normalized labels, and the characters to add to the model's.

        Args:
            more: Characters that are added already.
            learn: Whether to add any.
        """
        return lines, ""

    def split(
        self, lines: LabeledLines, model: nn.Module, more: str, valid: LabeledLines | None = None
    ) -> tuple[LabeledLines, LabeledLines]:
        """The usable lines, split into training and held-out lines.

        Args:
            more: Characters that the adapter adds to the model's.
            valid: As in `usable`.
        """
        raise NotImplementedError

    def task(self, model: nn.Module | PeftModel, train: LabeledLines, valid: LabeledLines) -> Task:
        """The task that trains this model."""
        raise NotImplementedError

    def _with(self, **groups: dict[str, Any]) -> Self:
        """The recipe with these values, by group, for the fields that were left out."""
        changes = {}
        for name, fields in groups.items():
            group = getattr(self, name)
            left_out = {n: v for n, v in fields.items() if n not in group.model_fields_set}
            changes[name] = group.model_copy(update=left_out)
        return self.model_copy(update=changes)


class LineAdaptationRecipe(AdaptationRecipe, frozen=True):
    """An adapter of a `LineRecognizer`: by default 4,000 lines in all, within 20 minutes."""

    data: LineAdaptationData = LineAdaptationData()
    optimizer: LineAdaptationOptimizer = LineAdaptationOptimizer()

    # A run may go on with other batches on another machine.
    may_change: ClassVar[tuple[str, ...]] = (*AdaptationRecipe.may_change, "data.batch")

    name: ClassVar = "small"
    engine: ClassVar = "isotrope"
    model: ClassVar = "isotrope's line recognizer"
    seen: ClassVar = (4000, 8, 40)

    def completed(self, lines: int) -> Self:
        epochs, given = self.epochs(lines), self.schedule.model_fields_set
        minutes = self.schedule.minutes
        run: dict[str, Any] = {}
        if not given & {"epochs", "examples", "minutes"}:
            minutes, run = _MINUTES, {"patience": _PATIENCE}
        if not self.run.model_fields_set & {"validate_examples", "validate_epochs"}:
            run["validate_examples"] = max(1, round(epochs * lines / _VALIDATIONS))
            if minutes is not None:  # by the clock, two runs would keep different states
                run["validate_minutes"] = minutes / 8
        ema = round(min(0.998, max(0.0, 1 - 20 * self.data.batch / (epochs * lines))), 4)
        schedule = {"epochs": epochs, "minutes": minutes}
        return self._with(optimizer={"ema": ema}, schedule=schedule, run=run)

    def load(self, base: Path | None) -> LineRecognizer:
        return load_model(base or shipped(self.name))

    def labels(
        self, lines: LabeledLines, model: LineRecognizer, more: str, learn: bool = True
    ) -> tuple[LabeledLines, str]:
        least = self.data.new_characters if learn else 0
        return with_new_characters(lines, model.charset + more, least)

    def split(
        self,
        lines: LabeledLines,
        model: LineRecognizer,
        more: str,
        valid: LabeledLines | None = None,
    ) -> tuple[LabeledLines, LabeledLines]:
        known = frozenset(model.charset + more)
        return usable(lines, self.data.held_out, known.issuperset, line_unfit, valid)

    def task(self, model: PeftModel, train: LabeledLines, valid: LabeledLines) -> LineAdaptation:
        data = self.data
        return LineAdaptation(model, train, valid, self.run.seed, data.batch, data.hand)
