"""Tasks that train on windows of images whose instances are known."""

from __future__ import annotations

from abc import abstractmethod
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import ClassVar
from zlib import crc32

import numpy as np
from torch import Tensor
from torch.nn import functional

from isotrope.data.instances import LabeledInstances
from isotrope.groups import CyclicGroup, DihedralGroup
from isotrope.models.pixels import contrast
from isotrope.training.loop import keep_model
from isotrope.training.task import GroupedTask, Model

AUGMENTATIONS = {"none": CyclicGroup(1), "turns": CyclicGroup(4), "mirrors": DihedralGroup(4)}
"""The group whose elements a window is turned by, for each kind of augmentation."""

UNIT = 1000
"""Floats travel as integers: Fabric would round them to bfloat16."""


@dataclass(frozen=True)
class Window:
    """A piece of an image: pixels `(3, s, s)`, of about 0 to 1, and what is known `(s, s)`."""

    pixels: Tensor
    known: Tensor

    extent: ClassVar[float] = 1.0


@dataclass(frozen=True)
class WindowsOf:
    """How windows are drawn.

    Args:
        size: Side, px.
        augment: A key of `AUGMENTATIONS`.
        light: Standard deviation of the logarithm of their brightness, and of their contrast.
    """

    size: int = 128
    augment: str = "none"
    light: float = 0.2


class WindowTask(GroupedTask[Model]):
    """Trains on windows at random places, each image equally often.

    Args:
        windows: How windows are drawn.
        group, parts: As in `GroupedTask`.
    """

    def __init__(
        self,
        model: Model,
        train: Sequence[LabeledInstances],
        valid: Sequence[LabeledInstances],
        windows: WindowsOf,
        group: int = 32,
        parts: int = 4,
        seed: int = 0,
    ) -> None:
        super().__init__(model, group, parts, seed)
        self.valid, self.windows = valid, windows
        self.images = [self._padded(each) for each in train]
        self.contrasts = [contrast(each.pixels) for each in train]
        labels = 0
        for each in (*train, *valid):
            labels = crc32(each.labels.tobytes(), labels)
        self.made_of = {"images": len(train), "labels": labels}

    @abstractmethod
    def known(self, labels: np.ndarray) -> Tensor:
        """What windows carry of an image with these labels, `(H, W)`, 0 outside instances."""

    def save(self, model: Model, folder: Path) -> None:
        """Write the weights and the configuration."""
        keep_model(model, folder)

    def _padded(self, each: LabeledInstances) -> tuple[Tensor, Tensor]:
        """Pixels and what is known, both at least as large as a window."""
        known = self.known(each.labels)
        missing = [max(0, self.windows.size - side) for side in known.shape]
        sides = (0, missing[1], 0, missing[0])
        pixels = functional.pad(each.pixels.float(), sides, mode="replicate").to(each.pixels.dtype)
        return pixels, functional.pad(known, sides)

    def draw(self, rng: np.random.Generator) -> Window:
        """A window at a random place, turned and lit as the augmentation says."""
        how = self.windows
        number = int(rng.integers(len(self.images)))
        pixels, known = self.images[number]
        low, high = self.contrasts[number]
        top, left = (int(rng.integers(side - how.size + 1)) for side in known.shape)
        place = slice(top, top + how.size), slice(left, left + how.size)
        bright, strong = np.exp(how.light * rng.standard_normal(2))
        piece = (pixels[:, *place].float() - low) / (high - low)
        piece = 0.5 + float(strong) * (float(bright) * piece - 0.5)
        turns = AUGMENTATIONS[how.augment]
        element = int(rng.integers(len(turns)))
        return Window(turns.act_image(element, piece), turns.act_image(element, known[place]))


def packed(values: Tensor) -> Tensor:
    """Floats as 16-bit integers, in units of 1 / `UNIT`."""
    return (values.float() * UNIT).round().clamp(-32768, 32767).short()
