"""Rotary positions in each token's own frame: no scores to add, no table of size N x N."""

from __future__ import annotations

import math
from typing import NamedTuple

import torch
import torch.nn.functional as F
from jaxtyping import Float, Float64
from torch import Tensor, nn

from isotrope.groups import Group
from isotrope.nn.encodings.base import Encoding, joint_attention
from isotrope.nn.encodings.coordinates import coordinates, in_frame
from isotrope.nn.fast.kept import Kept
from isotrope.nn.fast.rotation import prepared, rotated

Size = tuple[int, int]
Angles = tuple[Tensor, Tensor]
"""cos and sin for each position and channel, `(N, head_dim)`."""


class Tables(NamedTuple):
    """Tables for one grid size that do not depend on weights.

    Attributes:
        frames: `P_g` and the map of the offset's channels, for each `g`.
        at_queries, at_keys: the angles at the positions of the queries and of the keys.
        own: one-hot offset channels, in which a key at `h` has a 1 in channel `h`; `None` without
            offset.
    """

    frames: Tensor
    at_queries: Angles
    at_keys: Angles
    own: Tensor | None


class Rotary(Encoding):
    """Rotary encoding in each token's own frame: exact, with one fused attention over all tokens.

    A token `(x, g)` expresses its position in its own frame, `g^-1 x`, and rotates the planes of
    its query and key by the angles `w . g^-1 x`, as in RoPE: `R(g^-1 x)`. The frequencies `w` come
    in whole orbits of the group, so that turning the frame only permutes and conjugates planes: a
    representation `P` with `P_u R(x) P_u^T = R(u x)`. It puts all tokens in one common frame, and
    the score

        (P_g R(g^-1 x) q)^T (P_h R(h^-1 y) k) = q^T R(g^-1 (y - x)) P(g^-1 h) k

    depends only on `g^-1 (y - x)` and `g^-1 h`. The last `|G|` query channels of a head are the
    learned key offset: channel `u` is added to the score of every key with `g^-1 h = u`.

    Args:
        head_dim: number of channels in a head: `|G|` for the offset, as many whole orbits of
            `lcm(rotations, 4)` channels as fit, and a remainder that carries no position.
        wavelengths: shortest and longest wavelength, in grid steps.
        lifting: for `LiftingSelfAttention`, whose keys have no orientation: no offset.

    Raises:
        ValueError: a head too small for the offset and one orbit.
    """

    def __init__(
        self,
        head_dim: int,
        group: Group,
        wavelengths: tuple[float, float] = (4.0, 256.0),
        lifting: bool = False,
    ) -> None:
        super().__init__(head_dim, group, lifting)
        # Under C1 an offset would be one constant for all keys, which the softmax ignores.
        self.offset = 0 if lifting or group.order == 1 else group.order
        self.directions = math.lcm(group.rotations, 4) // 2
        self.head_dim, self.wavelengths = head_dim, wavelengths
        self.key_dim = head_dim - self.offset
        if self.key_dim < 2 * self.directions:
            least = self.offset + 2 * self.directions
            raise ValueError(
                f"head_dim={head_dim} is too small for Rotary on {group!r}, which needs "
                f"{self.offset} channels for orientations and {2 * self.directions} for positions; "
                f"use head_dim={least} or more"
            )
        self.rotated = self.key_dim - self.key_dim % (2 * self.directions)
        self._kept: Kept[Tables] = Kept()
        # Signed permutations, exact in any dtype. Persistent: transformers leaves non-persistent
        # buffers uninitialized after from_pretrained.
        self.turn: Tensor
        self.register_buffer("turn", torch.zeros(group.order, self.key_dim, self.key_dim))
        self.reset_tables()

    @staticmethod
    def width_of(dim: int, head_dim: int) -> int:
        return head_dim

    def key_dim_of(self, head_dim: int) -> int:
        return self.key_dim

    @property
    def planes(self) -> int:
        """Number of rotating planes: two channels each, all real parts before imaginary parts."""
        return self.rotated // 2

    def reset_tables(self) -> None:
        """(Re)compute `turn[g] = P_g^T`: `tokens @ turn[g]` is `P_g t` for each token `t`."""
        planes = self.planes
        with torch.device("cpu"):  # this may run inside a meta-device context
            unit, turn = self._unit_directions(), torch.zeros(self.turn.shape)
            turn[:, range(self.rotated, self.key_dim), range(self.rotated, self.key_dim)] = 1.0
            for g in self.group.elements:
                # w . g^-1 x = (g w) . x: plane p of frame g is plane j of the common frame, or its
                # conjugate if g w = -w_j.
                match = unit @ self.group.matrix(g).T @ unit.T
                j = match.abs().argmax(dim=1)
                sign = match.gather(1, j[:, None]).flatten().sign().to(turn)
                for first in range(0, planes, self.directions):
                    p = torch.arange(first, first + self.directions)
                    turn[g, p, first + j] = 1.0
                    turn[g, planes + p, planes + first + j] = sign
        self.turn.copy_(turn)
        self._kept.clear()

    def _unit_directions(self) -> Tensor:
        """Half of the orbit of the two axes under the group; `-w` is the conjugate of `w`."""
        angle = [math.pi * k / self.directions for k in range(self.directions)]
        # cos(90 degrees) is 6e-17 in floating point; the axes must be exact.
        unit = [(0.0, 1.0) if a == math.pi / 2 else (math.cos(a), math.sin(a)) for a in angle]
        return torch.tensor(unit, dtype=torch.float64, device="cpu")

    def frequencies(self) -> Float64[Tensor, "{self.planes} 2"]:
        """The frequency `w` of each plane in radians per grid step: `(planes, 2)`, float64, CPU."""
        count = self.rotated // (2 * self.directions)
        short, long = self.wavelengths
        steps = torch.arange(count, dtype=torch.float64, device="cpu") / max(1, count - 1)
        scale = 2 * math.pi / (short * (long / short) ** steps)
        return (scale[:, None, None] * self._unit_directions()).reshape(-1, 2)

    def angles(self, points: Float64[Tensor, "N 2"], like: Tensor) -> Angles:
        """cos and sin of `w . x` for each channel at points `(N, 2)`; 1 and 0 if it does not turn.

        Computed in float64, then cast to the dtype of `like`: 200 steps from the center, bfloat16
        would be off by a radian.
        """
        angle = points @ self.frequencies().T
        still = (0, self.head_dim - self.rotated)
        cos, sin = (torch.cat((t, t), dim=-1) for t in (angle.cos(), angle.sin()))
        cos, sin = F.pad(cos, still, value=1.0), F.pad(sin, still)
        return cos.to(like.dtype).to(like.device), sin.to(like.dtype).to(like.device)

    def frames(
        self, shift: int, like: Tensor
    ) -> Float[Tensor, "{self.group.order} {self.head_dim} {self.head_dim}"]:
        """`P_g^T` and the map of the offset's channels as the two diagonal blocks of one matrix."""
        frames = [self.group.compose(g, shift) for g in self.group.elements]
        turn = self.turn[frames].to(like.dtype)
        if not self.offset:
            return turn
        # Channel u of the offset is for keys at h = g u: column h reads u = g^-1 h.
        relative = torch.tensor(self.group.relative, device=like.device)
        place = F.one_hot(relative, self.offset).transpose(1, 2).to(like.dtype)
        return torch.cat((F.pad(turn, (0, self.offset)), F.pad(place, (self.key_dim, 0))), dim=1)

    def tables(self, size: Size, shift: int, pool: int, like: Tensor) -> Tables:
        """The tables of a grid, in the dtype and on the device of the tokens `like`; cached."""

        def make() -> Tables:
            middles = coordinates((size[0] // pool, size[1] // pool)) * pool
            own = None
            if self.offset:
                own = torch.eye(self.offset, dtype=like.dtype, device=like.device)
                own = F.pad(own, (self.key_dim, 0))[:, None]
            return Tables(
                prepared(self.frames(shift, like), self.planes),
                self.angles(coordinates(size), like),
                self.angles(middles, like),
                own,
            )

        return self._kept.get((size, shift, pool, like.dtype, like.device), make)

    def in_common_frame(
        self,
        query: Float[Tensor, "B heads G N {self.head_dim}"],
        key: Float[Tensor, "B heads G M {self.key_dim}"],
        size: Size,
        shift: int = 0,
        pool: int = 1,
    ) -> tuple[Float[Tensor, "B heads G N d"], Float[Tensor, "B heads G M d"]]:
        """`R(x) P_g q` and `R(y) P_h k`, equal to `P_g R(g^-1 x) q` and `P_h R(h^-1 y) k`.

        Queries and keys `(B, heads, |G|, N, d)` -> the same shapes, ready for a plain dot product.
        With `pool` there is one key in the middle of each `pool x pool` positions.
        """
        frames, at_queries, at_keys, own = self.tables(size, shift, pool, query)
        key = rotated(key, frames[:, : self.key_dim], *at_keys, self.planes)
        query = rotated(query, frames, *at_queries, self.planes)
        return query, key if own is None else key + own

    def in_frame_of(
        self,
        g: int,
        query: Float[Tensor, "B heads N d"],
        key: Float[Tensor, "B heads N d"],
        size: Size,
    ) -> tuple[Float[Tensor, "B heads N d"], Float[Tensor, "B heads N d"]]:
        """`R(g^-1 x) q` and `R(g^-1 y) k` for tokens `(B, heads, N, d)` of an image (lifting)."""
        points = in_frame(self.group, g, coordinates(size))
        cos, sin = self.angles(points, query)
        still = torch.eye(self.head_dim, dtype=query.dtype, device=query.device)
        frame = prepared(still, self.planes)
        return (
            rotated(query, frame, cos, sin, self.planes),
            rotated(key, frame, cos, sin, self.planes),
        )

    def attend(
        self,
        query: Float[Tensor, "B heads Gq N d"],
        key: Float[Tensor, "B heads Gk M dk"],
        value: Float[Tensor, "B heads Gk M d"],
        k_proj: nn.Module,
        size: Size,
        *,
        pool: int = 1,
        shift: int = 0,
    ) -> Float[Tensor, "B heads {self.group.order} N d"]:
        if not self.lifting:
            query, key = self.in_common_frame(query, key, size, shift, pool)
            return joint_attention(query, key, value)
        query, key, value = (t.squeeze(2) for t in (query, key, value))
        pairs = [self.in_frame_of(g, query, key, size) for g in self.group.elements]
        frames = [F.scaled_dot_product_attention(q, k, value) for q, k in pairs]
        return torch.stack(frames, dim=2)

    def extra_repr(self) -> str:
        return f"head_dim={self.head_dim}, group={self.group!r}, wavelengths={self.wavelengths}"
