"""The equations of the papers written literally: scores stored, sums over g and h in loops.

`naive(module)` copies a layer, model or encoder of isotrope into one that computes the same
function from the same parameters without any of the library's optimizations: no fused attention, no
common frame, no bank of turned filters, no table of offsets. It is the slow baseline of the speed
benchmark and the reference that the layers are tested against (`tests/test_oracle.py`). It can be
trained.

    naive(GroupSelfAttention(24, 2, group=C4))(lifted)
    naive(EquivariantViT(config))(image)

[GCSA] Zaheer, Holston, Park, Group Convolutional Self-Attention for Roto-Translation Equivariance
in ViTs. [RC] Romero, Cordonnier, Group Equivariant Stand-Alone Self-Attention for Vision.
[LoRA-GSA] Schreiber, LoRAs and GSA-Nets for OCR.

In every equation `x`, `y` are positions of a query and a key, `g` is the orientation of the output,
`h` of the key, and `h1` of the query, which is `g` unless orientations are summed. Orientations are
indices and `group.relative[g][h]` is `g^-1 h`. The equations omit heads. Scores are divided by
`sqrt(d)` everywhere, as in [GCSA] eq. 4; [LoRA-GSA] eq. 2 omits that.
"""

from __future__ import annotations

import copy
import math
from collections.abc import Callable
from functools import singledispatch

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from isotrope.groups import Group
from isotrope.nn import (
    MLP,
    Encoding,
    GroupConv,
    GroupConvSelfAttention,
    GroupSelfAttention,
    LiftingConv,
    LiftingSelfAttention,
    NoEncoding,
    Rotary,
    Table,
)


def naive(module: nn.Module) -> nn.Module:
    """Copy `module`, replacing each layer below by its equation."""
    return _replaced(copy.deepcopy(module))


def _replaced(module: nn.Module) -> nn.Module:
    for name, child in module.named_children():
        setattr(module, name, _replaced(child))
    return NAIVE[type(module)](module) if type(module) in NAIVE else module


class Naive(nn.Module):
    """Takes the parameters, submodules and settings of a layer, with their names."""

    def __init__(self, layer: nn.Module) -> None:
        super().__init__()
        self.__dict__.update(vars(layer))
        self.takes, self.gives = layer.takes, layer.gives
        self.kv_pool = getattr(layer, "kv_pool", 1)


# Convolutions -------------------------------------------------------------------------------------


class NaiveLiftingConv(Naive):
    """`F(x, g) = sum_c sum_x' f(x') k_c(g^-1 (x' - x))`, [GCSA] eq. 1."""

    def forward(self, image: Tensor) -> Tensor:
        lifted = []
        for g in self.group.elements:
            k = self.group.act_filter(g, self.weight)  # k(g^-1 x)
            lifted.append(F.conv2d(image, k, self.bias, self.stride, self.padding))
        return torch.stack(lifted, dim=1).movedim(2, 4)  # (B, G, H, W, C)


class NaiveGroupConv(Naive):
    """`F'(x, g)_o = sum_i sum_h sum_x' w_oi(g^-1 (x' - x), g^-1 h) F(x', h)_i`.

    The `W *` of [GCSA] eq. 2 is its depthwise form, with no sum over `i`: output `j * C_in + i` is
    filter `j` of channel `i`.
    """

    def forward(self, lifted: Tensor) -> Tensor:
        out = []
        for g in self.group.elements:
            total = 0.0 if self.bias is None else self.bias[:, None, None]
            for h in self.group.elements:
                u = self.group.relative[g][h]
                w = self.group.act_filter(g, self.weight[:, :, u])  # w(g^-1 x, g^-1 h)
                total = total + self.convolve(lifted[:, h].movedim(3, 1), w)  # (B, C, H, W)
            out.append(total)
        return torch.stack(out, dim=1).movedim(2, 4)

    def convolve(self, f: Tensor, w: Tensor) -> Tensor:
        """`sum_i sum_x' w_oi(x' - x) f(x')_i`, or without the sum over `i`."""
        if not self.depthwise:
            return F.conv2d(f, w, None, self.stride, self.padding)
        channels = self.in_channels
        each = [
            F.conv2d(f, w_j, None, self.stride, self.padding, groups=channels)
            for w_j in w.split(channels)
        ]
        return torch.cat(each, dim=1)


# What the attention layers share ------------------------------------------------------------------


def split_heads(signal: Tensor, heads: int) -> Tensor:
    """`(B, G, H, W, heads*d)` -> `(B, heads, G, N, d)`."""
    return signal.flatten(2, 3).unflatten(3, (heads, -1)).permute(0, 3, 1, 2, 4)


def join_heads(tokens: Tensor, size: tuple[int, int]) -> Tensor:
    """`(B, heads, G, N, d)` -> `(B, G, H, W, heads*d)`."""
    return tokens.permute(0, 2, 3, 1, 4).flatten(3).unflatten(2, size)


