"""What a recipe is: groups of fields, of which the engine knows three.

`optimizer`, `schedule` and `run` are the same for every task; a task's own recipe adds what it is
trained on (`data`), what is trained (`model`) and by which losses (`losses`).
"""

from __future__ import annotations

from typing import Any, ClassVar, Literal, Self

from pydantic import (
    BaseModel,
    Field,
    NonNegativeFloat,
    NonNegativeInt,
    PositiveFloat,
    PositiveInt,
    model_validator,
)

from isotrope.training.schedule import Fall


class Fields(BaseModel, frozen=True, extra="forbid", allow_inf_nan=False):
    """A group of fields: frozen, finite, and without any that it does not know."""


class OptimizerConfig(Fields, frozen=True):
    """AdamW, and the average of the weights.

    Args:
        learning_rate: At the top of the schedule.
        weight_decay: Of matrices and filters; vectors have none.
        betas: Decay of the running means of the gradient and of its square.
        clip: The gradient's greatest norm.
        ema: Decay of the averaged weights, which are validated and kept. It is lower at first:
            `min(ema, (1 + n) / (10 + n))` at step n, so that the start is soon forgotten.
    """

    learning_rate: PositiveFloat = 1e-3
    weight_decay: NonNegativeFloat = 0.01
    betas: tuple[float, float] = (0.9, 0.99)
    clip: PositiveFloat = 1.0
    ema: float = Field(default=0.998, ge=0, lt=1)


class ScheduleConfig(Fields, frozen=True):
    """How long a run is, and how its learning rate goes. Whichever end comes first ends the run.

    Args:
        examples: The number of examples to see.
        epochs: How often to see each example, for a task whose set is finite.
        minutes: Minutes of training; validation does not count.
        warmup: Share of the run over which the learning rate rises.
        cooldown: Share of the run over which it falls; 1: as soon as it has risen.
        fall: How it falls: along half a "cosine", or a "linear" line.
        final: Share of the learning rate that is left at the end.
        anew: Begin the schedule again where a run is resumed, so that the length counts from there.
            A run that has ended goes on like this, or one that moves to another machine.
    """

    examples: PositiveInt | None = None
    epochs: PositiveFloat | None = None
    minutes: PositiveFloat | None = None
    warmup: float = Field(default=0.03, ge=0, lt=1)
    cooldown: float = Field(default=1.0, ge=0, le=1)
    fall: Fall = "cosine"
    final: float = Field(default=0.01, ge=0, le=1)
    anew: bool = False

    @model_validator(mode="after")
    def _has_an_end(self) -> Self:
        if self.examples is self.epochs is self.minutes is None:
            raise ValueError("a run needs an end; give examples, epochs or minutes")
        return self


class RunConfig(Fields, frozen=True):
    """Where and how a run is made.

    Args:
        precision: Of Fabric, such as "bf16-mixed" or "32-true".
        devices: GPUs, or processes on a CPU, that share the run; "auto": all GPUs, or one process.
        workers: Processes that make batches; 0: the training process itself does.
        validate_minutes, validate_epochs, validate_examples: From one validation to the next; None:
            not by this clock. There is always one at the end.
        validate_first: Validate before the first step too.
        save_minutes: Minutes between checkpoints.
        keep: The weights that `model/` has at the end: of the validation with the "best" score, or
            the "last".
        patience: End the run after so many validations without a better score.
        seed: Of the first weights, the order and every other draw.
    """

    precision: Literal["32-true", "bf16-mixed", "16-mixed", "64-true"] = "bf16-mixed"
    devices: PositiveInt | Literal["auto"] = "auto"
    workers: NonNegativeInt = 1
    validate_minutes: PositiveFloat | None = 15.0
    validate_epochs: PositiveFloat | None = None
    validate_examples: PositiveInt | None = None
    validate_first: bool = False
    save_minutes: NonNegativeFloat = 3.0
    keep: Literal["best", "last"] = "best"
    patience: PositiveInt | None = None
    seed: NonNegativeInt = 0


class Recipe(Fields, frozen=True):
    """What `Engine` needs to know; the recipe of a task adds groups of its own.

    Attributes:
        may_change: Dotted names of fields, or of whole groups, that may differ when a run is
            resumed.
        renamed: The dotted name that each field of the old flat form has now; a note may follow
            it in parentheses.
    """

    optimizer: OptimizerConfig = OptimizerConfig()
    schedule: ScheduleConfig = ScheduleConfig(examples=1_000_000)
    run: RunConfig = RunConfig()

    may_change: ClassVar[tuple[str, ...]] = (
        *("schedule", "optimizer.learning_rate", "optimizer.ema"),
        *("run.precision", "run.devices", "run.workers", "run.save_minutes", "run.patience"),
        *("run.validate_minutes", "run.validate_epochs", "run.validate_examples"),
    )
    renamed: ClassVar[dict[str, str]] = {}

    def identity(self) -> dict[str, Any]:
        """The fields that must not differ when a run is resumed, by dotted names, as JSON has them.

        What may differ is left out.
        """
        return {
            name: value
            for name, value in _dotted(self.model_dump(mode="json")).items()
            if not any(f"{name}.".startswith(f"{free}.") for free in self.may_change)
        }


def _dotted(values: dict[str, Any], prefix: str = "") -> dict[str, Any]:
    """`{"a": {"b": 1}}` as `{"a.b": 1}`."""
    flat: dict[str, Any] = {}
    for name, value in values.items():
        inner = _dotted(value, f"{prefix}{name}.") if isinstance(value, dict) else {}
        flat |= inner or {prefix + name: value}
    return flat


GROUPED = {
    "source": "data.source",
    "rendered": "data.rendered",
    "group": "data.group",
    "parts": "data.parts",
    "run.examples": "schedule.examples",
    "run.minutes": "schedule.minutes",
    "run.warmup": "schedule.warmup",
    "run.final": "schedule.final",
    "run.anew": "schedule.anew",
    "run.learning_rate": "optimizer.learning_rate",
    "run.weight_decay": "optimizer.weight_decay",
    "run.ema": "optimizer.ema",
    "run.clip": "optimizer.clip",
}
"""Where the fields of the reader's and the finder's flat recipes are now."""
