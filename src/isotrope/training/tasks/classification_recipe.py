"""The recipe of a classifier as a value, and the task that it makes."""

from __future__ import annotations

from pathlib import Path
from typing import Any, ClassVar, Literal, Self

import torch
from pydantic import Field, NonNegativeFloat, NonNegativeInt, PositiveInt
from pydantic import model_validator as validator

from isotrope.data.classification import LabelledImages, load_classification
from isotrope.data.stream import seeded
from isotrope.models.config import EquivariantViTConfig
from isotrope.models.presets import preset
from isotrope.models.vit import EquivariantViT
from isotrope.training.augmentation import SHIFT
from isotrope.training.recipe import (
    Fields,
    OptimizerConfig,
    Recipe,
    RunConfig,
    ScheduleConfig,
)
from isotrope.training.tasks.classification import Augmentation, ClassificationTask

_SUBSET = 2  # the purpose of a generator


class ClassifierModel(Fields, extra="allow", frozen=True):
    """What is trained: `preset`, `size` and perhaps `group`, as `models.preset` takes them, or
    fields of `EquivariantViTConfig`. Channels and classes are those of the data.

    Args:
        start: A folder of `EquivariantViT.save_pretrained` whose weights a new run begins with;
            random ones if left out.
    """

    start: str | None = None

    @validator(mode="after")
    def _can_be_built(self) -> Self:
        self.vit(1, 2)  # a faulty model is reported now, not when the data is loaded
        return self

    def vit(self, channels: int, classes: int) -> EquivariantViTConfig:
        """The config of the model for images of so many channels and so many classes.

        Raises:
            ValueError: Neither a preset nor fields of `EquivariantViTConfig`.
        """
        given: dict[str, Any] = dict(self.model_extra or {}) or {"preset": "gcsa", "size": 28}
        sizes: dict[str, Any] = {"in_channels": channels, "classes": classes}
        if fixed := sorted(set(given) & set(sizes)):
            raise ValueError(f"{', '.join(fixed)}: the data says that; leave it out")
        try:
            if "preset" in given:
                named = {n: value for n, value in given.items() if n != "preset"}
                return preset(given["preset"], **named, **sizes)
            return EquivariantViTConfig(**given, **sizes)
        except (TypeError, AttributeError) as error:
            raise ValueError(
                f"{error}; give preset, size and group, or fields of EquivariantViTConfig"
            ) from error


class ClassifierData(Fields, frozen=True):
    """How the images are shown.

    Args:
        batch_size: Images in a batch of each rank.
        augment: "none", "turns" (quarter turns), "angles" (turns by any angle), "affine" (also a
            size, a slant and a shift) or "elastic" (also a smooth random warp).
        shift: The furthest shift of "affine" and "elastic", in sides; 0 where the subject is always
            in the middle, as MNIST's digits are.
        warp: Factor of the sizes, the slants and the smooth warp of these two.
        settle: Epochs at the end in which half of each batch is left as it is. A warped image is a
            little blurred, and those that a model is used on are not.
        train_samples: The number of training images, drawn by the seed; None: all.
    """

    batch_size: PositiveInt = 64
    augment: Literal["none", "turns", "angles", "affine", "elastic"] = "none"
    shift: NonNegativeFloat = SHIFT
    warp: NonNegativeFloat = 1.0
    settle: NonNegativeInt = 0
    train_samples: PositiveInt | None = None


class ClassifierLosses(Fields, frozen=True):
    """Args:
    label_smoothing: Of the cross-entropy, in training and in validation.
    """

    label_smoothing: float = Field(default=0.0, ge=0, lt=1)


class ClassifierOptimizer(OptimizerConfig, frozen=True):
    """As `OptimizerConfig`; other defaults."""

    weight_decay: NonNegativeFloat = 0.05
    betas: tuple[float, float] = (0.9, 0.98)
    ema: float = Field(default=0.999, ge=0, lt=1)


class ClassifierSchedule(ScheduleConfig, frozen=True):
    """As `ScheduleConfig`; other defaults."""

    warmup: float = Field(default=0.07, ge=0, lt=1)
    final: float = Field(default=0.0, ge=0, le=1)


class ClassifierRun(RunConfig, frozen=True):
    """As `RunConfig`; other defaults: the images are in memory, where no worker is needed."""

    workers: NonNegativeInt = 0
    validate_minutes: float | None = Field(default=None, gt=0)
    validate_epochs: float | None = Field(default=1.0, gt=0)


class ClassificationRecipe(Recipe, frozen=True):
    """What `isotrope train classifier --config FILE` trains, and for how long."""

    data: ClassifierData = ClassifierData()
    model: ClassifierModel = ClassifierModel()
    losses: ClassifierLosses = ClassifierLosses()
    optimizer: ClassifierOptimizer = ClassifierOptimizer()
    schedule: ClassifierSchedule = ClassifierSchedule(epochs=30)
    run: ClassifierRun = ClassifierRun()

    renamed: ClassVar = {
        "start": "model.start",
        "epochs": "schedule.epochs",
        "batch_size": "data.batch_size",
        "learning_rate": "optimizer.learning_rate",
        "weight_decay": "optimizer.weight_decay",
        "warmup": "schedule.warmup (a share of the run: 1 of 60 epochs is 0.0167)",
        "ema": "optimizer.ema",
        "augment": "data.augment",
        "shift": "data.shift",
        "warp": "data.warp",
        "settle": "data.settle",
        "label_smoothing": "losses.label_smoothing",
        "train_samples": "data.train_samples",
        "validate_every": "run.validate_epochs",
        "keep": 'run.keep ("best" where it was "lowest")',
        "save_every": "run.save_minutes",
        "seed": "run.seed",
        "precision": "run.precision",
    }

    @validator(mode="after")
    def _settles_before_an_end_in_epochs(self) -> Self:
        if self.data.settle and self.schedule.epochs is None:
            raise ValueError(
                f"data.settle={self.data.settle} counts from the end in epochs; give "
                "schedule.epochs, or leave settle out"
            )
        return self

    def task(self, data: Path) -> ClassificationTask:
        """The task; `data` is a folder as `load_classification` takes it.

        Raises:
            ValueError, FileNotFoundError: Data that cannot be read.
        """
        train = self._subset(load_classification(data, "train"))
        valid = load_classification(data, "valid")
        shown, epochs = self.data, self.schedule.epochs
        settled = epochs - shown.settle if epochs is not None and shown.settle else None
        with torch.random.fork_rng(devices=[]):
            torch.manual_seed(self.run.seed)
            model = EquivariantViT(self.model.vit(train.images.shape[1], len(train.classes)))
        return ClassificationTask(
            model,
            train,
            valid,
            shown.batch_size,
            Augmentation(shown.augment, shown.shift, shown.warp, settled),
            self.losses.label_smoothing,
            self.run.seed,
            self.model.start,
        )

    def _subset(self, images: LabelledImages) -> LabelledImages:
        count = self.data.train_samples
        if count is None:
            return images
        if count > len(images):
            raise ValueError(
                f"data.train_samples={count}, but the set has {len(images)}; give at most that, "
                "or leave it out"
            )
        return images.take(
            torch.randperm(len(images), generator=seeded(self.run.seed, _SUBSET, 0))[:count]
        )
