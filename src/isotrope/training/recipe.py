"""Recipes: groups of fields, three of which the engine uses.

`optimizer`, `schedule` and `run` are the same for every task; a task's own recipe adds the training
data (`data`), the model to train (`model`) and the losses (`losses`).
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

Precision = Literal["32-true", "bf16-mixed", "16-mixed", "64-true"]


class Fields(BaseModel, frozen=True, extra="forbid", allow_inf_nan=False):
    """A group of fields: frozen, with finite numbers only, and without unknown fields."""


class OptimizerConfig(Fields, frozen=True):
    """AdamW, and the average of the weights.

    Args:
        learning_rate: The peak learning rate.
        weight_decay: Weight decay of matrices and filters; vectors have none.
        betas: Decay of the running means of the gradient and of its square.
        clip: Maximum norm of the gradient.
        ema: Decay of the averaged weights, which are validated and kept. It is lower at first:
            `min(ema, (1 + n) / (10 + n))` at step n, so that the initial weights fade quickly.
    """

    learning_rate: PositiveFloat = 1e-3
    weight_decay: NonNegativeFloat = 0.01
    betas: tuple[float, float] = (0.9, 0.99)
    clip: PositiveFloat = 1.0
    ema: float = Field(default=0.998, ge=0, lt=1)


class ScheduleConfig(Fields, frozen=True):
    """The length of a run and its learning rate. The run ends at the first limit it reaches.

    Args:
        examples: Number of examples to see.
        epochs: How often to see each example, for a task with a finite set.
        minutes: Minutes of training; validation does not count.
        warmup: Fraction of the run over which the learning rate rises.
        cooldown: Fraction of the run over which it falls; 1: right after the rise.
        fall: Shape of the fall: half a "cosine", or "linear".
        final: Fraction of the learning rate that is left at the end.
        anew: Restart the schedule when a run is resumed, so that its length counts from there. Use
            this to extend a finished run, or to move a run to another machine.
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
    """Devices, validation, checkpoints and seed of a run.

    Args:
        precision: Fabric's precision, such as "bf16-mixed" or "32-true"; "auto": the former on a
            GPU, the latter on a CPU, where few convolutions gain by 16 bits.
        devices: Number of GPUs, or processes on a CPU; "auto": all GPUs, or one process. `torchrun`
            sets it itself.
        workers: Number of processes that make batches; 0: the training process makes them.
        strategy: "ddp": each process has the whole model; "fsdp" (FSDP2): each has a part of the
            weights, the gradients and the optimizer's state, which large models need.
        accumulate: Number of batches on each process whose mean gradient makes one step.
        compile: Whether blocks are compiled (`torch.compile`).
        recompute: Whether blocks are computed again in the backward pass (activation
            checkpointing): a third more computation, and a fraction of the memory.
        validate_minutes, validate_epochs, validate_examples: Interval between validations; None:
            this one does not count. There is always a validation at the end.
        validate_first: Also validate before the first step.
        save_minutes: Minutes between checkpoints.
        keep: Which weights `model/` has at the end: those with the "best" score, or the "last".
        patience: End the run after this many validations without a better score.
        seed: Seed of the initial weights, the order and every other draw.
    """

    precision: Precision | Literal["auto"] = "auto"
    devices: PositiveInt | Literal["auto"] = "auto"
    workers: NonNegativeInt = 1
    strategy: Literal["ddp", "fsdp"] = "ddp"
    accumulate: PositiveInt = 1
    compile: bool = False
    recompute: bool = False
    validate_minutes: PositiveFloat | None = 15.0
    validate_epochs: PositiveFloat | None = None
    validate_examples: PositiveInt | None = None
    validate_first: bool = False
    save_minutes: NonNegativeFloat = 3.0
    keep: Literal["best", "last"] = "best"
    patience: PositiveInt | None = None
    seed: NonNegativeInt = 0


class Recipe(Fields, frozen=True):
    """The groups of fields that `Engine` uses; the recipe of a task adds its own groups.

    Attributes:
        may_change: Dotted names of fields, or of whole groups, that may differ when a run is
            resumed.
        renamed: The new dotted name of each field of the old flat format, with an optional note in
            parentheses.
    """

    optimizer: OptimizerConfig = OptimizerConfig()
    schedule: ScheduleConfig = ScheduleConfig(examples=1_000_000)
    run: RunConfig = RunConfig()

    may_change: ClassVar[tuple[str, ...]] = (
        *("schedule", "optimizer.learning_rate", "optimizer.ema"),
        *("run.precision", "run.devices", "run.workers", "run.save_minutes", "run.patience"),
        *("run.strategy", "run.accumulate", "run.compile", "run.recompute"),
        *("run.validate_minutes", "run.validate_epochs", "run.validate_examples"),
    )
    renamed: ClassVar[dict[str, str]] = {}

    def identity(self) -> dict[str, Any]:
        """The fields that must stay the same when a run is resumed, as JSON, by dotted name."""
        return {
            name: value
            for name, value in _dotted(self.model_dump(mode="json")).items()
            if not any(f"{name}.".startswith(f"{free}.") for free in self.may_change)
        }

    @classmethod
    def default_identity(cls) -> dict[str, Any]:
        """`identity` of the defaults, for the fields that have them."""
        return cls.model_construct().identity()


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
"""The new names of fields of the old flat recipes of the reader and the finder."""
