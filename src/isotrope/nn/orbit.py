"""The orbit of a network: what it says of an image at all its turns, which is equivariant."""

# torch leaves some of its functions untyped:
# pyright: reportUnknownMemberType=false, reportUnknownVariableType=false
# pyright: reportUnknownArgumentType=false
from __future__ import annotations

import torch
from jaxtyping import Float
from torch import Tensor, nn

from isotrope.groups import Group
from isotrope.nn.conv import to_lifted


class Orbit(nn.Module):
    """Turns any module into an equivariant front: `F(g) = f(g^-1 image)` for each `g` in the group.

    Maps `(B, C, H, W)` to `(B, |G|, K)`, where `f` maps `(B', C, h, w)` to `(B', K)`. A turned
    image permutes the orbit, `orbit(L_h image)(g) = orbit(image)(h^-1 g)`, whatever strides and
    padding `f` has. Turned copies of the same shape go through `f` in one call. ValueError for a
    group that turns between pixels, or an `f` that does not return one vector for each image.
    """

    takes, gives = "image", "tokens"  # |G| tokens, on a grid of one position

    def __init__(self, module: nn.Module, group: Group) -> None:
        super().__init__()
        self.module, self.group = module, check_exact(group)

    def forward(self, images: Float[Tensor, "B C H W"]) -> Float[Tensor, "B {self.group.order} K"]:
        check_images(images)
        group = self.group
        turned = [group.act_image(group.inverse(g), images) for g in group.elements]
        vectors: dict[int, Tensor] = {}
        for shape in dict.fromkeys(t.shape for t in turned):  # at most HxW and WxH
            alike = [g for g in group.elements if turned[g].shape == shape]
            batch = torch.cat([turned[g] for g in alike])
            values = self.module(batch)
            if values.ndim != 2 or len(values) != len(batch):
                raise ValueError(
                    f"{type(self.module).__name__} gives shape {tuple(values.shape)}, not one "
                    f"vector for each of {len(batch)} images; pool its output to (B, K)"
                )
            vectors |= zip(alike, values.chunk(len(alike)), strict=True)
        return torch.stack([vectors[g] for g in group.elements], dim=1)


class LiftingOrbit(nn.Module):
    """Turns any module of maps into an equivariant lifting: `F(., g) = g f(g^-1 image)`.

    Maps `(B, C, H, W)` to `(B, |G|, h, w, K)`. `f` maps `(B', C, H, W)` to `(B', K, h, w)` and
    shrinks both sides alike. It sees the image turned back by each element, and its maps are turned
    forth again. A turned image turns the lifted signal, `F'(x, g) = F(h^-1 x, h^-1 g)`, whatever
    strides and padding `f` has: a pretrained network becomes equivariant as it is.

    Raises:
        ValueError: A group that turns between pixels, or an `f` that does not return maps.
    """

    takes, gives = "image", "lifted"
    inside = None  # `f` sees one turned copy at a time

    def __init__(self, module: nn.Module, group: Group) -> None:
        super().__init__()
        self.module, self.group = module, check_exact(group)

    def forward(self, images: Float[Tensor, "B C H W"]) -> Float[Tensor, "B G H2 W2 K"]:
        return to_lifted(self.planes(images), self.group.order)

    def planes(self, images: Float[Tensor, "B C H W"]) -> Float[Tensor, "B GK H2 W2"]:
        """The same as `(B, |G| K, h, w)`: the channels of one orientation after another."""
        check_images(images)
        group, maps = self.group, []
        for g in group.elements:
            found = self.module(group.act_image(group.inverse(g), images))
            if found.ndim != 4 or found.shape[0] != images.shape[0]:
                raise ValueError(
                    f"{type(self.module).__name__} gives shape {tuple(found.shape)}, not maps "
                    f"(B, K, h, w) of {images.shape[0]} images"
                )
            maps.append(group.act_image(g, found))
        return torch.cat(maps, dim=1)


def check_exact(group: Group) -> Group:
    """The group; ValueError unless it permutes pixels."""
    if group.exact:
        return group
    raise ValueError(f"{group!r} turns between pixels; use C1, C2, C4, D1, D2 or D4, which do not")


def check_images(images: Tensor) -> None:
    """Raise ValueError unless they are a batch of images."""
    if images.ndim != 4 or not images.numel():
        raise ValueError(f"shape {tuple(images.shape)} is no batch of images; give (B, C, H, W)")
