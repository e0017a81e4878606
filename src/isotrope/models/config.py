"""`EquivariantViTConfig` and `Stage`: a whole model as a value that JSON and TOML can store."""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from itertools import accumulate
from operator import mul
from typing import Any

from isotrope.groups import Group, group_from_name
from isotrope.models.legacy import from_flat
from isotrope.models.mixers import MIXERS, Mixer
from isotrope.models.steps import STEPS, LinearStep, Step
from isotrope.models.values import check_least, check_whole, from_name, from_options
from isotrope.nn.norm import NORMS
from isotrope.nn.orbit import check_exact
from isotrope.nn.pooling import POOLS
from isotrope.nn.residual import check_residual


@dataclass(init=False)
class Stage:
    """A run of `depth` blocks or layers at one resolution.

        Stage("gcsa", depth=4, dim=32, heads=2)       # by name; further options are the mixer's
        Stage(GCSA(heads=2), depth=4, dim=32)         # the same
        Stage("conv", 2, 64, stride=2)                # shrinks the grid by the mixer's default step
        Stage("conv", 2, 64, step=FilterStep(2))      # the same

    Args:
        mixer: a config of `isotrope.models.mixers`, its name, or its dict.
        depth: number of blocks; 0 for a stage that consists of its step only.
        dim: number of channels per orientation. The width of a position is `|G| * dim`.
        options: options of the mixer, positional or by name, if `mixer` is a name.
        step: a config of `isotrope.models.steps`, its name, or its dict: the transition from the
            previous stage. `None`: nothing, or `LinearStep` if the width changes.
        stride, step_kernel: shorthand for the mixer's default step:
            `FilterStep(stride, step_kernel)`, or `MeanStep(stride)` before "plain" layers.
        mlp_ratio: width of the feed-forward divided by `dim`; "plain" layers have none.

    Raises:
        ValueError: an unknown name, an option that the mixer does not have, or a number that is too
            small.
    """

    mixer: Mixer
    depth: int = 2
    dim: int = 32
    step: Step | None = None
    mlp_ratio: float = 4.0

    def __init__(
        self,
        mixer: str | Mixer | Mapping[str, Any] = "gcsa",
        depth: int = 2,
        dim: int = 32,
        *values: Any,
        step: str | Step | Mapping[str, Any] | None = None,
        mlp_ratio: float = 4.0,
        stride: int = 1,
        step_kernel: int | None = None,
        **options: Any,
    ) -> None:
        if isinstance(mixer, str):
            self.mixer = from_options(mixer, values, options, MIXERS, "mixer")
        else:
            self.mixer = from_name(mixer, MIXERS, "mixer")
            if values or options:
                raise ValueError(
                    f"options {[*values, *options]} go with a mixer by name; put them in {mixer!r}"
                )
        self.depth, self.dim, self.mlp_ratio = depth, dim, mlp_ratio
        self.step = None if step is None else from_name(step, STEPS, "step")
        check_whole(self)
        check_least(self, depth=0, dim=1)
        if not mlp_ratio > 0:
            raise ValueError(f"mlp_ratio={mlp_ratio} is not positive; give 2.0 or 4.0")
        if stride != 1 or step_kernel is not None:
            if step is not None:
                raise ValueError(f"stride={stride} beside step={step!r}; give one of them")
            self.step = self.mixer.step(stride, step_kernel)

    @property
    def stride(self) -> int:
        """The factor by which this stage shrinks the grid of the previous one."""
        return 1 if self.step is None else self.step.stride


