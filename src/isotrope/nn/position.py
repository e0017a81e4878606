"""Relative position encodings `rho(g^-1 (y - x), g^-1 h)` for self-attention over a lifted signal.

All obey the corrected law of [LoRA-GSA] section 5 and appendix: they see a pair of tokens `(x, g)`,
`(y, h)` through `g^-1 (y - x)` and `g^-1 h` alone. `Rotary` changes queries and keys and leaves no
trace of size N x N; `MLP` and `Table` are the vectors `rho` that [RC] adds to the keys.

`shift` is the element `s` of [RC]'s sum over query orientations: positions are then written in the
frame `g s` instead of `g` (see `GroupSelfAttention`); 0, the identity, otherwise.
"""

from __future__ import annotations

import math

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from isotrope.groups import Group


def coordinates(size: tuple[int, int], device: torch.device | None = None) -> Tensor:
    """(column, row) of each position from the centre of the grid, in steps: `(H*W, 2)`, float64."""
    rows, columns = (torch.arange(n, dtype=torch.float64, device=device) for n in size)
    y, x = torch.meshgrid(rows - (size[0] - 1) / 2, columns - (size[1] - 1) / 2, indexing="ij")
    return torch.stack((x.flatten(), y.flatten()), dim=-1)


def in_frame(group: Group, g: int, points: Tensor) -> Tensor:
    """`g^-1 p` for points `(..., 2)`: the same places in the frame of orientation `g`."""
    return points @ group.matrix(group.inverse(g), points.dtype).to(points.device).T


def rotated(doubled: Tensor, cos: Tensor, sin: Tensor) -> Tensor:
    """`t cos + (t a quarter turn on) sin` of tokens and quarter turns side by side, `(.., 2 d)`."""
    straight, crossed = doubled.chunk(2, dim=-1)
    return torch.addcmul(straight * cos, crossed, sin)


