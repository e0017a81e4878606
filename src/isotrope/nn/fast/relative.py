"""Attention with relative vectors, run by run. The plain twin stores the scores of all pairs.

The scores `<q(x, g), W_k rho(g^-1 (y - x), g^-1 h)>` have the size of the attention matrix. Here
queries are processed in runs small enough for the cache, each with a window of scores
(`isotrope.nn.fast.toeplitz`), and the backward pass recomputes the scores of each run: neither pass
ever holds the scores of all runs.
"""

# torch leaves some of its functions untyped, such as `unflatten` and `split`:
# pyright: reportUnknownMemberType=false, reportUnknownVariableType=false
# pyright: reportUnknownArgumentType=false
from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import torch
import torch.nn.functional as F
from jaxtyping import Float, Int
from torch import Tensor
from torch.autograd.function import once_differentiable

from isotrope.nn.fast.switch import enabled
from isotrope.nn.fast.toeplitz import relative_gradients, relative_scores

SCORES_AT_ONCE = {"cpu": 2**20}
"""Number of relative scores in one run of queries, by device: a CPU's should fit its cache."""
SCORES_AT_ONCE_ELSEWHERE = 2**24

Size = tuple[int, int]


def relative_attention(
    query: Float[Tensor, "B heads Gq N d"],
    key: Float[Tensor, "B heads Gk M d"],
    value: Float[Tensor, "B heads Gk M d"],
    vectors: Float[Tensor, "G offsets Gk heads d"],
    size: Size,
    pool: int = 1,
) -> Float[Tensor, "B heads G N d"]:
    """Softmax jointly over `(y, h)` with relative vectors added to the keys.

        A(x, g; y, h) = softmax_(y,h) <q(x, g), k(y, h) + r_g(y - x, h)> / sqrt(d)
        out(x, g) = sum_(y,h) A(x, g; y, h) v(y, h)

    Args:
        query: `(B, heads, |G|, N, d)` on a grid of `size`; `(B, heads, 1, N, d)` if all
            orientations share it (lifting).
        key, value: `(B, heads, |G| or 1, N / pool^2, d)`, each in the middle of `pool x pool`
            positions.
        vectors: `r`, `(|G| g, (2H-pool)(2W-pool), |G| h or 1, heads, d)`: one vector per offset, in
            unit steps, row by row.

    Returns:
        `(B, heads, |G|, N, d)`.
    """
    query = query.expand(-1, -1, len(vectors), -1, -1)
    if enabled():
        return relative_attention_in_runs(query, key, value, vectors, size, pool)
    return plain_relative_attention(query, key, value, vectors, size, pool)


def plain_relative_attention(
    query: Float[Tensor, "B heads Gq N d"],
    key: Float[Tensor, "B heads Gk M d"],
    value: Float[Tensor, "B heads Gk M d"],
    vectors: Float[Tensor, "G offsets Gk heads d"],
    size: Size,
    pool: int = 1,
) -> Float[Tensor, "B heads G N d"]:
    """The equation of `relative_attention`, with a vector for every pair."""
    r = vectors[:, index_of_offsets(size, pool, vectors.device)]  # (G g, N x, M y, G h, heads, d)
    content = torch.einsum("bngxd,bnhyd->bngxhy", query, key)
    position = torch.einsum("bngxd,gxyhnd->bngxhy", query, r.to(query.dtype))
    scores = (content + position) / query.shape[-1] ** 0.5
    weights = scores.flatten(4).softmax(dim=4).view_as(scores)
    return torch.einsum("bngxhy,bnhyd->bngxd", weights, value)


