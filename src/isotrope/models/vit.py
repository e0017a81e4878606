"""`EquivariantViT`: plain ViT, GSA-Net, G-CSA ViT, hybrids and an equivariant CNN in one class."""

from __future__ import annotations

import json
import os
from dataclasses import asdict, dataclass, field
from pathlib import Path

from torch import Tensor, nn

from isotrope.files import replacing
from isotrope.groups import Group, group_from_name
from isotrope.nn import (
    Block,
    Downsample,
    GroupConv,
    GroupConvSelfAttention,
    GroupSelfAttention,
    InvariantPool,
    LiftingConv,
)

MIXERS = ("gcsa", "gsa", "conv")


@dataclass
class Stage:
    """A run of `depth` blocks at one resolution.

    Args:
        mixer: "gcsa" (`GroupConvSelfAttention`), "gsa" (`GroupSelfAttention` with `encoding`), or
            "conv" (depthwise `GroupConv`, the equivariant CNN).
        dim: channels of each orientation. The width of a position is `|G| * dim`.
        heads: attention heads; not used by "conv".
        encoding: of "gsa": `None`, "mlp", "table" or "rotary".
        sum_orientations: of "gsa": [RC]'s literal sum over the queries of every orientation.
        kernel_size: of "gcsa" and "conv"; odd.
        window: side of the attention windows in positions; `None` attends over the whole grid.
        kv_pool: of "gcsa" and "gsa": keys and values are averaged over so many positions each way.
        stride: by which this stage shrinks the grid of the one before; the first stage has 1.
        step_kernel: side of the filter that does so, see `Downsample`; `2 stride` unless given.
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
        if self.mixer not in MIXERS:
            raise ValueError(f"mixer={self.mixer!r} is not known; use one of {', '.join(MIXERS)}")
        if self.kernel_size % 2 == 0:
            raise ValueError(
                f"kernel_size={self.kernel_size} is even and would shift the grid by half a step; "
                f"use {self.kernel_size + 1}"
            )
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
    """

    group: str | Group = "C4"
    in_channels: int = 3
    patch: tuple[int, int, int] = (4, 4, 0)
    stages: list[Stage] = field(default_factory=lambda: [Stage()])
    classes: int = 0

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

    @property
    def stride(self) -> int:
        """Pixels from one position of the last stage to the next."""
        total = self.patch[1]
        for stage in self.stages:
            total *= stage.stride
        return total


class EquivariantViT(nn.Module):
    """A vision transformer equivariant to the group of its config.

    Lifting patch embedding, stages of pre-norm blocks, a strided `GroupConv` between stages,
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
        self.embed_norm = nn.LayerNorm(dim)
        self.downsamples, self.stages = nn.ModuleList(), nn.ModuleList()
        for stage in config.stages:
            step = stage.stride > 1 or stage.dim != dim
            self.downsamples.append(self._step(dim, stage) if step else nn.Identity())
            blocks = (
                Block(stage.dim, self._mixer(stage), stage.mlp_ratio) for _ in range(stage.depth)
            )
            self.stages.append(nn.Sequential(*blocks))
            dim = stage.dim
        self.norm, self.pool = nn.LayerNorm(dim), InvariantPool()
        # The mean over positions is small; a second norm gives the classes a scale of their own.
        self.head = (
            nn.Sequential(nn.LayerNorm(dim), nn.Linear(dim, config.classes))
            if config.classes
            else nn.Identity()
        )

    def _step(self, dim: int, stage: Stage) -> nn.Module:
        if stage.stride == 1:
            return nn.Linear(dim, stage.dim)
        return Downsample(dim, stage.dim, stage.stride, self.group, stage.step_kernel)

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
        lifted = self.embed_norm(self.embed(image))  # (B, G, H/p, W/p, C)
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
        """
        from safetensors.torch import load_file

        folder = Path(folder)
        missing = [n for n in ("config.json", "model.safetensors") if not (folder / n).is_file()]
        if missing:
            raise FileNotFoundError(
                f"{folder} has no {' and no '.join(missing)}; give a folder that "
                "EquivariantViT.save_pretrained wrote"
            )
        model = cls(EquivariantViTConfig(**json.loads((folder / "config.json").read_text())))
        tensors = load_file(folder / "model.safetensors")
        model.to(tensors["embed.weight"].dtype).load_state_dict(tensors)
        return model.eval()
