"""`EquivariantViT`: plain ViT, GSA-Net, G-CSA ViT, hybrids and an equivariant CNN in one class."""

from __future__ import annotations

import json
import math
import os
from collections.abc import Iterator
from dataclasses import asdict, dataclass, field, fields
from itertools import pairwise
from pathlib import Path

from torch import Tensor, nn

from isotrope.groups import Group, group_from_name
from isotrope.io.files import replacing
from isotrope.nn import (
    Block,
    ConvLayer,
    Downsample,
    GroupConv,
    GroupConvSelfAttention,
    GroupSelfAttention,
    InvariantPool,
    LiftedBatchNorm,
    LiftingConv,
    MeanPool,
)
from isotrope.nn.conv import check_centered
from isotrope.nn.pooling import POOLS

MIXERS = ("gcsa", "gsa", "conv", "plain")
NORMS = {"layer": nn.LayerNorm, "batch": LiftedBatchNorm}


@dataclass
class Stage:
    """A run of `depth` blocks at one resolution.

    Args:
        mixer: "gcsa" (`GroupConvSelfAttention`), "gsa" (`GroupSelfAttention` with `encoding`),
            "conv" (depthwise `GroupConv`, the equivariant CNN), or "plain": `ConvLayer`s, full
            filters in place of the blocks, as in the group CNNs of Cohen & Welling 2016.
        dim: channels of each orientation. The width of a position is `|G| * dim`.
        heads: attention heads; of "gcsa" and "gsa".
        encoding: of "gsa": `None`, "mlp", "table" or "rotary".
        sum_orientations: of "gsa": [RC]'s literal sum over the queries of every orientation.
        kernel_size: of all but "gsa"; odd.
        window: side of the attention windows in positions; `None` attends over the whole grid.
        kv_pool: of "gcsa" and "gsa": keys and values are averaged over so many positions each way.
        stride: by which this stage shrinks the grid of the one before; the first stage has 1. A
            filter does so (`Downsample`), before "plain" layers a mean (`MeanPool`).
        step_kernel: side of that filter; `2 stride` unless given.
        mlp_ratio: width of the feed-forward by `dim`; there is none in "plain" layers.
    """

    mixer: str = "gcsa"
    depth: int = 2
    dim: int = 32
    heads: int = 2
    encoding: str | None = None
    sum_orientations: bool = False
    kernel_size: int = 3
    window: int | None = None
    kv_pool: int = 1
    stride: int = 1
    step_kernel: int | None = None
    mlp_ratio: float = 4.0

    def __post_init__(self) -> None:
        for f in fields(self):
            value = getattr(self, f.name)
            if type(f.default) is int and not isinstance(value, int):
                raise ValueError(f"{f.name}={value!r} is not a whole number; write it as 1 or 32")
        if self.mixer not in MIXERS:
            raise ValueError(f"mixer={self.mixer!r} is not known; use one of {', '.join(MIXERS)}")
        check_centered(self.kernel_size)
        for name in ("encoding", "sum_orientations"):
            value = getattr(self, name)
            if value and self.mixer != "gsa":
                raise ValueError(
                    f"{name}={value!r} goes with mixer='gsa', not {self.mixer!r}; "
                    "leave it out or change the mixer"
                )


