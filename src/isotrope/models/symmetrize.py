"""`symmetrize`: an equivariant ViT that starts from the weights of a plain one."""

# torch leaves some of its functions untyped, such as `unflatten` and `split`:
# pyright: reportUnknownMemberType=false, reportUnknownVariableType=false
# pyright: reportUnknownArgumentType=false
from __future__ import annotations

import copy
import os
from dataclasses import dataclass
from typing import Any, Literal, cast

import torch
import torch.nn.functional as F
from jaxtyping import Float
from torch import Tensor, nn

from isotrope.groups import Group, group_from_name
from isotrope.models import store
from isotrope.nn.conv import GroupConv
from isotrope.nn.lifting import LiftingConv
from isotrope.nn.orbit import check_exact


def symmetrize(vit: nn.Module, group: Group | str = "C4", *, mix: bool = True) -> SymmetricViT:
    """An exactly equivariant ViT with the weights of a transformers ViT, to be tuned by LoRA.

        vit = ViTForImageClassification.from_pretrained(...)
        model = symmetrize(vit, "C4")
        adapted = add_adapter(model, "all", rank=8)

    At the start orientation `g` of every layer `l` is what that layer of the plain ViT computes for
    the image turned back by `g`, turned forth again, and the output is the mean over orientations:

        F_l(., g) = L_g vit_l(L_g^-1 f),    model(f) = 1/|G| sum_g vit(L_g^-1 f)

    No filter is projected and nothing is lost: the model starts as the plain ViT with its logits
    averaged over all turns of the image. Tuning then changes weights that all orientations share,
    and opens `mix`, so the orientations exchange what they see after each attention.

    Args:
        vit: A `ViTForImageClassification` or a `ViTModel`. It is copied, without its dropout.
        group: C1, C2, C4, D1, D2 or D4, or its name.
        mix: Add a linear map between orientations to each block, with weights of zero. It costs
            `|G| dim^2` multiplications for each token, beside about `12 dim^2` of the block.

    Raises:
        TypeError: Another model.
        ValueError: A group that turns between pixels, or patches that are not square.
    """
    from transformers import ViTForImageClassification, ViTModel

    if not isinstance(vit, ViTForImageClassification | ViTModel):
        raise TypeError(
            f"symmetrize takes a ViTForImageClassification or a ViTModel of transformers, not "
            f"{type(vit).__name__}; put any other model behind isotrope.Framed"
        )
    group = group_from_name(group) if isinstance(group, str) else group
    return SymmetricViT(vit, check_exact(group), mix)


@dataclass
class SymmetricViTConfig:
    """The whole model as a value; `SymmetricViT.save_pretrained` writes its `asdict` as JSON.

    Args:
        vit: The config of the plain ViT, as its `to_dict` gives it.
        head: What follows the class token: a "classifier", a "pooler" or "none".
        group: The name of the group.
        mix: Whether blocks map between orientations.
    """

    vit: dict[str, Any]
    head: Literal["classifier", "pooler", "none"]
    group: str
    mix: bool


