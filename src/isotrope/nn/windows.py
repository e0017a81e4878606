"""Windows that tile a grid (the `N(x)` of [GCSA] eq. 3), and means of neighboring positions."""

# torch leaves some of its functions untyped, such as `unflatten` and `split`:
# pyright: reportUnknownMemberType=false, reportUnknownVariableType=false
# pyright: reportUnknownArgumentType=false
from __future__ import annotations

from jaxtyping import Float, Shaped
from torch import Tensor

from isotrope.nn.conv import to_lifted, to_planes
from isotrope.nn.fast.pooling import square_means


def split_windows(
    lifted: Shaped[Tensor, "B G H W C"], window: int
) -> Shaped[Tensor, "tiles G {window} {window} C"]:
    """`(B, G, H, W, C)` -> `(B * windows, G, window, window, C)`; the windows tile the grid.

    Raises:
        ValueError: a grid that windows of this side do not tile.
    """
    rows, columns = lifted.shape[2:4]
    if rows % window or columns % window:
        raise ValueError(
            f"a {rows}x{columns} grid is not tiled by windows of {window}, and a turn would cut "
            f"it elsewhere; resize to multiples of {window} positions or pass window=None"
        )
    tiles = lifted.unflatten(3, (-1, window)).unflatten(2, (-1, window))
    return tiles.permute(0, 2, 4, 1, 3, 5, 6).flatten(0, 2)


def join_windows(
    tiles: Shaped[Tensor, "tiles G window window C"], size: tuple[int, int]
) -> Shaped[Tensor, "B G {size[0]} {size[1]} C"]:
    """The inverse of `split_windows` for a grid of `size`."""
    window = tiles.shape[2]
    down, across = size[0] // window, size[1] // window
    return (
        tiles.unflatten(0, (-1, down, across))
        .permute(0, 3, 1, 4, 2, 5, 6)
        .flatten(4, 5)
        .flatten(2, 3)
    )


def pool_positions(
    lifted: Float[Tensor, "B G H W C"], pool: int, name: str = "kv_pool"
) -> Float[Tensor, "B G H//{pool} W//{pool} C"]:
    """Means of `pool x pool` positions: `(B, G, H, W, C)` -> `(B, G, H/pool, W/pool, C)`.

    Raises:
        ValueError: a grid that squares of this side do not tile; the message names `name`.
    """
    rows, columns = lifted.shape[2:4]
    if rows % pool or columns % pool:
        raise ValueError(
            f"a {rows}x{columns} grid is not tiled by {name}={pool}, and a turn would pool other "
            f"positions together; resize to multiples of {pool} positions or pass {name}=1"
        )
    if pool == 1:
        return lifted
    if lifted.is_contiguous():
        planes = lifted.flatten(0, 1).permute(0, 3, 1, 2)  # still channels last in memory
        means = square_means(planes, pool).permute(0, 2, 3, 1)
        return means.unflatten(0, lifted.shape[:2])
    # The order in memory that convolutions leave is kept: with gradients in another order than the
    # signal's, the backward pass of an activation before this takes 15 times as long on a CPU.
    return to_lifted(square_means(to_planes(lifted), pool), lifted.shape[1])
