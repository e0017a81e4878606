"""The recipe of the papers' recognizer, which makes its task."""

from __future__ import annotations

from itertools import islice
from pathlib import Path
from typing import Annotated, Any, ClassVar, Literal, Self

import torch
from pydantic import (
    BeforeValidator,
    Field,
    NonNegativeFloat,
    PositiveFloat,
    PositiveInt,
    model_validator,
)
from torch import Tensor

from isotrope.data.images import load_image
from isotrope.data.lines import LabeledLines
from isotrope.data.synthetic.text import SyntheticText
from isotrope.models.config import EquivariantViTConfig
from isotrope.ocr.gsanet.loading import load_recognizer
from isotrope.ocr.gsanet.recognizer import Recognizer
from isotrope.training.line_sets import usable
from isotrope.training.recipe import (
    Fields,
    OptimizerConfig,
    Recipe,
    RunConfig,
    ScheduleConfig,
)
from isotrope.training.schedule import Fall
from isotrope.training.spans import RealLines
from isotrope.training.tasks.sequence import SequenceModel, SequenceTask
from isotrope.training.text_mix import ReaderSize, TextMix, parts_for

_Paths = Annotated[
    tuple[str, ...], BeforeValidator(lambda given: [given] if isinstance(given, str) else given)
]


class DecoderConfig(Fields, frozen=True):
    """The decoder; the fields are keyword arguments of `Recognizer.from_config`."""

    dim: PositiveInt = 192
    layers: PositiveInt = 2
    heads: PositiveInt = 4
    dropout: float = Field(default=0.1, ge=0, lt=1)


class SequenceModelConfig(Fields, frozen=True):
    """The model to train.

    Args:
        encoder: Fields of `EquivariantViTConfig`.
        start: The initial weights of a new run: a folder written by `Recognizer.save_pretrained`,
            or "shipped"; None: random weights.
        max_ratio: Maximum ratio of the long to the short side of an image.
    """

    encoder: dict[str, Any] = Field(default_factory=dict)
    decoder: DecoderConfig = DecoderConfig()
    start: str | None = None
    max_ratio: float = Field(default=32.0, ge=1)

    @model_validator(mode="after")
    def _is_an_encoder(self) -> Self:
        try:
            self.vit  # noqa: B018
        except (TypeError, ValueError) as error:
            raise ValueError(f"encoder: {error}; give fields of EquivariantViTConfig") from error
        return self

    @property
    def vit(self) -> EquivariantViTConfig:
        """The encoder's config."""
        return EquivariantViTConfig(**self.encoder)


class TextData(Fields, frozen=True):
    """The training data.

    Args:
        lines: Share of lines of several words among the rendered texts.
        max_characters: Maximum number of characters in a rendered text.
        difficulty: Difficulty of the rendered images, as in `SyntheticText`.
        real: Folders or tars with labels.tsv to mix in with probability `real_share`. Each is drawn
            equally often; list a set twice to draw it twice as often.
        real_held_out: Every `real_held_out`-th image of each set is held out for validation.
        recut: Share of real lines that are cut between words, where the model in `model.start` sees
            the spaces, and shown as runs of words from one or two lines.
        group: Number of images in a group of the stream, which are made together.
        batch_pixels: Approximate number of pixels in a batch; 64 words of 32x112 are 229,376.
        validation_words: Maximum number of images of each set to validate on.
    """

    lines: float = Field(default=0.1, ge=0, le=1)
    max_characters: int = Field(default=40, ge=4, le=126)
    difficulty: NonNegativeFloat = 1.0
    real: _Paths = ()
    real_share: float = Field(default=0.0, ge=0, le=1)
    real_held_out: int = Field(default=10, ge=2)
    recut: float = Field(default=0.0, ge=0, le=1)
    group: PositiveInt = 512
    batch_pixels: PositiveInt = 229_376
    validation_words: PositiveInt = 250


class SequenceLosses(Fields, frozen=True):
    """The losses in addition to the text loss, which has weight 1.

    Args:
        dense, order, look, ctc: Weights of the losses of `AlignmentLoss`.
        noise: Share of the previous characters that are replaced at random for the decoder, so that
            it looks at the image instead of guessing what follows.
    """

    dense: NonNegativeFloat = 0.5
    order: NonNegativeFloat = 0.2
    look: NonNegativeFloat = 0.2
    ctc: NonNegativeFloat = 0.5
    noise: float = Field(default=0.0, ge=0, lt=1)


class SequenceOptimizer(OptimizerConfig, frozen=True):
    """`OptimizerConfig` with other defaults."""

    weight_decay: NonNegativeFloat = 0.05
    betas: tuple[float, float] = (0.9, 0.98)
    ema: float = Field(default=0.99, ge=0, lt=1)


class SequenceSchedule(ScheduleConfig, frozen=True):
    """The learning rate rises, stays constant, and falls linearly to 0."""

    examples: PositiveInt | None = 500_000
    warmup: float = Field(default=0.06, ge=0, lt=1)
    cooldown: float = Field(default=0.3, ge=0, le=1)
    fall: Fall = "linear"
    final: float = Field(default=0.0, ge=0, le=1)


