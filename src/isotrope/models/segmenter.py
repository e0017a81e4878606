"""`Segmenter`: an equivariant U-Net, a backbone and the head that draws its maps."""

from __future__ import annotations

import os
from collections.abc import Mapping
from dataclasses import dataclass, field

import numpy as np
from torch import Tensor, nn

from isotrope.models import store
from isotrope.models.config import EquivariantViTConfig
from isotrope.models.heads.segment import SegmentHead
from isotrope.models.instances import Watershed, segment
from isotrope.models.pixels import check_can_read
from isotrope.models.vit import EquivariantViT
from isotrope.nn.norm import NORMS


@dataclass
class SegmenterConfig:
    """The whole model as a value; `save_pretrained` writes its `asdict` as JSON.

    Args:
        backbone: an `EquivariantViTConfig` without classes, or a dict of its fields.
        maps: number of invariant maps, such as logits and distances.
        vectors: whether to give a field of vectors too.
        watershed: how `instances` makes instances from the first two maps.

    Raises:
        ValueError: a backbone with classes or a frame, or faulty fields of one.
    """

    backbone: EquivariantViTConfig = field(default_factory=EquivariantViTConfig)
    maps: int = 2
    vectors: bool = False
    watershed: Watershed = field(default_factory=Watershed)

    def __post_init__(self) -> None:
        if isinstance(self.backbone, Mapping):
            self.backbone = EquivariantViTConfig(**self.backbone)
        if isinstance(self.watershed, Mapping):
            self.watershed = Watershed(**self.watershed)
        if self.backbone.classes:
            raise ValueError(
                f"classes={self.backbone.classes} of the backbone: a segmenter gives maps, no "
                "classes; leave it out, and give maps"
            )
        self.backbone.check_unframed()


class Segmenter(nn.Module):
    """Maps at the resolution of the image, exactly equivariant to the group of its backbone.

    An `EquivariantViT` gives a pyramid of lifted signals, and `SegmentHead` draws the maps from it:
    a U-Net whose filters turn. Maps `(B, in_channels, H, W)` to `(B, maps, H, W)`; with `vectors`,
    to a tuple of these and a field of vectors `(B, 2, H, W)`. Both sides must be multiples of
    `unit`.

    Example:
        >>> import torch
        >>> from isotrope import EquivariantViTConfig, Stage
        >>> from isotrope.models.segmenter import Segmenter, SegmenterConfig
        >>> stages = [Stage("conv", 1, 8), Stage("gcsa", 2, 16, stride=2)]
        >>> backbone = EquivariantViTConfig("D4", patch=(8, 4, 2), stages=stages)
        >>> model = Segmenter(SegmenterConfig(backbone, maps=2))
        >>> model(torch.rand(1, 3, 64, 96)).shape
        torch.Size([1, 2, 64, 96])
    """

    takes = "image"

    def __init__(self, config: SegmenterConfig) -> None:
        super().__init__()
        self.config, backbone = config, config.backbone
        self.group, self.unit = backbone.symmetry, backbone.unit
        self.gives = ("image", "vectors") if config.vectors and config.maps else "image"
        if config.vectors and not config.maps:
            self.gives = "vectors"
        self.backbone = EquivariantViT(backbone)
        self.head = SegmentHead(
            [stage.dim for stage in backbone.stages],
            backbone.strides,
            self.group,
            config.maps,
            config.vectors,
            NORMS[backbone.norm],
        )

    def forward(self, image: Tensor) -> Tensor | tuple[Tensor, Tensor]:
        return self.head(self.backbone.features(image))

    def instances(self, image: Tensor) -> np.ndarray:
        """The instances of an image `(C, H, W)` of any size; see `instances.segment`.

        Raises:
            ValueError: the model has other maps than logits and distances, or is in training mode;
                or no image of its channels.
        """
        if self.config.maps != 2 or self.config.vectors:
            raise ValueError(
                f"maps={self.config.maps}, vectors={self.config.vectors}: instances need a model "
                "with two maps, logits of the foreground and distances, and no vectors"
            )
        check_can_read(self, self.config.backbone.in_channels, image)
        return segment(self, image, self.config.watershed)  # pyright: ignore[reportArgumentType]

    def save_pretrained(self, folder: str | os.PathLike[str]) -> None:
        """Write `config.json` and `model.safetensors`, each atomically."""
        store.save(self, self.config, folder)

    @classmethod
    def from_pretrained(cls, folder: str | os.PathLike[str]) -> Segmenter:
        """Load what `save_pretrained` wrote, in eval mode and in the saved dtype.

        Raises:
            FileNotFoundError: the folder lacks one of the two files.
            ValueError: a file is broken, or the two belong to different models.
        """
        return store.load(cls, folder, SegmenterConfig)
