"""The recipe of a classifier, which makes its task."""

from __future__ import annotations

from pathlib import Path
from typing import Any, ClassVar, Literal, Self

import torch
from pydantic import Field, NonNegativeFloat, NonNegativeInt, PositiveInt
from pydantic import model_validator as validator

from isotrope.data.classification import LabeledImages
from isotrope.data.stream import seeded
from isotrope.models.config import EquivariantViTConfig
from isotrope.models.presets import preset
from isotrope.models.vit import EquivariantViT
from isotrope.training.augmentation import SHIFT
from isotrope.training.evaluation import load_images
from isotrope.training.recipe import (
    Fields,
    OptimizerConfig,
    Recipe,
    RunConfig,
    ScheduleConfig,
)
from isotrope.training.tasks.classification import Augmentation, ClassificationTask

_SUBSET = 2  # the generator's purpose


class ClassifierModel(Fields, extra="allow", frozen=True):
    """The model to train.

    Give `preset`, `size` and optionally `group`, `layer_scale` and `drop_path`, as in
    `models.preset`, or fields of `EquivariantViTConfig`. The data determines the channels and
    classes.

    Args:
        start: A folder written by `EquivariantViT.save_pretrained`, with the initial weights of a
            new run; None: random weights.
    """

    start: str | None = None

    @validator(mode="after")
    def _can_be_built(self) -> Self:
        self.vit(1, 2)  # report a faulty model now, not after loading the data
        return self

    def vit(self, channels: int, classes: int) -> EquivariantViTConfig:
        """The config of the model for these numbers of channels and classes.

        Raises:
            ValueError: The fields are neither a preset's nor those of `EquivariantViTConfig`.
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
    """Batches and augmentation.

    Args:
        batch_size: Number of images in a batch on each rank.
        augment: "none", "turns" (quarter turns), "angles" (turns by any angle), "affine" (also a
            size, a slant and a shift) or "elastic" (also a smooth random warp).
        shift: Maximum shift for "affine" and "elastic", in side lengths; use 0 if the subject is
            always centered, like MNIST's digits.
        warp: Factor on the sizes, slants and smooth warp of these two.
        settle: Number of epochs at the end in which half of each batch stays unaugmented. Warping
            blurs images slightly, and the images that the model will see are not blurred.
        train_samples: Number of training images, drawn by the seed; None: all.
        fit: Side in pixels of the square into which each image of a folder or tar is fitted, whole
            and in the middle; None: the images have one size.
        crop: Side in pixels of the squares that are cut from photographs, which stay in their files
            (see `load_image_files`): at random in training, from the middle otherwise. Workers
            decode them; give `run.workers`. None: the set is in memory, as it is.
        recolor: Change the colors of photographs too: 3-Augment (see `random_view`).
        mixup, cutmix: Mix the images of a batch in pairs, in a proportion from `Beta(a, a)`; 0:
            off. If both are on, each batch gets one of them.
    """

    batch_size: PositiveInt = 64
    augment: Literal["none", "turns", "angles", "affine", "elastic"] = "none"
    shift: NonNegativeFloat = SHIFT
    warp: NonNegativeFloat = 1.0
    settle: NonNegativeInt = 0
    train_samples: PositiveInt | None = None
    fit: PositiveInt | None = None
    crop: PositiveInt | None = None
    recolor: bool = False
    mixup: NonNegativeFloat = 0.0
    cutmix: NonNegativeFloat = 0.0

    @validator(mode="after")
    def _crops_or_fits(self) -> Self:
        if self.crop and self.fit:
            raise ValueError(f"crop={self.crop} and fit={self.fit}; give one of them")
        if self.recolor and not self.crop:
            raise ValueError("recolor=true is for photographs in files; give crop, their side")
        return self


class ClassifierLosses(Fields, frozen=True):
    """The loss.

    Args:
        label_smoothing: Label smoothing of the cross-entropy, in training and in validation.
        binary: One binary cross-entropy for each class in training, without smoothing.
    """

    label_smoothing: float = Field(default=0.0, ge=0, lt=1)
    binary: bool = False

    @validator(mode="after")
    def _smooths_one_cross_entropy(self) -> Self:
        if self.binary and self.label_smoothing:
            raise ValueError(
                f"label_smoothing={self.label_smoothing:g} is not for binary losses; leave it out"
            )
        return self


class ClassifierOptimizer(OptimizerConfig, frozen=True):
    """`OptimizerConfig` with other defaults."""

    weight_decay: NonNegativeFloat = 0.05
    betas: tuple[float, float] = (0.9, 0.98)
    ema: float = Field(default=0.999, ge=0, lt=1)


class ClassifierSchedule(ScheduleConfig, frozen=True):
    """`ScheduleConfig` with other defaults."""

    warmup: float = Field(default=0.07, ge=0, lt=1)
    final: float = Field(default=0.0, ge=0, le=1)


class ClassifierRun(RunConfig, frozen=True):
    """`RunConfig` with other defaults; the images are in memory, so it needs no workers."""

    workers: NonNegativeInt = 0
    validate_minutes: float | None = Field(default=None, gt=0)
    validate_epochs: float | None = Field(default=1.0, gt=0)


class ClassificationRecipe(Recipe, frozen=True):
    """The recipe of `isotrope train classifier --config FILE`."""

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
        """The task; `data` is a folder for `load_classification`, or for `load_image_files`.

        Raises:
            ValueError, FileNotFoundError: The data cannot be read.
        """
        fit, crop = self.data.fit, self.data.crop
        train, valid = (load_images(data, split, fit, crop) for split in ("train", "valid"))
        return self.task_on(train, valid)

    def task_on(self, train: LabeledImages, valid: LabeledImages) -> ClassificationTask:
        """The task on a loaded set; `train` is the whole of it.

        Raises:
            ValueError: The set has fewer images than `data.train_samples`.
        """
        train = self._subset(train)
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
            Augmentation(
                shown.augment,
                shown.shift,
                shown.warp,
                settled,
                shown.recolor,
                shown.mixup,
                shown.cutmix,
            ),
            self.losses.label_smoothing,
            self.run.seed,
            self.model.start,
            shown.fit,
            self.losses.binary,
        )

    def _subset(self, images: LabeledImages) -> LabeledImages:
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
