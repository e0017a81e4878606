"""The recipe of a detector of objects, which makes its task."""

from __future__ import annotations

from pathlib import Path
from typing import ClassVar, Self

import torch
from pydantic import Field, NonNegativeFloat, PositiveFloat, PositiveInt
from pydantic import model_validator as validator

from isotrope.models.boxes import Finding
from isotrope.models.detector import Detector, DetectorConfig
from isotrope.models.heads.detect import DetectHead
from isotrope.training.recipe import Fields
from isotrope.training.tasks.objects import ObjectTask
from isotrope.training.tasks.segmentation_recipe import Backbone, InstanceRecipe


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

    @validator(mode="after")
    def _has_four_sides(self) -> Self:
        DetectHead(1, self.backbone().symmetry)  # raises for a group without the quarter turns
        return self

    def config(self) -> DetectorConfig:
        """The config of the model."""
        finding = Finding(self.threshold, self.sure, self.smallest)
        return DetectorConfig(self.backbone(), size=self.size, finding=finding)


class ObjectLosses(Fields, frozen=True):
    """Weight of the loss of the sides; that of the cores is 1."""

    sides: NonNegativeFloat = 0.5


class ObjectRecipe(InstanceRecipe, frozen=True):
    """The recipe of `isotrope train objects --config FILE`."""

    model: ObjectModel = ObjectModel()
    losses: ObjectLosses = ObjectLosses()

    may_change: ClassVar = (
        *InstanceRecipe.may_change,
        *("model.threshold", "model.sure", "model.smallest"),
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
        return ObjectTask(
            model,
            *self.images(data),
            self.windows,
            self.losses.sides,
            shown.group,
            shown.parts,
            self.run.seed,
        )