class Rotary(nn.Module):
    """Rotary encoding in each token's own frame; exact, for one fused attention over all tokens.

    A token `(x, g)` writes its position in its own frame, `g^-1 x`, and rotates the planes of its
    query and key by the angles `w . g^-1 x`, as RoPE does. The frequencies `w` come in whole orbits
    of the group, so that turning the frame only permutes and conjugates planes, a representation
    `P` with `P_u R(x) P_u^T = R(u x)`. It puts all tokens in one common frame, and the score

        (P_g R(g^-1 x) q)^T (P_h R(h^-1 y) k) = q^T R(g^-1 (y - x)) P(g^-1 h) k

    depends on `g^-1 (y - x)` and `g^-1 h` alone. A head's last `|G|` query channels are the learned
    key offset: channel `u` is added to the score of every key with `g^-1 h = u`.

    Args:
        head_dim: channels of a head: `|G|` for the offset, then as many whole orbits of
            `lcm(rotations, 4)` channels as fit, and a rest that carries no position.
        wavelengths: shortest and longest wavelength, in grid steps.
        lifting: for `LiftingSelfAttention`, whose keys have no orientation: no offset.
    """

    takes, gives = None, None  # tables in frames, no signals: not to be compared

    def __init__(
        self,
        head_dim: int,
        group: Group,
        wavelengths: tuple[float, float] = (4.0, 256.0),
        lifting: bool = False,
    ) -> None:
        super().__init__()
        # Under C1 an offset would be one constant for all keys, which the softmax ignores.
        self.offset = 0 if lifting or group.order == 1 else group.order
        self.directions = math.lcm(group.rotations, 4) // 2
        self.group, self.head_dim, self.wavelengths = group, head_dim, wavelengths
        self.lifting = lifting
        self.key_dim = head_dim - self.offset
        if self.key_dim < 2 * self.directions:
            least = self.offset + 2 * self.directions
            raise ValueError(
                f"head_dim={head_dim} is too small for Rotary on {group!r}, which needs "
                f"{self.offset} channels for orientations and {2 * self.directions} for positions; "
                f"use head_dim={least} or more"
            )
        self.rotated = self.key_dim - self.key_dim % (2 * self.directions)
        # Signed permutations, exact in any dtype. Persistent: transformers leaves non-persistent
        # buffers uninitialised after from_pretrained.
        self._kept: dict[tuple, tuple] = {}
        self.register_buffer("turn", torch.zeros(group.order, self.key_dim, self.key_dim))
        self.reset_tables()

    def reset_tables(self) -> None:
        """(Re)computes `turn[g] = P_g^T`: `tokens @ turn[g]` is `P_g t` of each token `t`."""
        planes = self.rotated // 2
        with torch.device("cpu"):  # this may run inside a meta-device context
            unit, turn = self._unit_directions(), torch.zeros(self.turn.shape)
            turn[:, range(self.rotated, self.key_dim), range(self.rotated, self.key_dim)] = 1.0
            for g in self.group.elements:
                # w . g^-1 x = (g w) . x: plane p of frame g is plane j of the common frame, or its
                # conjugate where g w = -w_j.
                match = unit @ self.group.matrix(g).T @ unit.T
                j = match.abs().argmax(dim=1)
                sign = match.gather(1, j[:, None]).flatten().sign().to(turn)
                for first in range(0, planes, self.directions):
                    p = torch.arange(first, first + self.directions)
                    turn[g, p, first + j] = 1.0
                    turn[g, planes + p, planes + first + j] = sign
        self.turn.copy_(turn)
        self._kept.clear()

    def _unit_directions(self, device: torch.device | None = None) -> Tensor:
        """Half of the orbit of the two axes under the group; `-w` is the conjugate of `w`."""
        angle = [math.pi * k / self.directions for k in range(self.directions)]
        # cos(90 degrees) is 6e-17 in floating point; the axes must be exact.
        unit = [(0.0, 1.0) if a == math.pi / 2 else (math.cos(a), math.sin(a)) for a in angle]
        return torch.tensor(unit, dtype=torch.float64, device=device)

    def frequencies(self, device: torch.device | None = None) -> Tensor:
        """The frequency `w` of each plane, radians a grid step: `(planes, 2)`, whole orbits."""
        count = self.rotated // (2 * self.directions)
        short, long = self.wavelengths
        steps = torch.arange(count, dtype=torch.float64, device=device) / max(1, count - 1)
        scale = 2 * math.pi / (short * (long / short) ** steps)
        return (scale[:, None, None] * self._unit_directions(device)).reshape(-1, 2)

    def angles(self, points: Tensor, dtype: torch.dtype) -> tuple[Tensor, Tensor]:
        """cos and sin of `w . x` for each channel at points `(N, 2)`; 1 and 0 where none turns."""
        angle = points @ self.frequencies(points.device).T
        still = (0, self.head_dim - self.rotated)
        cos, sin = (torch.cat((t, t), dim=-1) for t in (angle.cos(), angle.sin()))
        return F.pad(cos, still, value=1.0).to(dtype), F.pad(sin, still).to(dtype)

    def with_crossed(self, frame: Tensor) -> Tensor:
        """`(.., d, d)` -> `(.., d, 2 d)`: tokens times it are `t`, then `t` a quarter turn on.

        Quarter turns of the planes: `(real, imaginary) -> (-imaginary, real)`.
        """
        planes, still = self.rotated // 2, self.head_dim - self.rotated
        real, imaginary, _ = frame.split((planes, planes, still), dim=-1)
        return torch.cat((frame, F.pad(torch.cat((-imaginary, real), dim=-1), (0, still))), dim=-1)

    def frames(self, shift: int, dtype: torch.dtype, device: torch.device) -> Tensor:
        """`P_g^T`, and beside it the map of the offset's channels: `(|G|, head_dim, head_dim)`."""
        frames = [self.group.compose(g, shift) for g in self.group.elements]
        turn = self.turn[frames].to(dtype)
        if not self.offset:
            return turn
        # Channel u of the offset is for keys at h = g u: column h reads u = g^-1 h.
        relative = torch.tensor(self.group.relative, device=device)
        place = F.one_hot(relative, self.offset).transpose(1, 2).to(dtype)
        return torch.cat((F.pad(turn, (0, self.offset)), F.pad(place, (self.key_dim, 0))), dim=1)

    def forward(
        self, query: Tensor, key: Tensor, size: tuple[int, int], shift: int = 0, pool: int = 1
    ) -> tuple[Tensor, Tensor]:
        """`(B, heads, |G|, N, d)` queries and keys -> the same, ready for a plain dot product.

        With `pool` there is one key in the middle of each `pool x pool` positions.
        """
        frames, at_queries, at_keys, own = self._kept_tables(size, shift, pool, query)
        key = rotated(key @ frames[:, : self.key_dim], *at_keys)
        return rotated(query @ frames, *at_queries), key if own is None else key + own

    def _kept_tables(self, size: tuple[int, int], shift: int, pool: int, like: Tensor) -> tuple:
        """What no weight changes: frames, angles, and the 1 that the key at `h` has in channel `h`.

        Kept, for small images spend more time on these than on the attention.
        """
        if torch.compiler.is_compiling():
            return self._tables(size, shift, pool, like.dtype, like.device)
        asked = (size, shift, pool, like.dtype, like.device)
        if asked not in self._kept:
            if len(self._kept) == 64:  # sizes of images may be many
                self._kept.clear()
            with torch.inference_mode(False), torch.no_grad():  # for later passes of any mode
                self._kept[asked] = self._tables(*asked)
        return self._kept[asked]

    def _tables(
        self,
        size: tuple[int, int],
        shift: int,
        pool: int,
        dtype: torch.dtype,
        device: torch.device,
    ) -> tuple:
        points = coordinates(size, device)
        middles = coordinates((size[0] // pool, size[1] // pool), device) * pool
        frames = self.with_crossed(self.frames(shift, dtype, device))
        own = None
        if self.offset:
            own = torch.eye(self.offset, dtype=dtype, device=device)
            own = F.pad(own, (self.key_dim, 0))[:, None]
        return frames, self.angles(points, dtype), self.angles(middles, dtype), own

    def lift(
        self, query: Tensor, key: Tensor, size: tuple[int, int], g: int
    ) -> tuple[Tensor, Tensor]:
        """`(B, heads, N, d)` queries and keys of an image, rotated in the frame of `g`."""
        points = in_frame(self.group, g, coordinates(size, query.device))
        crossed = self.with_crossed(torch.eye(self.head_dim, device=query.device).to(query))
        cos, sin = self.angles(points, query.dtype)
        return rotated(query @ crossed, cos, sin), rotated(key @ crossed, cos, sin)

    def extra_repr(self) -> str:
        return f"head_dim={self.head_dim}, group={self.group!r}, wavelengths={self.wavelengths}"


class RelativeVectors(nn.Module):
    """Base of the encodings that are vectors `rho` added to the keys, as in [RC].

    `vectors(size)` gives `rho(g^-1 d, u)` for every frame `g`, offset `d = y - x` between two
    positions of the grid, and relative orientation `u`: `(|G|, (2H-1)(2W-1), |G| or 1, dim)`.
    With `pool` the keys `y` stand in the middle of `pool x pool` positions, and there are
    `(2H-pool)(2W-pool)` offsets one step apart, for even `pool` between whole steps.
    """

    takes, gives = None, None  # tables in frames, no signals: not to be compared

    def __init__(self, dim: int, group: Group, lifting: bool) -> None:
        super().__init__()
        self.dim, self.group, self.lifting = dim, group, lifting
        self.orientations = 1 if lifting else group.order

    def offsets(self, size: tuple[int, int], device: torch.device, pool: int = 1) -> Tensor:
        """`g^-1 d` for every frame and offset: `(|G|, (2H-pool)(2W-pool), 2)`."""
        lattice = coordinates((2 * size[0] - pool, 2 * size[1] - pool), device)
        return torch.stack([in_frame(self.group, g, lattice) for g in self.group.elements])

    def vectors(self, size: tuple[int, int], pool: int = 1) -> Tensor:
        raise NotImplementedError


class MLP(RelativeVectors):
    """A small network of continuous coordinates, [RC] section 4: any angle, any size.

    `rho(d, u) = W2 gelu(W1 [d / scale, cos u, sin u, mirror(u)])`.
    """

    def __init__(
        self, dim: int, group: Group, hidden: int = 32, scale: float = 8.0, lifting: bool = False
    ) -> None:
        super().__init__(dim, group, lifting)
        self.scale = scale
        self.net = nn.Sequential(
            nn.Linear(2 if lifting else 5, hidden),
            nn.GELU(),
            nn.Linear(hidden, dim, bias=False),  # a constant would cancel in the softmax
        )

    def vectors(self, size: tuple[int, int], pool: int = 1) -> Tensor:
        weight = self.net[0].weight
        points = (self.offsets(size, weight.device, pool) / self.scale).to(weight.dtype)
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

    Farther offsets share the border of the table. Exact groups only: a turned offset must fall on
    the table again.
    """

    def __init__(self, dim: int, group: Group, reach: int = 7, lifting: bool = False) -> None:
        super().__init__(dim, group, lifting)
        if not group.exact:
            raise ValueError(
                f"Table needs offsets that a turn maps to offsets, but {group!r} turns between "
                "pixels; use the MLP or the Rotary encoding, or C1, C2, C4, D1, D2, D4"
            )
        self.reach = reach
        side = 2 * reach + 1
        self.table = nn.Parameter(torch.empty(side, side, self.orientations, dim))
        nn.init.normal_(self.table, std=0.02)

    def vectors(self, size: tuple[int, int], pool: int = 1) -> Tensor:
        if pool % 2 == 0:
            raise ValueError(
                f"kv_pool={pool} puts the keys half a step between positions, where Table has no "
                f"entries; use an odd kv_pool, such as {pool + 1}, or the MLP encoding"
            )
        at = self.offsets(size, self.table.device, pool).round().long()
        at = at.clamp(-self.reach, self.reach) + self.reach
        return self.table[at[..., 1], at[..., 0]]


ENCODINGS = {"mlp": MLP, "table": Table, "rotary": Rotary}


def make_encoding(
    encoding: str | nn.Module | None, dim: int, head_dim: int, group: Group, lifting: bool = False
) -> nn.Module | None:
    """An encoding by name (`None`, "mlp", "table", "rotary"), or the module that was given."""
    if isinstance(encoding, Rotary | RelativeVectors):
        width = encoding.head_dim if isinstance(encoding, Rotary) else encoding.dim
        expected = head_dim if isinstance(encoding, Rotary) else dim
        if (encoding.group, encoding.lifting, width) != (group, lifting, expected):
            name = type(encoding).__name__
            raise ValueError(
                f"the encoding is {name}({width}, {encoding.group!r}, lifting={encoding.lifting}), "
                f"but this layer needs {name}({expected}, {group!r}, lifting={lifting}); "
                "make it so, or pass encoding by name"
            )
    if encoding is None or isinstance(encoding, nn.Module):
        return encoding
    if encoding not in ENCODINGS:
        raise ValueError(
            f"encoding={encoding!r} is not known; use None, {', '.join(map(repr, ENCODINGS))}"
        )
    if encoding == "rotary":
        return Rotary(head_dim, group, lifting=lifting)
    return ENCODINGS[encoding](dim, group, lifting=lifting)
