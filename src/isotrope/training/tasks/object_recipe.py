"""The recipe of a detector of objects, which makes its task."""

from __future__ import annotations

from pathlib import Path
from typing import ClassVar

import torch
from pydantic import Field, NonNegativeFloat, PositiveFloat, PositiveInt

from isotrope.data.instances import load_instances
from isotrope.models.boxes import Finding
from isotrope.models.detector import Detector, DetectorConfig
from isotrope.training.recipe import Fields, OptimizerConfig, Recipe, RunConfig, ScheduleConfig
from isotrope.training.tasks.objects import ObjectTask
from isotrope.training.tasks.segmentation_recipe import Backbone, InstanceData
from isotrope.training.tasks.windows import WindowsOf


class ObjectModel(Backbone, frozen=True):
    """The model to train: fields of its backbone, an `EquivariantViTConfig` over C4 or D4.

    Args:
        size: As in `DetectorConfig`.
        threshold, sure, smallest: As in `models.boxes.Finding`.
    """

    size: PositiveFloat = 8.0
    threshold: float = Field(default=0.5, gt=0, lt=1)
    sure: float = Field(default=0.5, ge=0, lt=1)
    smallest: PositiveInt = 1

    def config(self) -> DetectorConfig:
        """The config of the model."""
        finding = Finding(self.threshold, self.sure, self.smallest)
        return DetectorConfig(self.backbone(), size=self.size, finding=finding)


class ObjectLosses(Fields, frozen=True):
    """Weight of the loss of the sides; that of the cores is 1."""

    sides: NonNegativeFloat = 0.5


class ObjectRecipe(Recipe, frozen=True):
    """The recipe of `isotrope train objects --config FILE`."""

    data: InstanceData = InstanceData()
    model: ObjectModel = ObjectModel()
    losses: ObjectLosses = ObjectLosses()
    optimizer: OptimizerConfig = OptimizerConfig(learning_rate=2e-3, weight_decay=0.02)
    schedule: ScheduleConfig = ScheduleConfig(examples=20_000)
    run: RunConfig = RunConfig()

    may_change: ClassVar = (
        *Recipe.may_change,
        *("data.group", "data.parts", "model.threshold", "model.sure", "model.smallest"),
    )

    def task(self, data: Path) -> ObjectTask:
        """The task; `data` is a folder or tar for `load_instances`.

        Raises:
            ValueError: A window that does not fit the model.
        """
        shown, config = self.data, self.model.config()
        shown.check_size(config.backbone.unit)
        with torch.random.fork_rng(devices=[]):
            torch.manual_seed(self.run.seed)
            model = Detector(config)
        train, valid = (load_instances(data, s, shown.from_train) for s in ("train", "valid"))
        windows = WindowsOf(shown.size, shown.augment, shown.light)
        weight, seed = self.losses.sides, self.run.seed
        return ObjectTask(model, train, valid, windows, weight, shown.group, shown.parts, seed)
