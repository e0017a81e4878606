"""The recipe of a segmenter, which makes its task."""

from __future__ import annotations

from pathlib import Path
from typing import Any, ClassVar, Literal, Self

import torch
from pydantic import Field, NonNegativeFloat, NonNegativeInt, PositiveInt
from pydantic import model_validator as validator

from isotrope.data.instances import LabeledInstances, load_instances
from isotrope.models.config import EquivariantViTConfig
from isotrope.models.instances import Watershed
from isotrope.models.segmenter import Segmenter, SegmenterConfig
from isotrope.nn.orbit import check_exact
from isotrope.training.recipe import Fields, OptimizerConfig, Recipe, RunConfig, ScheduleConfig
from isotrope.training.tasks.segmentation import SegmentationTask
from isotrope.training.tasks.windows import WindowsOf


class Backbone(Fields, extra="allow", frozen=True):
    """Fields of an `EquivariantViTConfig`, for images in RGB and without classes."""

    @validator(mode="after")
    def _can_be_built(self) -> Self:
        self.backbone()  # report a faulty model now, not after loading the data
        return self

    def backbone(self) -> EquivariantViTConfig:
        """The config of the backbone.

        Raises:
            ValueError: The fields are not those of `EquivariantViTConfig`.
        """
        given: dict[str, Any] = dict(self.model_extra or {})
        if fixed := sorted({"in_channels", "classes"} & set(given)):
            raise ValueError(f"{', '.join(fixed)}: the task sets it; leave it out")
        try:
            return EquivariantViTConfig(**given)
        except (TypeError, AttributeError) as error:
            raise ValueError(f"{error}; give fields of EquivariantViTConfig") from error


class SegmenterModel(Backbone, frozen=True):
    """The model to train: fields of its backbone, an `EquivariantViTConfig`.

    Args:
        start: A folder written by `Segmenter.save_pretrained`, with the initial weights of a new
            run; None: random weights.
        inside, rise, smallest: As in `models.instances.Watershed`.
    """

    start: str | None = None
    inside: float = Field(default=0.5, gt=0, lt=1)
    rise: NonNegativeFloat = 0.2
    smallest: NonNegativeInt = 20

    @validator(mode="after")
    def _can_be_validated(self) -> Self:
        check_exact(self.backbone().symmetry)  # instances need turns that permute pixels
        return self

    def config(self) -> SegmenterConfig:
        """The config of the model."""
        watershed = Watershed(self.inside, self.rise, self.smallest)
        return SegmenterConfig(self.backbone(), watershed=watershed)

    def segmenter(self) -> Segmenter:
        """The model, with random weights or those of `start`.

        Raises:
            ValueError: `start` has another backbone or other maps.
        """
        model = Segmenter(self.config())
        if self.start:
            given = Segmenter.from_pretrained(self.start)
            theirs, ours = given.config, model.config
            if theirs.backbone != ours.backbone:
                raise ValueError(
                    f"model.start={self.start!r} has another backbone than the recipe; give "
                    "weights of the same, or leave start out"
                )
            if (theirs.maps, theirs.vectors) != (ours.maps, ours.vectors):
                raise ValueError(
                    f"model.start={self.start!r} has maps={theirs.maps}, vectors={theirs.vectors}; "
                    f"give weights with maps={ours.maps}, vectors={ours.vectors}, or leave start "
                    "out"
                )
            model.load_state_dict(given.state_dict())
        return model


class InstanceData(Fields, frozen=True):
    """The training data.

    Args:
        size: Side of a training window, px.
        augment: "none", "turns" (quarter turns) or "mirrors" (these, and mirrored).
        light: Standard deviation of the logarithm of a window's brightness, and of its contrast.
        from_train: Validate on every sixth training image even if there is a split `valid`, which
            can then be the test.
        group, parts: Number of windows in a group of the stream, and of batches made from it.
    """

    size: PositiveInt = 128
    augment: Literal["none", "turns", "mirrors"] = "none"
    light: NonNegativeFloat = 0.2
    from_train: bool = False
    group: PositiveInt = 32
    parts: PositiveInt = 4

    def check_size(self, unit: int) -> None:
        """Raise ValueError unless windows fit a model of this unit."""
        if self.size % unit:
            raise ValueError(
                f"data.size={self.size} is not a multiple of {unit}, the model's unit; "
                f"give {self.size // unit * unit + unit}"
            )


class InstanceRecipe(Recipe, frozen=True):
    """What recipes of tasks on labeled instances share."""

    data: InstanceData = InstanceData()
    optimizer: OptimizerConfig = OptimizerConfig(learning_rate=2e-3, weight_decay=0.02)
    schedule: ScheduleConfig = ScheduleConfig(examples=20_000)
    run: RunConfig = RunConfig()

    may_change: ClassVar[tuple[str, ...]] = (*Recipe.may_change, "data.group", "data.parts")

    def images(self, data: Path) -> tuple[list[LabeledInstances], list[LabeledInstances]]:
        """The images to train and to validate on, from a folder or tar for `load_instances`."""
        train, valid = (load_instances(data, s, self.data.from_train) for s in ("train", "valid"))
        return train, valid

    @property
    def windows(self) -> WindowsOf:
        """How windows are drawn."""
        return WindowsOf(self.data.size, self.data.augment, self.data.light)


class SegmenterLosses(Fields, frozen=True):
    """Weight of the loss of distances; that of the foreground is 1."""

    distance: NonNegativeFloat = 2.0


class SegmentationRecipe(InstanceRecipe, frozen=True):
    """The recipe of `isotrope train segmentation --config FILE`."""

    model: SegmenterModel = SegmenterModel()
    losses: SegmenterLosses = SegmenterLosses()

    may_change: ClassVar = (
        *InstanceRecipe.may_change,
        *("model.inside", "model.rise", "model.smallest"),
    )

    def task(self, data: Path) -> SegmentationTask:
        """The task; `data` is a folder or tar for `load_instances`.

        Raises:
            ValueError: A window that does not fit the model.
        """
        self.data.check_size(self.model.backbone().unit)
        with torch.random.fork_rng(devices=[]):
            torch.manual_seed(self.run.seed)
            model = self.model.segmenter()
        return self.task_of(model, data)

    def task_of(self, model: torch.nn.Module, data: Path) -> SegmentationTask:
        """The task with any model that `SegmentationTask` can train."""
        return SegmentationTask(
            model,
            *self.images(data),
            self.windows,
            self.model.config().watershed,
            self.losses.distance,
            self.data.group,
            self.data.parts,
            self.run.seed,
        )
