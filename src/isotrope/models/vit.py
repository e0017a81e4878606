"""`EquivariantViT`: plain ViT, GSA-Net, G-CSA ViT, hybrids and an equivariant CNN in one class."""

from __future__ import annotations

import os
from functools import partial

from torch import Tensor, nn

from isotrope.groups import group_from_name
from isotrope.models import store
from isotrope.models.config import EquivariantViTConfig
from isotrope.models.framed import read_framed, small_front
from isotrope.models.heads import ClassHead
from isotrope.nn import Block, InvariantPool, LiftingConv
from isotrope.nn.frame import Frame
from isotrope.nn.norm import NORMS


class EquivariantViT(nn.Module):
    """A vision transformer equivariant to the group of its config.

    A lifting patch embedding, stages of pre-norm blocks or plain layers, a step between stages,
    invariant pooling over `(x, g)`, a norm and a linear head. `forward` is invariant:
    `model(L_h f) == model(f)` for every element `h`; `features` is equivariant. With a `frame` in
    the config, `forward` reads the image turned back, and is invariant to the frame's group too.

    Example:
        >>> import torch
        >>> from isotrope import EquivariantViT, EquivariantViTConfig, Stage
        >>> stages = [Stage("gcsa", depth=4, dim=32)]
        >>> model = EquivariantViT(EquivariantViTConfig(group="C4", stages=stages, classes=10))
        >>> model(torch.rand(2, 3, 96, 96)).shape
        torch.Size([2, 10])
    """

    takes, gives = "image", "invariant"

    def __init__(self, config: EquivariantViTConfig) -> None:
        super().__init__()
        self.config, self.group = config, config.symmetry
        norm = NORMS[config.norm]
        first = config.stages[0]
        dim = first.dim
        # [GCSA] eq. 1, with strides: the patch embedding
        self.embed = LiftingConv(
            config.in_channels, dim, *config.patch, group=self.group, bias=False
        )
        self.embed_norm = norm(dim)
        # Two filters with only a norm between them would act as one filter.
        self.activation = nn.GELU() if first.mixer.filters_first else nn.Identity()
        block = partial(Block, layer_scale=config.layer_scale, drop_path=config.drop_path)
        self.downsamples, self.stages = nn.ModuleList(), nn.ModuleList()
        for stage in config.stages:
            in_dim = dim
            if stage.step is None:
                self.downsamples.append(nn.Identity())
            else:
                self.downsamples.append(stage.step.build(dim, stage.dim, self.group, norm))
                in_dim = stage.dim if stage.step.width_changes else dim
            layers = stage.mixer.layers(
                in_dim, stage.dim, stage.depth, stage.mlp_ratio, self.group, norm, block
            )
            self.stages.append(nn.Sequential(*layers))
            dim = stage.dim
        self.norm, self.pool = norm(dim), InvariantPool(config.pool)
        self.head = ClassHead(dim, config.classes) if config.classes else nn.Identity()
        self.frame: Frame | None = None
        if config.frame is not None:
            group = group_from_name(str(config.frame))
            self.frame = Frame(small_front(group, config.in_channels), group)
            self.inside = None  # for an audit: the parts see an image that does not turn

    def features(self, image: Tensor) -> list[Tensor]:
        """The lifted signal after each stage, `(B, |G|, H_s, W_s, C_s)`; the last is normalized.

        Of the image as it lies: a `frame` turns back what `forward` reads, and nothing here.
        """
        lifted = self.activation(self.embed_norm(self.embed(image)))  # (B, G, H/p, W/p, C)
        pyramid: list[Tensor] = []
        for downsample, stage in zip(self.downsamples, self.stages, strict=True):
            lifted = stage(downsample(lifted))
            pyramid.append(lifted)
        return [*pyramid[:-1], self.norm(lifted)]

    def forward(self, image: Tensor) -> Tensor:
        """`(B, in_channels, H, W)` -> logits `(B, classes)`, or pooled features `(B, C)`."""
        if self.frame is None:
            return self._read(image)
        return read_framed(self.frame, self._read, image)

    def _read(self, image: Tensor) -> Tensor:
        return self.head(self.pool(self.features(image)[-1]))

    def save_pretrained(self, folder: str | os.PathLike[str]) -> None:
        """Write `config.json` and `model.safetensors`, each atomically; merge adapters first."""
        store.save(self, self.config, folder)

    @classmethod
    def from_pretrained(cls, folder: str | os.PathLike[str]) -> EquivariantViT:
        """Load what `save_pretrained` wrote, in eval mode and in the saved dtype.

        Raises:
            FileNotFoundError: the folder lacks one of the two files.
            ValueError: a file is broken, or the two belong to different models.
        """
        return store.load(cls, folder)