@dataclass
class EquivariantViTConfig:
    """The whole model as a value; `save_pretrained` writes its `asdict` as JSON.

    Args:
        group: "C1" (a plain ViT), "C4", "D4", "C8" ..., or a `Group`, stored as its name.
        patch: `(kernel_size, stride, padding)` of the lifting patch embedding.
        stages: `Stage`s, or dicts of their arguments.
        classes: number of outputs of the head; 0: no head, the model returns pooled features.
        norm: "layer" (over channels) or "batch" (`LiftedBatchNorm`), for all norms except the
            head's.
        pool: "mean" or "max" over orientations before the head; positions are always averaged.
        layer_scale: initial factor of both branches of every block, such as 1e-4 in a deep model;
            `None`: no factor (see `ResidualScale`).
        drop_path: probability that training leaves a branch out for an image (stochastic depth).
        frame: the group of a frame that turns each image back first (see `Framed`), such as "C4"
            before a plain ViT; its small front is trained with the model. `None`: no frame.

    Raises:
        ValueError: an unknown name, no stages, or a stage that does not fit the previous one.
    """

    group: str | Group = "C4"
    in_channels: int = 3
    patch: tuple[int, int, int] = (4, 4, 0)
    stages: list[Stage] = field(default_factory=lambda: [Stage()])
    classes: int = 0
    norm: str = "layer"
    pool: str = "mean"
    layer_scale: float | None = None
    drop_path: float = 0.0
    frame: str | Group | None = None

    def __post_init__(self) -> None:
        check_residual(self.layer_scale, self.drop_path)
        check_least(self, in_channels=1, classes=0)
        if len(self.patch) != 3:
            raise ValueError(
                f"patch={self.patch} has {len(self.patch)} values; give three: kernel_size, stride "
                "and padding, such as (4, 4, 0)"
            )
        kernel_size, stride, padding = self.patch
        self.patch = (kernel_size, stride, padding)
        self.group = _group(self.group).name
        self.frame = None if self.frame is None else check_exact(_group(self.frame)).name
        stages = [Stage(**from_flat(s)) if isinstance(s, Mapping) else s for s in self.stages]
        if not stages:
            raise ValueError("stages is empty; give at least one Stage")
        if stages[0].step is not None:
            raise ValueError(
                f"the first stage has {stages[0].step}, but nothing comes before it; "
                "leave its step out and stride the patch embedding"
            )
        self.stages = stages[:1]
        for stage in stages[1:]:
            self.stages.append(_joined(self.stages[-1], stage))
        for name, known in (("norm", NORMS), ("pool", POOLS)):
            if getattr(self, name) not in known:
                raise ValueError(
                    f"{name}={getattr(self, name)!r} is not known; use one of {', '.join(known)}"
                )

    @property
    def symmetry(self) -> Group:
        """The group as a value."""
        return group_from_name(str(self.group))

    def check_unframed(self) -> None:
        """Raise ValueError if the model has a frame, which turns the image but no maps."""
        if self.frame:
            raise ValueError(
                f"frame={self.frame!r} of the backbone: maps and boxes would not turn with the "
                f"image; leave it out, and give group={self.frame!r}"
            )

    @property
    def unit(self) -> int:
        """Both sides of an image must be multiples of this many pixels.

        This fits all strides, windows and pools.
        """
        units = (stage.mixer.unit for stage in self.stages)
        return math.lcm(*(s * unit for s, unit in zip(self.strides, units, strict=True)))

    @property
    def strides(self) -> list[int]:
        """Distance in pixels between neighboring positions of each stage."""
        first, *steps = (stage.stride for stage in self.stages)
        return list(accumulate(steps, mul, initial=first * self.patch[1]))

    @property
    def stride(self) -> int:
        """Distance in pixels between neighboring positions of the last stage."""
        return self.strides[-1]


def _group(given: str | Group) -> Group:
    return given if isinstance(given, Group) else group_from_name(given)


def _joined(before: Stage, stage: Stage) -> Stage:
    """The stage with a step that leads to its width; ValueError if there is none."""
    by_step = stage.step is not None and stage.step.width_changes
    by_layers = stage.mixer.width_changes and stage.depth > 0
    if stage.dim == before.dim or by_step or by_layers:
        return stage
    if stage.step is None and not stage.mixer.width_changes:
        return replace(stage, step=LinearStep())
    if stage.mixer.width_changes:
        raise ValueError(
            f"a stage of no {stage.mixer.name} layers cannot go from dim={before.dim} to "
            f"{stage.dim}; give it a depth of 1 or more, or the same dim"
        )
    raise ValueError(
        f"{stage.step} cannot go from dim={before.dim} to {stage.dim}; use FilterStep, or the "
        "same dim"
    )