class SymmetricViT(nn.Module):
    """What `symmetrize` returns; equation and start are there.

    - Patch embedding: `LiftingConv`, the filters of the ViT turned by every `g`. Rows and columns
      that fill no patch are cut off at the end, as in the ViT, in each orientation's own frame.
    - Positions: the table of the ViT, in each orientation's own frame, `P(g^-1 x)`. An image of
      another size than the ViT's gets the table resized bicubically, in that frame too.
    - A class token for each orientation, which reads the tokens of its own.
    - Linear maps, norms and head: the ViT's, shared by all orientations.
    - Attention: within each orientation. `mix` adds `sum_h M(g^-1 h) A(x, h)` to its output
      `W_O A(x, g)`, with `M = 0` at the start: a `GroupConv`, so LoRA on "filters" opens it.
    - Output: the ViT's classifier or pooler on each class token, then the mean over `g`.

    Maps images `(B, C, H, W)` to logits `(B, classes)`, or for a `ViTModel` to what it pools.

    Attributes:
        group: The group.
        config: The config of the ViT.
    """

    takes, gives = "image", "invariant"

    def __init__(self, vit: nn.Module, group: Group, mix: bool = True) -> None:
        super().__init__()
        self.group, self.config = group, vit.config
        body = cast("Any", getattr(vit, "vit", vit))
        patches = body.embeddings.patch_embeddings
        self.embed = _Patches(patches.projection, group)
        rows, columns = (int(a) // int(b) for a, b in zip(*_sizes(patches), strict=True))
        table, dim = body.embeddings.position_embeddings.detach(), body.config.hidden_size
        self.class_token = nn.Parameter(body.embeddings.cls_token[0, 0].detach() + table[0, 0])
        self.positions = nn.Parameter(table[0, 1:].reshape(rows, columns, dim).clone())
        layers = _part(body, "layers", "encoder.layer")
        self.blocks = nn.ModuleList([_Block(each, group, mix) for each in cast("Any", layers)])
        self.norm = copy.deepcopy(body.layernorm)
        self.head: nn.Module = nn.Identity()
        self._kind: Literal["classifier", "pooler", "none"] = "none"
        if (classifier := getattr(vit, "classifier", None)) is not None:
            self.head, self._kind = copy.deepcopy(classifier), "classifier"
        elif body.pooler is not None:
            pooler = copy.deepcopy(body.pooler)
            self.head, self._kind = nn.Sequential(pooler.dense, pooler.activation), "pooler"

    def forward(self, image: Float[Tensor, "B C H W"]) -> Float[Tensor, "B K"]:
        return self.head(self.norm(self._tokens(image)[:, :, 0])).mean(1)

    def features(
        self, image: Float[Tensor, "B C H W"]
    ) -> Float[Tensor, "B {self.group.order} H2 W2 C2"]:
        """The normalized patch tokens as a lifted signal, `(B, |G|, H/p, W/p, dim)`."""
        size = tuple(side // self.embed.side for side in image.shape[2:])
        return self.norm(self._tokens(image)[:, :, 1:].unflatten(2, size))

    def _tokens(self, image: Tensor) -> Float[Tensor, "B {self.group.order} T C2"]:
        """Class token and patch tokens of each orientation, `(B, |G|, 1 + N, dim)`."""
        lifted = self.embed(image)  # (B, G, H, W, C)
        lifted = lifted + self._turned_positions((lifted.shape[2], lifted.shape[3]))
        leading = self.class_token.expand(*lifted.shape[:2], 1, -1)
        tokens = torch.cat([leading, lifted.flatten(2, 3)], dim=2)
        for block in self.blocks:
            tokens = block(tokens)
        return tokens

    def _turned_positions(self, size: tuple[int, int]) -> Tensor:
        """`P(g^-1 x)` on a grid of this size, `(|G|, H, W, C)`."""
        turned: list[Tensor] = []
        for g in self.group.elements:
            own = (size[1], size[0]) if self.group.angle(g) % 180 else size
            turned.append(self.group.act_image(g, self._table(own), dims=(0, 1)))
        return torch.stack(turned)

    def _table(self, size: tuple[int, int]) -> Tensor:
        if size == tuple(self.positions.shape[:2]):
            return self.positions
        planes = self.positions.movedim(2, 0)[None]
        return F.interpolate(planes, size, mode="bicubic", align_corners=False)[0].movedim(0, 2)

    def save_pretrained(self, folder: str | os.PathLike[str]) -> None:
        """Write `config.json` and `model.safetensors`, each atomically; merge adapters first."""
        mix = any(block.attention.mix is not None for block in cast("Any", self.blocks))
        plain = cast("Any", self.config).to_dict()
        config = SymmetricViTConfig(plain, self._kind, self.group.name, mix)
        store.save(self, config, folder)

    @classmethod
    def from_pretrained(cls, folder: str | os.PathLike[str]) -> SymmetricViT:
        """Load what `save_pretrained` wrote, in eval mode and in the saved dtype.

        Raises:
            FileNotFoundError: The folder lacks one of the two files.
            ValueError: A file is broken, or the two belong to different models.
        """
        return store.load(_built, folder, SymmetricViTConfig)

    def extra_repr(self) -> str:
        return f"group={self.group!r}"


def _built(config: SymmetricViTConfig) -> SymmetricViT:
    """A model of this config, with random weights."""
    from transformers import ViTConfig, ViTForImageClassification, ViTModel

    plain = ViTConfig.from_dict(config.vit)
    if config.head == "classifier":
        vit: nn.Module = ViTForImageClassification(plain)
    else:
        vit = ViTModel(plain, add_pooling_layer=config.head == "pooler")
    return symmetrize(vit, config.group, mix=config.mix)


class _Patches(nn.Module):
    """The patch embedding with its filters turned by every element."""

    takes, gives = "image", "lifted"
    inside = None  # where patches do not tile the image, it embeds several parts of it

    def __init__(self, projection: nn.Conv2d, group: Group) -> None:
        super().__init__()
        self.group, self.side = group, projection.kernel_size[0]
        self.lift = _lifted(projection, group)

    def forward(self, image: Float[Tensor, "B C H W"]) -> Float[Tensor, "B G H2 W2 C2"]:
        if not any(length % self.side for length in image.shape[2:]):
            return self.lift(image)
        if min(image.shape[2:]) < self.side:
            raise ValueError(
                f"images of {image.shape[2]}x{image.shape[3]} px are smaller than a patch of "
                f"{self.side}x{self.side}; enlarge them"
            )
        slices: list[Tensor] = []
        for g in self.group.elements:
            upright = self.group.act_image(self.group.inverse(g), image)
            rows, columns = (length // self.side * self.side for length in upright.shape[2:])
            tiled = self.group.act_image(g, upright[:, :, :rows, :columns])
            slices.append(self.lift(tiled)[:, g])
        return torch.stack(slices, dim=1)


class _Block(nn.Module):
    """A pre-norm layer of the ViT on the tokens of each orientation, `(B, |G|, T, dim)`."""

    takes, gives = None, None  # class tokens and patch tokens on one axis: no signal on a grid

    def __init__(self, layer: nn.Module, group: Group, mix: bool) -> None:
        super().__init__()
        part = copy.deepcopy(layer)
        self.attention_norm = _part(part, "layernorm_before")
        self.attention = _Attention(part, group, mix)
        self.mlp_norm = _part(part, "layernorm_after")
        self.mlp = nn.Sequential(
            _part(part, "mlp.fc1", "intermediate.dense"),
            _part(part, "mlp.activation_fn", "intermediate.intermediate_act_fn"),
            _part(part, "mlp.fc2", "output.dense"),
        )

    def forward(self, tokens: Float[Tensor, "B G T C"]) -> Float[Tensor, "B G T C"]:
        tokens = tokens + self.attention(self.attention_norm(tokens))
        return tokens + self.mlp(self.mlp_norm(tokens))


class _Attention(nn.Module):
    """The ViT's attention within each orientation, and a linear map between them."""

    def __init__(self, layer: nn.Module, group: Group, mix: bool) -> None:
        super().__init__()
        self.q_proj = _part(layer, "attention.q_proj", "attention.attention.query")
        self.k_proj = _part(layer, "attention.k_proj", "attention.attention.key")
        self.v_proj = _part(layer, "attention.v_proj", "attention.attention.value")
        self.out_proj = _part(layer, "attention.o_proj", "attention.output.dense")
        inner = _part(layer, "attention", "attention.attention")
        self.heads = cast("Any", inner).num_attention_heads
        self.mix: GroupConv | None = None
        if mix:
            out = cast("nn.Linear", self.out_proj)
            self.mix = GroupConv(out.in_features, out.out_features, 1, group=group, bias=False)
            nn.init.zeros_(self.mix.weight)
            self.mix.to(out.weight)

    def forward(self, tokens: Float[Tensor, "B G T C"]) -> Float[Tensor, "B G T C"]:
        flat = tokens.flatten(0, 1)  # (BG, T, C)
        projections = (self.q_proj, self.k_proj, self.v_proj)
        q, k, v = (p(flat).unflatten(2, (self.heads, -1)).transpose(1, 2) for p in projections)
        out = F.scaled_dot_product_attention(q, k, v).transpose(1, 2).flatten(2)
        out = out.unflatten(0, tokens.shape[:2])
        if self.mix is None:
            return self.out_proj(out)
        mixed = self.mix(out[:, :, :, None])[:, :, :, 0]  # positions as a column: the kernel is 1x1
        return self.out_proj(out) + mixed


def _lifted(projection: nn.Conv2d, group: Group) -> LiftingConv:
    """The patch embedding, with every filter turned by every element."""
    rows, columns = projection.kernel_size
    if rows != columns:
        raise ValueError(
            f"patches of {rows}x{columns} px do not turn onto themselves; symmetrize needs square "
            "ones: put the model behind isotrope.Framed"
        )
    weight = projection.weight.detach()
    lifting = LiftingConv(weight.shape[1], weight.shape[0], rows, rows, group=group).to(weight)
    state = {"weight": weight, "bias": cast("Tensor", projection.bias).detach()}
    lifting.load_state_dict(state)
    return lifting


def _sizes(patches: Any) -> tuple[tuple[int, int], tuple[int, int]]:
    """Rows and columns of the ViT's images and of its patches, in pixels."""
    image, patch = (
        (value, value) if isinstance(value, int) else tuple(value)
        for value in (patches.image_size, patches.patch_size)
    )
    return image, patch


def _part(module: nn.Module, *names: str) -> nn.Module:
    """The part by the first of these names that there is; transformers has renamed some in 5.1."""
    for name in reversed(names):
        try:
            return module.get_submodule(name)
        except AttributeError:
            continue
    raise AttributeError(f"{type(module).__name__} has none of {', '.join(names)}")