@dataclass
class EquivariantViTConfig:
    """The whole model as a value; `asdict` of it is the JSON that `save_pretrained` writes.

    Args:
        group: "C1" (a plain ViT), "C4", "D4", "C8" ..., or a `Group`, kept as its name.
        patch: `(kernel_size, stride, padding)` of the lifting patch embedding.
        classes: outputs of the head; 0 leaves the pooled features.
        norm: "layer" (over channels) or "batch" (`LiftedBatchNorm`), of all norms but the head's.
        pool: "mean" or "max" over orientations before the head; over positions always the mean.
    """

    group: str | Group = "C4"
    in_channels: int = 3
    patch: tuple[int, int, int] = (4, 4, 0)
    stages: list[Stage] = field(default_factory=lambda: [Stage()])
    classes: int = 0
    norm: str = "layer"
    pool: str = "mean"

    def __post_init__(self) -> None:
        self.patch = tuple(self.patch)
        group = self.group if isinstance(self.group, Group) else group_from_name(self.group)
        self.group = group.name
        self.stages = [Stage(**s) if isinstance(s, dict) else s for s in self.stages]
        if not self.stages:
            raise ValueError("stages is empty; give at least one Stage")
        if self.stages[0].stride != 1:
            raise ValueError(
                f"the first stage has stride={self.stages[0].stride}, but nothing comes before it; "
                "set its stride to 1 and stride the patch embedding"
            )
        for before, stage in pairwise(self.stages):
            if stage.mixer == "plain" and not stage.depth and stage.dim != before.dim:
                raise ValueError(
                    f"a stage of no plain layers cannot go from dim={before.dim} to {stage.dim}; "
                    "give it a depth of 1 or more, or the same dim"
                )
        for name, known in (("norm", NORMS), ("pool", POOLS)):
            if getattr(self, name) not in known:
                raise ValueError(
                    f"{name}={getattr(self, name)!r} is not known; use one of {', '.join(known)}"
                )

    @property
    def unit(self) -> int:
        """Pixels of which both sides of an image must be multiples, for strides, windows, pools."""
        unit, stride = self.stride, self.patch[1]
        for stage in self.stages:
            stride *= stage.stride
            unit = math.lcm(unit, stride * (stage.window or stage.kv_pool))
        return unit

    @property
    def stride(self) -> int:
        """Pixels from one position of the last stage to the next."""
        total = self.patch[1]
        for stage in self.stages:
            total *= stage.stride
        return total