def pooled(lifted: Tensor, p: int) -> Tensor:
    """`F` averaged over squares of `p x p` positions, from which keys and values are computed."""
    return lifted.unflatten(3, (-1, p)).unflatten(2, (-1, p)).mean(dim=(3, 5))


def positions(size: tuple[int, int], p: int, like: Tensor) -> Tensor:
    """(column, row) of each position `Y` of a grid pooled by `p`: `p Y + (p - 1) / 2`, float64."""
    steps = (torch.arange(n, dtype=torch.float64, device=like.device) for n in size)
    rows, columns = (p * Y + (p - 1) / 2 for Y in steps)
    return torch.cartesian_prod(rows, columns).flip(1)


def in_own_frame(group: Group, g: int, points: Tensor) -> Tensor:
    """`g^-1 x` for points `(..., 2)`."""
    return points @ group.matrix(group.inverse(g)).to(points).T


def attention(scores: Tensor, value: Tensor) -> Tensor:
    """[GCSA] eq. 3-4, jointly over `(y, h)`, of scores `(B, heads, G, N, G, M)`.

    out(x, g) = sum_(y,h) A(x, g; y, h) V(y, h)
    A(x, g; y, h) = exp(score(x, g; y, h)) / sum_(y',h') exp(score(x, g; y', h'))
    """
    weights = scores.flatten(4).softmax(dim=4).view_as(scores)
    return torch.einsum("bngxhy,bnhyd->bngxd", weights, value)


