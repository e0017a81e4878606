"""Relative vectors `rho(g^-1 (y - x), g^-1 h)` added to the keys: `MLP` and `Table`, as in [RC]."""

# torch leaves some of its functions untyped, such as `unflatten` and `split`:
# pyright: reportUnknownMemberType=false, reportUnknownVariableType=false
# pyright: reportUnknownArgumentType=false
from __future__ import annotations

import math
from typing import ClassVar

import torch
from jaxtyping import Float
from torch import Tensor, nn

from isotrope.groups import Group
from isotrope.nn.encodings.base import Encoding
from isotrope.nn.encodings.coordinates import coordinates, in_frame
from isotrope.nn.fast.kept import Kept
from isotrope.nn.fast.relative import relative_attention


class RelativeVectors(Encoding):
    """Base of the encodings that add vectors to the keys, [LoRA-GSA] section 5 and eq. 2.

        A(x, g; y, h) = softmax_(y,h) <q(x, g), phi_key(f(y, h) + r)> / sqrt(d),
            r = rho(g^-1 (y - x), g^-1 h)
        out(x, g) = sum_(y,h) A(x, g; y, h) v(y, h)

    For lifting, [LoRA-GSA] section 4: `f(y)` and `rho(g^-1 (y - x))`, and a softmax over `y`.

    A subclass defines the vectors in `vectors(size, pool)`.
    """

    whole_batch: ClassVar[bool] = True  # its attention already works in runs

    def __init__(self, width: int, group: Group, lifting: bool = False) -> None:
        super().__init__(width, group, lifting)
        self.orientations = 1 if lifting else group.order
        self._offsets: Kept[Tensor] = Kept()

    def vectors(
        self, size: tuple[int, int], pool: int = 1
    ) -> Float[Tensor, "{self.group.order} offsets {self.orientations} {self.width}"]:
        """`rho(g^-1 d, u)`: `(|G| frames g, (2H-pool)(2W-pool) offsets d, |G| u or 1, dim)`.

        The offsets `d = y - x` between two positions of the grid are listed row by row, one step
        apart. With `pool` the keys `y` lie in the middle of `pool x pool` positions: for even
        `pool` the offsets lie halfway between whole steps.
        """
        raise NotImplementedError

    def offsets(
        self, size: tuple[int, int], pool: int, like: Tensor, scale: float = 1.0
    ) -> Float[Tensor, "{self.group.order} offsets 2"]:
        """`g^-1 d / scale` for every frame and offset: `(|G|, (2H-pool)(2W-pool), 2)`."""

        def make() -> Tensor:
            lattice = coordinates((2 * size[0] - pool, 2 * size[1] - pool))
            frames = [in_frame(self.group, g, lattice) for g in self.group.elements]
            return (torch.stack(frames) / scale).to(like.dtype).to(like.device)

        return self._offsets.get((size, pool, scale, like.dtype, like.device), make)

    def attend(
        self,
        query: Float[Tensor, "B heads Gq N d"],
        key: Float[Tensor, "B heads Gk M dk"],
        value: Float[Tensor, "B heads Gk M d"],
        k_proj: nn.Module,
        size: tuple[int, int],
        *,
        pool: int = 1,
        shift: int = 0,
    ) -> Float[Tensor, "B heads {self.group.order} N d"]:
        vectors = self.projected(k_proj, query.shape[1], size, pool, shift)
        return relative_attention(query, key, value, vectors, size, pool)

    def projected(
        self, k_proj: nn.Module, heads: int, size: tuple[int, int], pool: int = 1, shift: int = 0
    ) -> Float[Tensor, "{self.group.order} offsets {self.orientations} {heads} d"]:
        """`W_k rho((g s)^-1 (y - x), g^-1 h)`: `(|G| g, offsets, |G| h or 1, heads, d)`."""
        group = self.group
        rho = self.vectors(size, pool)
        # phi_key(f + rho) = phi_key(f) + W_k rho: the bias of phi_key is in phi_key(f) already.
        # Called as a module, so that an adapter on k_proj acts on rho too, as in [LoRA-GSA] eq. 10.
        keys = k_proj(rho) - k_proj(torch.zeros_like(rho[:1, :1, :1]))
        frames = [keys[group.compose(g, shift)] for g in group.elements]
        if not self.lifting:  # from orientations g^-1 h to h
            relative = torch.tensor(group.relative, device=rho.device)
            frames = [frame.index_select(1, u) for frame, u in zip(frames, relative, strict=True)]
        return torch.stack(frames).unflatten(3, (heads, -1))


class MLP(RelativeVectors):
    """A small network of continuous coordinates, [RC] section 4, for any angle and any size.

    `rho(d, u) = W2 gelu(W1 [d / scale, cos u, sin u, mirror(u)])`.

    Args:
        width: number of channels in all heads.
        hidden: number of channels between the two maps.
        scale: the unit of the coordinates, in grid steps.
    """

    def __init__(
        self, width: int, group: Group, hidden: int = 32, scale: float = 8.0, lifting: bool = False
    ) -> None:
        super().__init__(width, group, lifting)
        self.scale = scale
        self.net = nn.Sequential(
            nn.Linear(2 if lifting else 5, hidden),
            nn.GELU(),
            nn.Linear(hidden, width, bias=False),  # a constant would cancel in the softmax
        )

    def vectors(
        self, size: tuple[int, int], pool: int = 1
    ) -> Float[Tensor, "{self.group.order} offsets {self.orientations} {self.width}"]:
        weight = next(self.net.parameters())
        points = self.offsets(size, pool, weight, self.scale)
        points = points[:, :, None].expand(-1, -1, self.orientations, -1)
        if self.lifting:
            return self.net(points)
        angles = [math.radians(self.group.angle(u)) for u in self.group.elements]
        mirrors = [float(self.group.is_mirror(u)) for u in self.group.elements]
        orientation = [[math.cos(a), math.sin(a), m] for a, m in zip(angles, mirrors, strict=True)]
        features = torch.tensor(orientation, dtype=weight.dtype, device=weight.device)
        return self.net(torch.cat((points, features.expand(*points.shape[:2], -1, -1)), dim=-1))


class Table(RelativeVectors):
    """A learned vector for each offset up to `reach` steps and each relative orientation.

    Larger offsets use the border of the table.

    Args:
        width: number of channels in all heads.
        reach: number of steps from the middle of the table to its border.

    Raises:
        ValueError: a group that turns between pixels, whose offsets would miss the table.
    """

    def __init__(self, width: int, group: Group, reach: int = 7, lifting: bool = False) -> None:
        super().__init__(width, group, lifting)
        if not group.exact:
            raise ValueError(
                f"Table needs offsets that a turn maps to offsets, but {group!r} turns between "
                "pixels; use the MLP or the Rotary encoding, or C1, C2, C4, D1, D2, D4"
            )
        self.reach = reach
        side = 2 * reach + 1
        self.table = nn.Parameter(torch.empty(side, side, self.orientations, width))
        nn.init.normal_(self.table, std=0.02)

    def vectors(
        self, size: tuple[int, int], pool: int = 1
    ) -> Float[Tensor, "{self.group.order} offsets {self.orientations} {self.width}"]:
        if pool % 2 == 0:
            raise ValueError(
                f"kv_pool={pool} puts the keys half a step between positions, where Table has no "
                f"entries; use an odd kv_pool, such as {pool + 1}, or the MLP encoding"
            )
        at = self.offsets(size, pool, self.table).round().long()
        at = at.clamp(-self.reach, self.reach) + self.reach
        return self.table[at[..., 1], at[..., 0]]