class EquivariantViT(nn.Module):
    """A vision transformer equivariant to the group of its config.

    Lifting patch embedding, stages of pre-norm blocks or plain layers, a step between stages,
    invariant pooling over `(x, g)`, a norm and a linear head. `forward` is invariant:
    `model(L_h f) == model(f)` for every element `h`; `features` is equivariant.

    Example:
        >>> stages = [Stage("gcsa", depth=4, dim=32)]
        >>> model = EquivariantViT(EquivariantViTConfig(group="C4", stages=stages, classes=10))
        >>> logits = model(torch.rand(2, 3, 96, 96))  # (2, 10)
    """

    takes, gives = "image", "invariant"

    def __init__(self, config: EquivariantViTConfig) -> None:
        super().__init__()
        self.config, self.group = config, group_from_name(config.group)
        kernel_size, stride, padding = config.patch
        dim = config.stages[0].dim
        self.embed = LiftingConv(
            config.in_channels, dim, kernel_size, stride, padding, group=self.group, bias=False
        )
        norm = NORMS[config.norm]
        self.embed_norm = norm(dim)
        # Two filters with nothing but a norm between them would be one filter.
        plain = config.stages[0].mixer == "plain"
        self.activation = nn.GELU() if plain else nn.Identity()
        self.downsamples, self.stages = nn.ModuleList(), nn.ModuleList()
        for stage in config.stages:
            self.downsamples.append(self._step(dim, stage))
            self.stages.append(nn.Sequential(*self._layers(dim, stage)))
            dim = stage.dim
        self.norm, self.pool = norm(dim), InvariantPool(config.pool)
        # The mean over positions is small; a second norm gives the classes a scale of their own.
        self.head = (
            nn.Sequential(nn.LayerNorm(dim), nn.Linear(dim, config.classes))
            if config.classes
            else nn.Identity()
        )

    def _step(self, dim: int, stage: Stage) -> nn.Module:
        if stage.mixer == "plain":  # its first layer changes the width
            return MeanPool(stage.stride) if stage.stride > 1 else nn.Identity()
        if stage.stride == 1:
            return nn.Linear(dim, stage.dim) if stage.dim != dim else nn.Identity()
        norm = NORMS[self.config.norm]
        return Downsample(dim, stage.dim, stage.stride, self.group, stage.step_kernel, norm)

    def _layers(self, dim: int, stage: Stage) -> Iterator[nn.Module]:
        norm = NORMS[self.config.norm]
        if stage.mixer != "plain":
            for _ in range(stage.depth):
                yield Block(stage.dim, self._mixer(stage), stage.mlp_ratio, norm)
            return
        for number in range(stage.depth):
            width = stage.dim if number else dim
            yield ConvLayer(width, stage.dim, stage.kernel_size, self.group, norm)

    def _mixer(self, stage: Stage) -> nn.Module:
        dim, kernel_size, group = stage.dim, stage.kernel_size, self.group
        if stage.mixer == "conv":
            return GroupConv(
                dim, dim, kernel_size, padding=kernel_size // 2, group=group, depthwise=True
            )
        if stage.mixer == "gcsa":
            return GroupConvSelfAttention(
                dim,
                stage.heads,
                group=group,
                kernel_size=kernel_size,
                window=stage.window,
                kv_pool=stage.kv_pool,
            )
        return GroupSelfAttention(
            dim,
            stage.heads,
            group=group,
            encoding=stage.encoding,
            window=stage.window,
            sum_orientations=stage.sum_orientations,
            kv_pool=stage.kv_pool,
        )

    def features(self, image: Tensor) -> list[Tensor]:
        """The lifted signal after each stage, `(B, |G|, H_s, W_s, C_s)`; the last one is normed."""
        # (B, G, H/p, W/p, C)
        lifted = self.activation(self.embed_norm(self.embed(image)))
        pyramid = []
        for downsample, stage in zip(self.downsamples, self.stages, strict=True):
            lifted = stage(downsample(lifted))
            pyramid.append(lifted)
        return [*pyramid[:-1], self.norm(lifted)]

    def forward(self, image: Tensor) -> Tensor:
        """`(B, in_channels, H, W)` -> logits `(B, classes)`, or pooled features `(B, C)`."""
        return self.head(self.pool(self.features(image)[-1]))

    def save_pretrained(self, folder: str | os.PathLike) -> None:
        """Writes `config.json` and `model.safetensors`; each replaces its file at one stroke."""
        from safetensors.torch import save_file

        folder = Path(folder)
        folder.mkdir(parents=True, exist_ok=True)
        tensors = {name: t.contiguous() for name, t in self.state_dict().items()}
        with replacing(folder / "model.safetensors") as temporary:
            save_file(tensors, temporary)
        with replacing(folder / "config.json") as temporary:
            temporary.write_text(json.dumps(asdict(self.config), indent=2))

    @classmethod
    def from_pretrained(cls, folder: str | os.PathLike) -> EquivariantViT:
        """Loads what `save_pretrained` wrote, in eval mode and in the dtype that was saved.

        Raises:
            FileNotFoundError: the folder lacks one of the two files.
            ValueError: one of them is broken, or they are of two models.
        """
        from safetensors import SafetensorError
        from safetensors.torch import load_file

        folder = Path(folder)
        missing = [n for n in ("config.json", "model.safetensors") if not (folder / n).is_file()]
        if missing:
            raise FileNotFoundError(
                f"{folder} has no {' and no '.join(missing)}; give a folder that "
                "EquivariantViT.save_pretrained wrote"
            )
        try:
            model = cls(EquivariantViTConfig(**json.loads((folder / "config.json").read_text())))
            tensors = load_file(folder / "model.safetensors")
            model.to(tensors["embed.weight"].dtype).load_state_dict(tensors)
        except (
            SafetensorError,
            ValueError,
            TypeError,
            AttributeError,
            LookupError,
            RuntimeError,
        ) as error:
            reason = str(error).split("\n")[0]
            raise ValueError(
                f"{folder} is broken ({reason}); copy it again, or give a folder that "
                "EquivariantViT.save_pretrained wrote"
            ) from error
        return model.eval()