def in_windows(
    attend: Callable, window: int | None, query: Tensor, key: Tensor, value: Tensor
) -> Tensor:
    """The `y in N(x)` of [GCSA] eq. 3: the positions of the window that holds `x`, or all."""
    if window is None:
        return attend(query, key, value)
    size, p = query.shape[2:4], query.shape[2] // key.shape[2]
    out = attend(tiles(query, window), tiles(key, window // p), tiles(value, window // p))
    count, across = size.numel() // window**2, size[1] // window
    each = out.chunk(count)
    rows = [torch.cat(each[i : i + across], dim=3) for i in range(0, count, across)]
    return torch.cat(rows, dim=2)


def tiles(signal: Tensor, side: int) -> Tensor:
    """Stack the windows of a signal, row by row, along the batch."""
    rows, columns = (range(0, n, side) for n in signal.shape[2:4])
    return torch.cat([signal[:, :, r : r + side, c : c + side] for r in rows for c in columns])


# Relative encodings -------------------------------------------------------------------------------


@singledispatch
def rho(encoding: Encoding, d: Tensor, u: int) -> Tensor:
    """`rho(d, u)`, [LoRA-GSA] section 5: `(N, M, dim)` for offsets `d`, `(N, M, 2)`."""
    raise NotImplementedError(type(encoding).__name__)


@rho.register
def _(encoding: Table, d: Tensor, u: int) -> Tensor:
    """One vector for each offset up to `reach` steps; farther offsets share the border's."""
    at = d.round().long().clamp(-encoding.reach, encoding.reach) + encoding.reach
    return encoding.table[at[..., 1], at[..., 0], u]


@rho.register
def _(encoding: MLP, d: Tensor, u: int) -> Tensor:
    """[RC] section 4: `W2 gelu(W1 [d / scale, cos u, sin u, mirror(u)])`; lifting, `d` alone."""
    features = d / encoding.scale
    if not encoding.lifting:
        turn = math.radians(encoding.group.angle(u))
        of_u = (math.cos(turn), math.sin(turn), float(encoding.group.is_mirror(u)))
        features = torch.cat((features, d.new_tensor(of_u).expand(*d.shape[:2], 3)), dim=2)
    return encoding.net(features.to(encoding.net[0].weight))


def vector_scores(layer: Naive, q: Tensor, k: Tensor, d: Tensor, u: int) -> Tensor:
    """`<q(x), phi_key(f(y) + rho(d, u))>`, [LoRA-GSA] eq. 2: `(B, heads, N, M)`.

    `q`: `(B, heads, N, d)`; `k`: `(B, heads, M, d)`, which is `phi_key(f(y))`.
    """
    # phi_key is linear: phi_key(f + rho) = phi_key(f) + W_k rho.
    w_rho = layer.k_proj(rho(layer.encoding, d, u)) - layer.k_proj.bias
    w_rho = w_rho.unflatten(2, (layer.heads, -1))  # (N, M, heads, d)
    content = torch.einsum("bnxd,bnyd->bnxy", q, k)
    return content + torch.einsum("bnxd,xynd->bnxy", q, w_rho)


def R(encoding: Rotary, points: Tensor, tokens: Tensor) -> Tensor:
    """`R(x) t`: plane `w` of a token at `x` turns by the angle `w . x`, as in RoPE."""
    angle = points @ encoding.frequencies().to(points).T
    cos, sin = angle.cos().to(tokens), angle.sin().to(tokens)
    real, imaginary, rest = planes(encoding, tokens)
    return torch.cat((real * cos - imaginary * sin, real * sin + imaginary * cos, rest), dim=-1)


def P(encoding: Rotary, u: int, tokens: Tensor) -> Tensor:
    """`P(u) t`: plane `w` becomes plane `u w`, and plane `-w` is the conjugate of plane `w`.

    So `P(u) R(x) = R(u x) P(u)`, for `w . x = (u w) . (u x)`.
    """
    w = encoding.frequencies().to(tokens.device)
    turned = w @ encoding.group.matrix(u).to(w).T  # u w
    source = torch.cdist(w, torch.cat((turned, -turned))).argmin(dim=1)
    conjugate = torch.where(source < len(w), 1, -1)
    real, imaginary, rest = planes(encoding, tokens)
    source = source % len(w)
    return torch.cat((real[..., source], conjugate * imaginary[..., source], rest), dim=-1)


def planes(encoding: Rotary, tokens: Tensor) -> tuple[Tensor, Tensor, Tensor]:
    """Real parts of a token's planes, their imaginary parts, and what carries no position."""
    count = encoding.rotated // 2
    return tokens.split((count, count, tokens.shape[-1] - 2 * count), dim=-1)


# Attention ----------------------------------------------------------------------------------------


class NaiveLiftingSelfAttention(Naive):
    """[LoRA-GSA] section 4, with `L_g[rho](x, y) = rho(g^-1 (y - x))`.

    out(x, g) = phi_out sum_y softmax_y(<q(x), phi_key(f(y) + L_g[rho](x, y))> / sqrt(d)) v(y)

    Rotary: `<q(x), R(g^-1 (y - x)) k(y)>`.
    """

    def forward(self, image: Tensor) -> Tensor:
        f = self.embed(image.movedim(1, 3))[:, None]  # (B, 1, H, W, C)
        q, k, v = self.q_proj(f), self.k_proj(f), self.v_proj(f)
        return self.out_proj(in_windows(self.attend, self.window, q, k, v))

    def attend(self, query: Tensor, key: Tensor, value: Tensor) -> Tensor:
        size = tuple(query.shape[2:4])
        x = y = positions(size, 1, query)
        q, k, v = (split_heads(t, self.heads)[:, :, 0] for t in (query, key, value))
        scores = torch.stack([self.scores(q, k, g, x, y) for g in self.group.elements], dim=2)
        weights = (scores / math.sqrt(q.shape[-1])).softmax(dim=-1)  # (B, heads, G, N, N)
        return join_heads(torch.einsum("bngxy,bnyd->bngxd", weights, v), size)

    def scores(self, q: Tensor, k: Tensor, g: int, x: Tensor, y: Tensor) -> Tensor:
        """Scores of queries `(B, heads, N, d)` and keys in the frame of `g`: `(B, heads, N, N)`."""
        x, y = in_own_frame(self.group, g, x), in_own_frame(self.group, g, y)
        return lifting_scores(self.encoding, self, q, k, x, y)


@singledispatch
def lifting_scores(
    encoding: Encoding, layer: Naive, q: Tensor, k: Tensor, x: Tensor, y: Tensor
) -> Tensor:
    """Scores of queries at `x` and keys at `y`, in the frame of `g`; adds vectors to the keys."""
    return vector_scores(layer, q, k, y[None] - x[:, None], 0)


@lifting_scores.register
def _(encoding: Rotary, layer: Naive, q: Tensor, k: Tensor, x: Tensor, y: Tensor) -> Tensor:
    return torch.einsum("bnxd,bnyd->bnxy", R(encoding, x, q), R(encoding, y, k))


class NaiveGroupSelfAttention(Naive):
    """[LoRA-GSA] section 5, with `L_g[rho]((x, h1), (y, h)) = rho(g^-1 (y - x), h1^-1 h)`.

    out(x, g) = phi_out sum_(y,h) softmax_(y,h)(
                    <q(x, g), phi_key(f(y, h) + L_g[rho]((x, g), (y, h)))> / sqrt(d)) v(y, h)

    Summed over orientations, [RC]: `phi_out sum_h1` of the same with `h1` for `g` in `q` and in the
    pair `(x, g)`.

    Rotary: `<q(x, g), R(g^-1 (y - x)) P(g^-1 h) k(y, h)> + offset(x, g)_(g^-1 h)`, where `offset`
    is the last |G| channels of a head of the query. Summed over orientations:
    `<q(x, h1), R(g^-1 (y - x)) P((g^-1 h) (g^-1 h1)^-1) k(y, h)> + offset(x, h1)_(h1^-1 h)`, with
    the two orientations as they look from the frame of `g`. In C_N, D1 and D2, whose elements
    commute, that is `P(h1^-1 h)`; elsewhere only it has a common frame for all tokens.
    """

    def forward(self, lifted: Tensor) -> Tensor:
        coarse = pooled(lifted, self.kv_pool)
        q, k, v = self.q_proj(lifted), self.k_proj(coarse), self.v_proj(coarse)
        return self.out_proj(in_windows(self.attend, self.window, q, k, v))

    def attend(self, query: Tensor, key: Tensor, value: Tensor) -> Tensor:
        size, elements = tuple(query.shape[2:4]), self.group.elements
        x, y = positions(size, 1, query), positions(key.shape[2:4], self.kv_pool, key)
        q, k, v = (split_heads(t, self.heads) for t in (query, key, value))
        if self.sum_orientations:
            terms = [[(g, h1) for g in elements] for h1 in elements]
        else:
            terms = [[(g, g) for g in elements]]
        out = 0.0
        for term in terms:
            scores = torch.stack([self.scores(q, k, g, h1, x, y) for g, h1 in term], dim=2)
            out = out + attention(scores / math.sqrt(q.shape[-1]), v)
        return join_heads(out, size)

    def scores(self, q: Tensor, k: Tensor, g: int, h1: int, x: Tensor, y: Tensor) -> Tensor:
        """Scores of queries at `h1` and every key in the frame of `g`: `(B, heads, N, G, M)`."""
        x, y = in_own_frame(self.group, g, x), in_own_frame(self.group, g, y)
        return group_scores(self.encoding, self, q[:, :, h1], k, g, h1, x, y)


@singledispatch
def group_scores(
    encoding: Encoding, layer: Naive, q: Tensor, k: Tensor, g: int, h1: int, x: Tensor, y: Tensor
) -> Tensor:
    """Scores of queries `(B, heads, N, d)` at orientation `h1`; adds vectors to the keys."""
    group, d = layer.group, y[None] - x[:, None]
    each = [vector_scores(layer, q, k[:, :, h], d, group.relative[h1][h]) for h in group.elements]
    return torch.stack(each, dim=3)


@group_scores.register
def _(encoding: NoEncoding, layer: Naive, q: Tensor, k: Tensor, *_) -> Tensor:
    return torch.einsum("bnxd,bnhyd->bnxhy", q, k)


@group_scores.register
def _(
    encoding: Rotary, layer: Naive, q: Tensor, k: Tensor, g: int, h1: int, x: Tensor, y: Tensor
) -> Tensor:
    """Scores with the keys embedded separately in every frame."""
    group, relative = layer.group, layer.group.relative
    q, offset = q.split((k.shape[-1], q.shape[-1] - k.shape[-1]), dim=-1)
    keys = []
    for h in group.elements:
        u = group.compose(relative[g][h], group.inverse(relative[g][h1]))  # (g^-1h)(g^-1h1)^-1
        keys.append(P(encoding, u, k[:, :, h]))
    q, k = R(encoding, x, q), R(encoding, y, torch.stack(keys, dim=2))
    scores = torch.einsum("bnxd,bnhyd->bnxhy", q, k)
    # C1 has no offset: it would be the same constant for all keys.
    return scores + offset[..., relative[h1], None] if offset.shape[-1] else scores


class NaiveGroupConvSelfAttention(Naive):
    """[GCSA] eq. 2-4: `Q = W_Q * F`, `K = W_K * F`, `V = W_V * F`; no position encoding.

    `W *` is a depthwise group convolution and a linear map. `kv_conv` holds the filters of `W_K`,
    then those of `W_V`.

    out(x, g) = sum_(y,h) softmax_(y,h)(<Q(x, g), K(y, h)> / sqrt(d)) V(y, h)
    """

    def forward(self, lifted: Tensor) -> Tensor:
        q = self.q_proj(self.q_conv(lifted))
        k, v = self.kv_conv(pooled(lifted, self.kv_pool)).split(self.dim, dim=4)
        k, v = self.k_proj(k), self.v_proj(v)
        return self.out_proj(in_windows(self.attend, self.window, q, k, v))

    def attend(self, query: Tensor, key: Tensor, value: Tensor) -> Tensor:
        q, k, v = (split_heads(t, self.heads) for t in (query, key, value))
        scores = torch.einsum("bngxd,bnhyd->bngxhy", q, k) / math.sqrt(q.shape[-1])
        return join_heads(attention(scores, v), tuple(query.shape[2:4]))


NAIVE = {
    LiftingConv: NaiveLiftingConv,
    GroupConv: NaiveGroupConv,
    LiftingSelfAttention: NaiveLiftingSelfAttention,
    GroupSelfAttention: NaiveGroupSelfAttention,
    GroupConvSelfAttention: NaiveGroupConvSelfAttention,
}
