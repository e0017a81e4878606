"""Attention with the relative vectors `rho` of `MLP` and `Table` added to the keys.

The scores `<q(x, g), W_k rho(g^-1 (y - x), g^-1 h)>` have the size of the attention matrix, but all
that is learned is one vector for each offset `y - x`. So a run of queries in one row of the grid is
multiplied by the vectors of the offsets that it meets, and the scores of a query are a window of
the result that moves by one column from a query to the next: a view, not a gather. The runs are
small enough for the cache, and neither pass ever holds the scores of all of them.
"""

from __future__ import annotations

from collections.abc import Iterator

import torch
import torch.nn.functional as F
from torch import Tensor, nn
from torch.autograd.function import FunctionCtx, once_differentiable

from isotrope.nn.position import RelativeVectors

SCORES_AT_ONCE = {"cpu": 2**20}
"""Relative scores of one run of queries, by device: on a CPU they should stay in its cache."""
SCORES_AT_ONCE_ELSEWHERE = 2**24


def relative_attention(
    query: Tensor,
    key: Tensor,
    value: Tensor,
    encoding: RelativeVectors,
    k_proj: nn.Module,
    size: tuple[int, int],
    *,
    pool: int = 1,
    shift: int = 0,
) -> Tensor:
    """[LoRA-GSA] section 5: softmax jointly over `(y, h)` with `rho` added to the keys.

        A(x, g; y, h) = softmax_(y,h) <q(x, g), k(y, h) + W_k rho((g s)^-1 (y - x), g^-1 h)>/sqrt(d)
        out(x, g) = sum_(y,h) A(x, g; y, h) v(y, h)

    Args:
        query: `(B, heads, |G|, N, d)` on a grid of `size`; `(B, heads, 1, N, d)` if all
            orientations share it (lifting).
        key: as `value`, `(B, heads, |G|, N / pool^2, d)`, each in the middle of `pool x pool`
            positions; `(B, heads, 1, ..)` for an encoding with `lifting`.
        k_proj: `W_k`; its bias is in `key` already.
        shift: the element `s` (see `isotrope.nn.position`).

    Returns:
        `(B, heads, |G|, N, d)`.
    """
    grid = (size[0] // pool, size[1] // pool)
    table = relative_keys(encoding, k_proj, query.shape[1], size, pool, shift).to(query.dtype)
    query = query.expand(-1, -1, encoding.group.order, -1, -1) * query.shape[-1] ** -0.5
    operands = (split_phases(query, grid, pool), by_column(key, grid), by_column(value, grid))
    # Tracing goes through the plain form: autograd then stores the scores of every run.
    learns = torch.is_grad_enabled() and any(t.requires_grad for t in (*operands, table))
    plain = torch.compiler.is_compiling() or not learns
    attend = _attend if plain else _RelativeAttention.apply
    return join_phases(attend(*operands, table), grid, pool)


def relative_keys(
    encoding: RelativeVectors,
    k_proj: nn.Module,
    heads: int,
    size: tuple[int, int],
    pool: int = 1,
    shift: int = 0,
) -> Tensor:
    """`W_k rho((g s)^-1 (y - x), g^-1 h)`: `(heads, |G| pool^2, 2W-1, 2H-1, |G| or 1, d)`.

    `H x W` is the grid of keys. The queries at one place within `pool x pool` positions, a phase,
    meet it at whole steps, so that each phase is a frame of its own.
    """
    group = encoding.group
    rho = encoding.vectors(size, pool)
    # phi_key(f + rho) = phi_key(f) + W_k rho: the bias of phi_key is in phi_key(f) already. Called
    # as a module, so that an adapter on k_proj acts on rho too, as [LoRA-GSA] eq. 12 has it.
    keys = k_proj(rho) - k_proj(torch.zeros_like(rho[:1, :1, :1]))
    frames = [keys[group.compose(g, shift)] for g in group.elements]
    if not encoding.lifting:  # from orientations g^-1 h to h
        relative = torch.tensor(group.relative, device=rho.device)
        frames = [frame.index_select(1, u) for frame, u in zip(frames, relative, strict=True)]
    rows, columns = (2 * n // pool - 1 for n in size)
    keys = torch.stack(frames).unflatten(3, (heads, -1))
    keys = keys.unflatten(1, (rows, pool, columns, pool))
    # The later a query in its pool x pool positions, the earlier the offsets it meets.
    return keys.flip(2, 4).permute(6, 0, 2, 4, 3, 1, 5, 7).flatten(1, 3)


def split_phases(query: Tensor, grid: tuple[int, int], pool: int) -> Tensor:
    """`(B, heads, G, N, d)` -> `(B, heads, G pool^2, N / pool^2, d)`."""
    places = query.unflatten(3, (grid[0], pool, grid[1], pool))
    return places.permute(0, 1, 2, 4, 6, 3, 5, 7).flatten(5, 6).flatten(2, 4)


def join_phases(phases: Tensor, grid: tuple[int, int], pool: int) -> Tensor:
    """The inverse of `split_phases`."""
    places = phases.unflatten(3, grid).unflatten(2, (-1, pool, pool))
    return places.permute(0, 1, 2, 5, 3, 6, 4, 7).flatten(3, 6)


def by_column(tokens: Tensor, grid: tuple[int, int]) -> Tensor:
    """`(B, heads, G, H*W, d)` -> `(B, heads, W*H*G, d)`: whole columns one after the other."""
    return tokens.unflatten(3, grid).permute(0, 1, 4, 3, 2, 5).flatten(2, 4)


def runs(query: Tensor, table: Tensor) -> Iterator[tuple[tuple, tuple]]:
    """The runs of queries within a row: where they are in `query`, and their offsets in `table`."""
    images, heads, frames = query.shape[:3]
    columns, rows = (n // 2 + 1 for n in table.shape[2:4])
    limit = SCORES_AT_ONCE.get(query.device.type, SCORES_AT_ONCE_ELSEWHERE)
    share = limit // (heads * frames * 2 * columns * rows * table.shape[4])
    # Many images before many columns: a wide run meets few offsets that its queries do not share.
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


def meet(query: Tensor, table: Tensor) -> tuple[Tensor, Tensor]:
    """A run's queries and the vectors of its offsets, ready for one product a head and frame.

    `(B, heads, F, n, d)`, `(heads, F, W+n-1, H, G, d)` -> `(heads, F, B*n, d)`,
    `(heads, F, (W+n-1)*H*G, d)`.
    """
    return query.permute(1, 2, 0, 3, 4).flatten(2, 3), table.flatten(2, 4)


def windows(scores: Tensor, queries: int, column: int) -> Tensor:
    """The keys' scores `(B, heads, F, n, W*H*G)`, a view of those with every offset of a run.

    Query `j` of `n` meets the keys of column `X` at offset `X + n-1 - j`. In memory each query thus
    begins one column (`H*G` scores) before the end of the one before.
    """
    heads, frames, rows, offsets = scores.shape
    keys = offsets - (queries - 1) * column
    image, head = queries * offsets, frames * rows * offsets
    strides = (image, head, rows * offsets, offsets - column, 1)
    shape = (rows // queries, heads, frames, queries, keys)
    return scores.as_strided(shape, strides, (queries - 1) * column)


def _relative_scores(query: Tensor, table: Tensor) -> Tensor:
    """`<q(x, g), W_k rho>` of a run of queries: `(B, heads, F, n, W*H*G)`."""
    rows, vectors = meet(query, table)
    return windows(rows @ vectors.mT, query.shape[3], table.shape[3] * table.shape[4])


def _attend(query: Tensor, key: Tensor, value: Tensor, table: Tensor) -> Tensor:
    """Of queries `(B, heads, F, N, d)` to keys and values `(B, heads, W*H*G, d)`, run by run."""
    out = torch.empty_like(query)
    for at, offsets in runs(query, table):
        here, run = at[0], query[at]
        bias = _relative_scores(run, table[offsets]).flatten(2, 3)
        attended = F.scaled_dot_product_attention(
            run.flatten(2, 3), key[here], value[here], attn_mask=bias, scale=1.0
        )
        out[at] = attended.view(run.shape)
    return out


class _RelativeAttention(torch.autograd.Function):
    """`_attend`, whose backward pass computes the scores of each run again.

    Autograd would store them all, and a bias with a gradient loses the fused kernel.
    """

    @staticmethod
    def forward(query: Tensor, key: Tensor, value: Tensor, table: Tensor) -> Tensor:
        return _attend(query, key, value, table)

    @staticmethod
    def setup_context(ctx: FunctionCtx, inputs: tuple, output: Tensor) -> None:
        ctx.save_for_backward(*inputs, output)

    @staticmethod
    @once_differentiable
    def backward(ctx: FunctionCtx, d_out: Tensor) -> tuple[Tensor, ...]:
        *inputs, out = ctx.saved_tensors
        query, key, value, table = inputs
        # Summed over the runs, in float32 at least.
        sums = [
            t.new_zeros(t.shape, dtype=torch.promote_types(t.dtype, torch.float32)) for t in inputs
        ]
        d_query, d_key, d_value, d_table = sums
        for at, offsets in runs(query, table):
            here, run, vectors = at[0], query[at], table[offsets]
            q, o, d_o = (t.flatten(2, 3) for t in (run, out[at], d_out[at]))
            scores = (q @ key[here].mT).view(*run.shape[:4], -1)
            weights = scores.add_(_relative_scores(run, vectors)).softmax(-1).flatten(2, 3)
            # d softmax: ds = A (dA - sum A dA), and sum A dA = <out, d_out>.
            d_scores = (d_o @ value[here].mT).sub_((o * d_o).sum(-1, keepdim=True)).mul_(weights)
            d_value[here] += weights.mT @ d_o
            d_key[here] += d_scores.mT @ q
            d_run, d_vectors = _relative_gradients(d_scores.view_as(scores), run, vectors)
            d_query[at] = d_run.add_((d_scores @ key[here]).view_as(run))
            d_table[offsets] += d_vectors
        return tuple(d.to(t.dtype) for d, t in zip(sums, inputs, strict=True))


def _relative_gradients(d_scores: Tensor, query: Tensor, table: Tensor) -> tuple[Tensor, Tensor]:
    """The gradients of `query` and `table` from that of `_relative_scores(query, table)`."""
    rows, vectors = meet(query, table)
    d_all = rows.new_zeros(*rows.shape[:3], vectors.shape[2])
    windows(d_all, query.shape[3], table.shape[3] * table.shape[4]).copy_(d_scores)
    d_query = (d_all @ vectors).unflatten(2, (-1, query.shape[3])).permute(2, 0, 1, 3, 4)
    return d_query, (d_all.mT @ rows).view(table.shape)