def index_of_offsets(size: Size, pool: int, device: torch.device) -> Int[Tensor, "N M"]:
    """The index of `y - x` among all offsets, row by row, for queries `x`, keys `y`: `(N, M)`."""
    axes = [
        pool * torch.arange(n // pool, device=device) - torch.arange(n, device=device)[:, None]
        for n in size
    ]
    down, across = (axis + n - 1 for axis, n in zip(axes, size, strict=True))  # from 0
    index = down[:, None, :, None] * (2 * size[1] - pool) + across[:, None]
    return index.flatten(2, 3).flatten(0, 1)


def relative_attention_in_runs(
    query: Float[Tensor, "B heads Gq N d"],
    key: Float[Tensor, "B heads Gk M d"],
    value: Float[Tensor, "B heads Gk M d"],
    vectors: Float[Tensor, "G offsets Gk heads d"],
    size: Size,
    pool: int = 1,
) -> Float[Tensor, "B heads G N d"]:
    """`plain_relative_attention`, run by run."""
    grid = (size[0] // pool, size[1] // pool)
    table = by_phase(vectors, size, pool).to(query.dtype)
    query = query * query.shape[-1] ** -0.5
    operands = (split_phases(query, grid, pool), by_column(key, grid), by_column(value, grid))
    # A trace follows the loop itself: autograd then stores the scores of every run.
    learns = torch.is_grad_enabled() and any(t.requires_grad for t in (*operands, table))
    traced = torch.compiler.is_compiling() or not learns
    attend = attend_in_runs if traced else AttentionInRuns.apply
    return join_phases(attend(*operands, table), grid, pool)


def by_phase(vectors: Tensor, size: Size, pool: int) -> Tensor:
    """The vectors in whole steps between keys: `(heads, |G| pool^2, 2W-1, 2H-1, |G| or 1, d)`.

    `H x W` is the grid of keys. All queries at the same place within their `pool x pool` positions
    (a phase) see the keys at offsets that differ by whole steps, so each phase is its own frame.
    """
    rows, columns = (2 * n // pool - 1 for n in size)
    vectors = vectors.unflatten(1, (rows, pool, columns, pool))
    # Later queries within their pool x pool positions have smaller offsets to their keys.
    return vectors.flip(2, 4).permute(6, 0, 2, 4, 3, 1, 5, 7).flatten(1, 3)


def split_phases(query: Tensor, grid: Size, pool: int) -> Tensor:
    """`(B, heads, G, N, d)` -> `(B, heads, G pool^2, N / pool^2, d)`."""
    places = query.unflatten(3, (grid[0], pool, grid[1], pool))
    return places.permute(0, 1, 2, 4, 6, 3, 5, 7).flatten(5, 6).flatten(2, 4)


def join_phases(phases: Tensor, grid: Size, pool: int) -> Tensor:
    """The inverse of `split_phases`."""
    places = phases.unflatten(3, grid).unflatten(2, (-1, pool, pool))
    return places.permute(0, 1, 2, 5, 3, 6, 4, 7).flatten(3, 6)


def by_column(tokens: Tensor, grid: Size) -> Tensor:
    """`(B, heads, G, H*W, d)` -> `(B, heads, W*H*G, d)`: column after column."""
    return tokens.unflatten(3, grid).permute(0, 1, 4, 3, 2, 5).flatten(2, 4)


Slices = tuple[slice, slice, slice, slice]


def runs(query: Tensor, table: Tensor) -> Iterator[tuple[Slices, Slices]]:
    """Runs of queries within a row: their slices of `query`, and of their offsets in `table`."""
    images, heads, frames = query.shape[:3]
    columns, rows = (n // 2 + 1 for n in table.shape[2:4])
    limit = SCORES_AT_ONCE.get(query.device.type, SCORES_AT_ONCE_ELSEWHERE)
    share = limit // (heads * frames * 2 * columns * rows * table.shape[4])
    # As many columns as the limit allows, then as many images.
    width = max(1, min(columns, share))
    step = max(1, share // width)
    for image in range(0, images, step):
        for row in range(rows):
            below = slice(rows - 1 - row, 2 * rows - 1 - row)
            for first in range(0, columns, width):
                last = min(first + width, columns)
                at = slice(row * columns + first, row * columns + last)
                across = slice(columns - last, 2 * columns - 1 - first)
                yield (
                    (slice(image, image + step), slice(None), slice(None), at),
                    (slice(None), slice(None), across, below),
                )


def attend_in_runs(
    query: Float[Tensor, "B heads F N d"],
    key: Float[Tensor, "B heads M d"],
    value: Float[Tensor, "B heads M d"],
    table: Float[Tensor, "heads F columns rows Gk d"],
) -> Float[Tensor, "B heads F N d"]:
    """Queries `(B, heads, F, N, d)` to keys and values `(B, heads, W*H*G, d)`, run by run."""
    out = torch.empty_like(query)
    for at, offsets in runs(query, table):
        here, run = at[0], query[at]
        bias = relative_scores(run, table[offsets]).flatten(2, 3)
        attended = F.scaled_dot_product_attention(
            run.flatten(2, 3), key[here], value[here], attn_mask=bias, scale=1.0
        )
        out[at] = attended.view(run.shape)
    return out


class AttentionInRuns(torch.autograd.Function):
    """`attend_in_runs` with a backward pass that recomputes the scores of each run.

    Autograd would store all scores, and a bias with a gradient disables the fused kernel.
    """

    @staticmethod
    def forward(query: Tensor, key: Tensor, value: Tensor, table: Tensor) -> Tensor:
        return attend_in_runs(query, key, value, table)

    @staticmethod
    def setup_context(ctx: Any, inputs: tuple[Tensor, ...], output: Tensor) -> None:
        ctx.save_for_backward(*inputs, output)

    @staticmethod
    @once_differentiable
    def backward(  # pyright: ignore[reportIncompatibleMethodOverride]
        ctx: Any, *grad_outputs: Tensor
    ) -> tuple[Tensor, ...]:
        (d_out,), (*inputs, out) = grad_outputs, ctx.saved_tensors
        query, key, value, table = inputs
        # Summed over the runs, in float32 or better.
        sums = [
            t.new_zeros(t.shape, dtype=torch.promote_types(t.dtype, torch.float32)) for t in inputs
        ]
        d_query, d_key, d_value, d_table = sums
        for at, offsets in runs(query, table):
            here, run, vectors = at[0], query[at], table[offsets]
            q, o, d_o = (t.flatten(2, 3) for t in (run, out[at], d_out[at]))
            scores = (q @ key[here].mT).view(*run.shape[:4], -1)
            weights = scores.add_(relative_scores(run, vectors)).softmax(-1).flatten(2, 3)
            # d softmax: ds = A (dA - sum A dA), and sum A dA = <out, d_out>.
            d_scores = (d_o @ value[here].mT).sub_((o * d_o).sum(-1, keepdim=True)).mul_(weights)
            d_value[here] += weights.mT @ d_o
            d_key[here] += d_scores.mT @ q
            d_run, d_vectors = relative_gradients(d_scores.view_as(scores), run, vectors)
            d_query[at] = d_run.add_((d_scores @ key[here]).view_as(run))
            d_table[offsets] += d_vectors
        return tuple(d.to(t.dtype) for d, t in zip(sums, inputs, strict=True))
