"""`Detector`: boxes of objects of any classes, exactly equivariant."""

from __future__ import annotations

import os
from collections.abc import Mapping
from dataclasses import dataclass, field, replace

import torch
from torch import Tensor, nn

from isotrope.models import store
from isotrope.models.boxes import Box, Finding, find_boxes
from isotrope.models.config import EquivariantViTConfig
from isotrope.models.heads.decode import Decoder
from isotrope.models.heads.detect import DetectHead, Objects
from isotrope.models.pixels import (
    check_can_read,
    fitted,
    fitting,
    like_weights,
    one_image,
    stretched,
)
from isotrope.models.vit import EquivariantViT
from isotrope.nn.norm import NORMS


@dataclass
class DetectorConfig:
    """The whole model as a value; `save_pretrained` writes its `asdict` as JSON.

    Args:
        backbone: an `EquivariantViTConfig` over C4 or D4 without classes, or a dict of its fields.
        classes: number of classes of objects.
        size: distance of the sides of a box from its core before any training, px.
        directed: whether objects have a direction.
        finding: how `boxes` makes boxes from the maps.

    Raises:
        ValueError: a backbone with classes or a frame, or faulty fields of one.
    """

    backbone: EquivariantViTConfig = field(default_factory=EquivariantViTConfig)
    classes: int = 1
    size: float = 8.0
    directed: bool = False
    finding: Finding = field(default_factory=Finding)

    def __post_init__(self) -> None:
        if isinstance(self.backbone, Mapping):
            self.backbone = EquivariantViTConfig(**self.backbone)
        if isinstance(self.finding, Mapping):
            self.finding = Finding(**self.finding)
        if self.backbone.classes:
            raise ValueError(
                f"classes={self.backbone.classes} of the backbone: the classes of objects are the "
                "detector's; leave it out there"
            )
        self.backbone.check_unframed()


class Detector(nn.Module):
    """`Objects` on the grid of the first stage, from images `(B, in_channels, H, W)`.

    An `EquivariantViT`, the `Decoder` of a U-Net on its pyramid, and `DetectHead`. Both sides of an
    image must be multiples of `unit`.

    Example:
        >>> import torch
        >>> from isotrope import EquivariantViTConfig, Stage
        >>> from isotrope.models.detector import Detector, DetectorConfig
        >>> stages = [Stage("conv", 1, 8), Stage("conv", 1, 8, stride=2)]
        >>> model = Detector(DetectorConfig(EquivariantViTConfig("D4", stages=stages), classes=2))
        >>> found = model(torch.rand(1, 3, 32, 48))
        >>> found.core.shape, found.sides.shape
        (torch.Size([1, 2, 8, 12]), torch.Size([1, 8, 8, 12, 1]))
    """

    takes = "image"

    def __init__(self, config: DetectorConfig) -> None:
        super().__init__()
        self.config, backbone = config, config.backbone
        self.group, self.unit, self.stride = backbone.symmetry, backbone.unit, backbone.patch[1]
        dims = [stage.dim for stage in backbone.stages]
        self.backbone = EquivariantViT(backbone)
        self.decoder = Decoder(dims, backbone.strides, self.group, NORMS[backbone.norm])
        self.head = DetectHead(dims[0], self.group, config.classes, config.size, config.directed)
        self.gives = self.head.gives

    def forward(self, image: Tensor) -> Objects:
        return self.head(self.decoder(self.backbone.features(image)))

    @torch.no_grad()
    def boxes(self, image: Tensor) -> list[Box]:
        """The objects in an image `(C, H, W)` of any size, 8 or 16 bits or float, on any scale.

        They end at the border of the image. A turned image gives the turned boxes, up to rounding.

        Raises:
            ValueError: the model is in training mode, or no image of its channels.
        """
        check_can_read(self, self.config.backbone.in_channels, image)
        image = one_image(image)
        pixels, _ = fitted(like_weights(stretched(image)[None], self), self.unit)
        sizes = [(s[-1], s[-2]) for s in (image.shape, pixels.shape)]
        shrunk = [side / fitting(side, self.unit) for side in sizes[0]]

        def placed(box: Box) -> Box:  # both images have the same middle
            scales = zip(box.sides, shrunk * 2, *(size * 2 for size in sizes), strict=True)
            sides = [
                min(max((at - padded / 2) * scale + own / 2, 0.0), float(own))
                for at, scale, own, padded in scales
            ]
            return replace(box, sides=tuple(sides))

        found = find_boxes(self(pixels), self.group, self.stride, self.config.finding)
        return [placed(box) for box in found]

    def save_pretrained(self, folder: str | os.PathLike[str]) -> None:
        """Write `config.json` and `model.safetensors`, each atomically."""
        store.save(self, self.config, folder)

    @classmethod
    def from_pretrained(cls, folder: str | os.PathLike[str]) -> Detector:
        """Load what `save_pretrained` wrote, in eval mode and in the saved dtype.

        Raises:
            FileNotFoundError: the folder lacks one of the two files.
            ValueError: a file is broken, or the two belong to different models.
        """
        return store.load(cls, folder, DetectorConfig)
