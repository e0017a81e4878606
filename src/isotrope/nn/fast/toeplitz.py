"""Relative scores as a moving window. The plain twin gathers the vector of every pair.

The only learned values are one vector for each offset `y - x`. A run of queries in one row of the
grid is multiplied by the vectors of the offsets it needs. The scores of a query are then a window
of the result that moves by one column from one query to the next: a view of a Toeplitz matrix,
without a gather. `isotrope.nn.fast.relative` processes a grid run by run.
"""

# torch leaves some of its functions untyped, such as `unflatten` and `split`:
# pyright: reportUnknownMemberType=false, reportUnknownVariableType=false
# pyright: reportUnknownArgumentType=false
from __future__ import annotations

import torch
from jaxtyping import Float
from torch import Tensor


def relative_scores(
    query: Float[Tensor, "B heads F n d"], table: Float[Tensor, "heads F across H G d"]
) -> Float[Tensor, "B heads F n keys"]:
    """`<q(x, g), W_k rho>` of a run of queries and whole key columns: `(B, heads, F, n, W*H*G)`.

    Args:
        query: `(B, heads, F, n, d)`: `n` queries side by side, in F frames.
        table: `(heads, F, W+n-1, H, G, d)`: the vectors of the offsets to the W columns of keys.
    """
    rows, vectors = as_matrices(query, table)
    return windows(rows @ vectors.mT, query.shape[3], table.shape[3] * table.shape[4])


def plain_relative_scores(
    query: Float[Tensor, "B heads F n d"], table: Float[Tensor, "heads F across H G d"]
) -> Float[Tensor, "B heads F n keys"]:
    """The same scores by a gather: query `j` of `n` sees key column `X` at offset `X + n-1 - j`."""
    n = query.shape[3]
    columns = table.shape[2] - n + 1
    of_each = [table[:, :, n - 1 - j : n - 1 - j + columns].flatten(2, 4) for j in range(n)]
    return torch.einsum("bhfjd,jhfkd->bhfjk", query, torch.stack(of_each))


def relative_gradients(d_scores: Tensor, query: Tensor, table: Tensor) -> tuple[Tensor, Tensor]:
    """The gradients of `query` and `table` from the gradient of `relative_scores(query, table)`."""
    rows, vectors = as_matrices(query, table)
    d_all = rows.new_zeros(*rows.shape[:3], vectors.shape[2])
    windows(d_all, query.shape[3], table.shape[3] * table.shape[4]).copy_(d_scores)
    d_query = (d_all @ vectors).unflatten(2, (-1, query.shape[3])).permute(2, 0, 1, 3, 4)
    return d_query, (d_all.mT @ rows).view(table.shape)


def as_matrices(query: Tensor, table: Tensor) -> tuple[Tensor, Tensor]:
    """A run's queries and the vectors of its offsets, for one product per head and frame.

    `(B, heads, F, n, d)`, `(heads, F, W+n-1, H, G, d)` -> `(heads, F, B*n, d)`,
    `(heads, F, (W+n-1)*H*G, d)`.
    """
    return query.permute(1, 2, 0, 3, 4).flatten(2, 3), table.flatten(2, 4)


def windows(scores: Tensor, queries: int, column: int) -> Tensor:
    """The scores of the keys, `(B, heads, F, n, W*H*G)`, as a view of those of all offsets.

    In memory, the window of each query starts one column (`H*G` scores) earlier in its row than the
    window of the query before it.
    """
    heads, frames, rows, offsets = scores.shape
    keys = offsets - (queries - 1) * column
    image, head = queries * offsets, frames * rows * offsets
    strides = (image, head, rows * offsets, offsets - column, 1)
    shape = (rows // queries, heads, frames, queries, keys)
    return scores.as_strided(shape, strides, (queries - 1) * column)
