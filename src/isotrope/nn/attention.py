"""Self-attention over lifted signals: `GroupSelfAttention` and `GroupConvSelfAttention`.

Every call goes through `scaled_dot_product_attention`, and no scores are stored. The softmax runs
jointly over positions and orientations `(y, h)`, so that each query's weights sum to one.
"""

# torch leaves some of its functions untyped, such as `unflatten` and `split`:
# pyright: reportUnknownMemberType=false, reportUnknownVariableType=false
# pyright: reportUnknownArgumentType=false
from __future__ import annotations

from functools import partial

import torch
from jaxtyping import Float
from torch import Tensor, nn

from isotrope.groups import Group
from isotrope.nn.conv import GroupConv, channel_major, check_centered, check_lifted
from isotrope.nn.encodings import Encoding, joint_attention, make_encoding
from isotrope.nn.windows import join_windows, pool_positions, split_windows


class LiftedAttention(nn.Module):
    """What the attention layers share: checked widths, projections, windows, pooling, heads."""

    takes, gives = "lifted", "lifted"

    def __init__(
        self,
        dim: int,
        heads: int,
        group: Group,
        window: int | None = None,
        key_dim: int | None = None,
        kv_pool: int = 1,
    ) -> None:
        super().__init__()
        if heads < 1:
            raise ValueError(f"heads={heads} is not a number of heads; use 1 or more")
        if dim % heads:
            near = heads * max(1, round(dim / heads))
            raise ValueError(f"dim={dim} is not divisible by heads={heads}; try dim={near}")
        if window is not None and window < 1:
            raise ValueError(
                f"window={window} is not a number of positions; use 1 or more, or None"
            )
        if kv_pool < 1:
            raise ValueError(f"kv_pool={kv_pool} is not a number of positions; use 1 or more")
        if window is not None and window % kv_pool:
            raise ValueError(
                f"window={window} is not a multiple of kv_pool={kv_pool}: its keys would be pooled "
                f"with a neighbour's; use window={window - window % kv_pool or kv_pool}"
            )
        self.dim, self.heads, self.group = dim, heads, group
        self.window, self.kv_pool = window, kv_pool
        self.q_proj = nn.Linear(dim, dim)
        self.k_proj = nn.Linear(dim, heads * (key_dim or dim // heads))
        self.v_proj = nn.Linear(dim, dim)
        self.out_proj = nn.Linear(dim, dim)

    def split_heads(
        self, lifted: Float[Tensor, "B G H W C"]
    ) -> Float[Tensor, "B {self.heads} G H*W C//{self.heads}"]:
        """`(B, G, H, W, heads*d)` -> `(B, heads, G, N, d)`."""
        return lifted.flatten(2, 3).unflatten(3, (self.heads, -1)).permute(0, 3, 1, 2, 4)

    def join_heads(
        self, heads: Float[Tensor, "B {self.heads} G N d"], size: tuple[int, int]
    ) -> Float[Tensor, "B G {size[0]} {size[1]} {self.heads}*d"]:
        """`(B, heads, G, N, d)` -> `(B, G, H, W, heads*d)`."""
        return heads.permute(0, 2, 3, 1, 4).flatten(3).unflatten(2, size)

    def extra_repr(self) -> str:
        return (
            f"dim={self.dim}, heads={self.heads}, group={self.group!r}, window={self.window}, "
            f"kv_pool={self.kv_pool}"
        )


class GroupSelfAttention(LiftedAttention):
    """Group self-attention with the corrected relative encoding, [LoRA-GSA] section 5.

        A(x, g; y, h) = softmax_(y,h) <q(x, g), k(y, h) + W_k rho(g^-1 (y - x), g^-1 h)> / sqrt(d)
        out(x, g) = W_out sum_(y,h) A(x, g; y, h) v(y, h)

    over the whole grid, or within windows. The query has the output's own orientation, as in [GCSA]
    eq. 3. `sum_orientations=True` is the literal form of [RC], which for each output `g` sums over
    the queries of every orientation `h1`, with `rho(g^-1 (y - x), h1^-1 h)`; it is |G| times more
    expensive. With Rotary on a group whose elements do not commute (D_N), that sum is equivariant
    too, but sees `(g^-1 h) (g^-1 h1)^-1` in place of `h1^-1 h`.

    Maps `(B, |G|, H, W, dim)` to the same shape.

    Args:
        encoding: `None`, "mlp", "table", "rotary", or a module of `isotrope.nn.encodings`.
        window: side of the windows in positions; the grid must be tiled by them. `None`: the grid.
        kv_pool: keys and values come from `F` averaged over `kv_pool x kv_pool` positions, and sit
            in the middle of these; this makes the attention `kv_pool^2` times cheaper.

    Raises:
        ValueError: a width that the heads or the encoding do not divide, an encoding of another
            group or width, no encoding with `sum_orientations`, a grid that the windows or
            `kv_pool` do not tile, or a signal of another group or width.
    """

    def __init__(
        self,
        dim: int,
        heads: int,
        *,
        group: Group,
        encoding: str | Encoding | None = "rotary",
        window: int | None = None,
        sum_orientations: bool = False,
        kv_pool: int = 1,
    ) -> None:
        if encoding is None and sum_orientations:
            raise ValueError(
                "encoding=None with sum_orientations=True would make every orientation equal; "
                "use 'mlp', 'table' or 'rotary', or sum_orientations=False"
            )
        head_dim = dim // max(1, heads)
        encoding = make_encoding(encoding, dim, head_dim, group)
        super().__init__(dim, heads, group, window, encoding.key_dim_of(head_dim), kv_pool)
        self.encoding, self.sum_orientations = encoding, sum_orientations

    def forward(self, lifted: Float[Tensor, "B G H W C"]) -> Float[Tensor, "B G H W C"]:
        check_lifted(lifted, self.dim, self.group)
        if self.window is None:
            return self.attend(lifted)
        size = (lifted.shape[2], lifted.shape[3])
        return join_windows(self.attend(split_windows(lifted, self.window)), size)

    def attend(self, lifted: Float[Tensor, "B G H W C"]) -> Float[Tensor, "B G H W C"]:
        """Attention within one window or the whole grid."""
        size = (lifted.shape[2], lifted.shape[3])
        pooled = pool_positions(lifted, self.kv_pool)
        q = self.split_heads(self.q_proj(lifted))  # (B, heads, G, N, d)
        k, v = self.split_heads(self.k_proj(pooled)), self.split_heads(self.v_proj(pooled))
        if not self.sum_orientations:
            out = self.encoding.attend(q, k, v, self.k_proj, size, pool=self.kv_pool)
            return self.out_proj(self.join_heads(out, size))
        total = torch.zeros_like(q, dtype=v.dtype)
        for s in self.group.elements:
            # Queries at h1, seen in the frame h1 s, contribute to the output at g = h1 s.
            g = torch.tensor([self.group.compose(h1, s) for h1 in self.group.elements])
            share = self.encoding.attend(q, k, v, self.k_proj, size, pool=self.kv_pool, shift=s)
            total = total.index_add(2, g.to(v.device), share.to(v.dtype))
        return self.out_proj(self.join_heads(total, size))


class GroupConvSelfAttention(LiftedAttention):
    """Group convolutional self-attention (G-CSA), [GCSA] eq. 2-4.

        Q = W_Q * F,  K = W_K * F,  V = W_V * F
        out(x, g) = sum_(y,h) softmax_(y,h)(<Q(x, g), K(y, h)> / sqrt(d)) V(y, h)

    `W *` is a depthwise `GroupConv` followed by a linear map. The convolution carries the position;
    there is no position encoding. Attends over the whole grid or within windows; the convolutions
    always see the whole grid.

    Maps `(B, |G|, H, W, dim)` to the same shape.

    Args:
        kv_pool: keys and values come from `F` averaged over `kv_pool x kv_pool` positions, which
            makes the attention `kv_pool^2` times cheaper.

    Raises:
        ValueError: an even kernel (not centered on a position), a width that the heads do not
            divide, a grid that the windows or `kv_pool` do not tile, or a signal of another group
            or width.
    """

    def __init__(
        self,
        dim: int,
        heads: int,
        *,
        group: Group,
        kernel_size: int = 3,
        window: int | None = None,
        kv_pool: int = 1,
    ) -> None:
        super().__init__(dim, heads, group, window, kv_pool=kv_pool)
        check_centered(kernel_size)
        filters = partial(
            GroupConv,
            kernel_size=kernel_size,
            padding=kernel_size // 2,
            group=group,
            depthwise=True,
            bias=False,
        )
        self.q_conv, self.kv_conv = filters(dim, dim), filters(dim, 2 * dim)
        self._begin_alike()

    @torch.no_grad()
    def _begin_alike(self) -> None:
        """Start queries and keys as the same map, so that a token first attends to similar ones.

        With independent maps the softmax starts out nearly flat, and every position gets the mean
        of all values: the model learns later and worse (docs/results/classification.md).
        """
        nn.init.orthogonal_(self.q_proj.weight)
        self.k_proj.weight.copy_(self.q_proj.weight)
        self.kv_conv.weight[: self.dim].copy_(self.q_conv.weight)

    def forward(self, lifted: Float[Tensor, "B G H W C"]) -> Float[Tensor, "B G H W C"]:
        check_lifted(lifted, self.dim, self.group)
        size = (lifted.shape[2], lifted.shape[3])
        if self.kv_pool == 1:
            lifted = channel_major(lifted)
        q = self.q_proj(self.q_conv(lifted))
        k, v = self.kv_conv(pool_positions(lifted, self.kv_pool)).chunk(2, dim=-1)
        k, v = self.k_proj(k), self.v_proj(v)
        if self.window is None:
            return self.out_proj(self._joint(q, k, v))
        window, pooled = self.window, self.window // self.kv_pool
        tiles = (split_windows(t, w) for t, w in ((q, window), (k, pooled), (v, pooled)))
        return self.out_proj(join_windows(self._joint(*tiles), size))

    def _joint(self, q: Tensor, k: Tensor, v: Tensor) -> Tensor:
        size = (q.shape[2], q.shape[3])
        return self.join_heads(joint_attention(*map(self.split_heads, (q, k, v))), size)
