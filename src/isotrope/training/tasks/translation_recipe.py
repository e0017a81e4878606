"""The recipe of translators, `isotrope adapt --task translate`."""

from __future__ import annotations

from typing import ClassVar, Literal, Self

from pydantic import Field, NonNegativeFloat, NonNegativeInt, PositiveFloat, PositiveInt

from isotrope.training.recipe import Fields, OptimizerConfig, Recipe, RunConfig

Stage = Literal["text", "columns", "lines"]
STAGES: tuple[Stage, ...] = ("text", "columns", "lines")


class TranslationData(Fields, frozen=True):
    """The sentences.

    Args:
        held_out: One source sentence in `held_out` is held out for validation.
        valid: Most held-out lines to validate on.
        rendered: Number of sentences to render and read before training.
        share: Share of those lines in the second stage; the rest is text.
    """

    held_out: int = Field(default=20, ge=2)
    valid: PositiveInt = 200
    rendered: PositiveInt = 3000
    share: float = Field(default=0.1, ge=0, le=1)


class TranslatorSizes(Fields, frozen=True):
    """The sizes of the translator, as in `TranslatorConfig`; `vocabulary` is the most pieces."""

    vocabulary: int = Field(default=3000, ge=8)
    letter: PositiveInt = 48
    width: PositiveInt = 256
    hidden: PositiveInt = 768
    heads: PositiveInt = 4
    encoder_layers: PositiveInt = 3
    decoder_layers: PositiveInt = 2
    dropout: float = Field(default=0.1, ge=0, lt=1)


class TranslationAdapter(Fields, frozen=True):
    """The LoRA adapter of the recognizer in the last stage, as in `isotrope.lora.add_adapter`.

    `ctc` is the weight of the loss that keeps the recognizer reading.
    """

    targets: str = "all"
    rank: PositiveInt = 4
    alpha: PositiveFloat | None = None
    ctc: NonNegativeFloat = 0.2


class TranslationStage(Fields, frozen=True):
    """The length of a stage, whichever ends first, and its learning rate; 0 minutes: left out."""

    minutes: NonNegativeFloat | None = None
    examples: PositiveInt | None = None
    learning_rate: PositiveFloat = 1e-3


class TranslationOptimizer(OptimizerConfig, frozen=True):
    """AdamW as for transformers; the learning rates are those of the stages."""

    betas: tuple[float, float] = (0.9, 0.98)
    ema: float = Field(default=0.999, ge=0, lt=1)


class TranslationRun(RunConfig, frozen=True):
    """`RunConfig` that validates more often, and makes its batches itself."""

    workers: NonNegativeInt = 0
    validate_minutes: PositiveFloat | None = 10.0


class TranslationRecipe(Recipe, frozen=True):
    """Three stages: text in the recognizer's features, lines it has read, and both together.

    Args:
        text: Sentences of all pairs, written in features of single characters.
        columns: The same, and the features of rendered lines.
        lines: Rendered lines, with a LoRA adapter of the recognizer.
        names: What else than its folder's name the translator is called, such as "de-en".
    """

    names: tuple[str, ...] = ()
    data: TranslationData = TranslationData()
    model: TranslatorSizes = TranslatorSizes()
    adapter: TranslationAdapter = TranslationAdapter()
    text: TranslationStage = TranslationStage(minutes=14)
    columns: TranslationStage = TranslationStage(minutes=4, learning_rate=3e-4)
    lines: TranslationStage = TranslationStage(minutes=4, learning_rate=3e-4)
    optimizer: TranslationOptimizer = TranslationOptimizer()
    run: TranslationRun = TranslationRun()

    may_change: ClassVar = (*Recipe.may_change, *STAGES, "data.rendered", "data.valid", "names")

    def stage(self, name: Stage) -> Self:
        """The recipe of one stage, as the engine takes it."""
        chosen: TranslationStage = getattr(self, name)
        changes = {
            "schedule": self.schedule.model_copy(
                update={"minutes": chosen.minutes, "examples": chosen.examples}
            ),
            "optimizer": self.optimizer.model_copy(update={"learning_rate": chosen.learning_rate}),
        }
        return self.model_copy(update=changes)

    def skips(self, name: Stage) -> bool:
        """Whether a stage is left out."""
        chosen: TranslationStage = getattr(self, name)
        return chosen.minutes == 0