class SequenceRun(RunConfig, frozen=True):
    """Validates by the number of examples, and keeps the last weights."""

    validate_minutes: PositiveFloat | None = None
    validate_examples: PositiveInt | None = 50_000
    keep: Literal["best", "last"] = "last"


class SequenceRecipe(Recipe, frozen=True):
    """The recipe of `isotrope train recognizer --config FILE`."""

    data: TextData = TextData()
    model: SequenceModelConfig = SequenceModelConfig()
    losses: SequenceLosses = SequenceLosses()
    optimizer: SequenceOptimizer = SequenceOptimizer()
    schedule: SequenceSchedule = SequenceSchedule()
    run: SequenceRun = SequenceRun()

    may_change: ClassVar = (
        *Recipe.may_change,
        *("data.real", "data.real_share", "data.recut", "data.validation_words"),
        *("data.group", "data.batch_pixels"),
    )
    renamed: ClassVar = (
        {name: f"model.{name}" for name in ("encoder", "decoder", "start", "max_ratio")}
        | {name: f"optimizer.{name}" for name in ("learning_rate", "weight_decay", "ema")}
        | {name: f"data.{name}" for name in TextData.model_fields}
        | {f"{name}_weight": f"losses.{name}" for name in ("dense", "order", "look", "ctc")}
        | {name: f"run.{name}" for name in ("seed", "workers", "precision")}
        | {
            "noise": "losses.noise",
            "samples": "schedule.examples",
            "cooldown": "schedule.cooldown",
            "warmup": "schedule.warmup (a share of the run)",
            "validate_every": "run.validate_examples",
            "save_every": "run.save_minutes",
        }
    )

    @model_validator(mode="after")
    def _can_be_cut(self) -> Self:
        if self.data.recut and not self.model.start:
            raise ValueError(
                f"data.recut={self.data.recut:g} needs a model that sees the spaces; "
                "give model.start"
            )
        return self

    def task(self, data: Path | None = None) -> SequenceTask:
        """The task; relative paths in `data.real` are relative to `data`."""
        torch.manual_seed(self.run.seed)
        chosen, settings = self.data, self.model
        recognizer = Recognizer.from_config(
            settings.vit, max_ratio=settings.max_ratio, **settings.decoder.model_dump()
        )
        if settings.start:
            _begin_with(recognizer, settings.start)
        real = self._real(recognizer, data or Path())
        cutter = _loaded(settings.start) if chosen.recut and settings.start else None
        cut = {path: RealLines(train, chosen.recut, cutter) for path, (train, _) in real.items()}
        mix = TextMix(
            SyntheticText(
                "train",
                seed=self.run.seed,
                lines=chosen.lines,
                difficulty=chosen.difficulty,
                max_characters=chosen.max_characters,
            ),
            size := ReaderSize.of(recognizer),
            [cut[path] for path in chosen.real],
            chosen.real_share,
        )
        held_out = self._held_out({path: valid for path, (_, valid) in real.items()})
        return SequenceTask(
            SequenceModel(recognizer),
            mix,
            held_out,
            self.losses.model_dump(exclude={"noise"}),
            self.losses.noise,
            group=chosen.group,
            parts=parts_for(mix, size, chosen.batch_pixels, chosen.group, self.run.seed),
            seed=self.run.seed,
        )

    def _real(
        self, recognizer: Recognizer, folder: Path
    ) -> dict[str, tuple[LabeledLines, LabeledLines]]:
        """The training and the held-out lines of each set."""
        every, size = self.data.real_held_out, ReaderSize.of(recognizer)
        return {
            path: usable(LabeledLines(folder / path), every, recognizer.can_write, size.unfit)
            for path in dict.fromkeys(self.data.real)
        }

    def _held_out(self, real: dict[str, LabeledLines]) -> dict[str, list[tuple[Tensor, str]]]:
        """Rendered words in unseen font families, and held-out images of each real set."""
        most, difficulty = self.data.validation_words, self.data.difficulty
        rendered = SyntheticText("valid", seed=self.run.seed, lines=0.0, difficulty=difficulty)
        sets = {"rendered": [(load_image(s.image), s.text) for s in islice(rendered, most)]}
        for path, lines in real.items():
            sets[path] = [lines[i] for i in range(min(len(lines), most))]
        return sets


def _begin_with(recognizer: Recognizer, start: str) -> None:
    try:
        recognizer.load_state_dict(_loaded(start).state_dict())
    except RuntimeError as error:
        reason = str(error).split("\n")[1].strip()
        raise ValueError(
            f"model.start={start!r} is of another shape than encoder and decoder of the recipe "
            f"({reason}); give weights of the same, or leave start out"
        ) from error


def _loaded(start: str) -> Recognizer:
    return load_recognizer(None if start == "shipped" else Path(start)).eval()
