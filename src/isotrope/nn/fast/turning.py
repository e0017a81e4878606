"""All turns of a filter in one product. The plain twin turns it by one element after the other.

On an accelerator, one call per element would cost more than the convolution.
"""

# torch leaves some of its functions untyped, such as `unflatten` and `split`:
# pyright: reportUnknownMemberType=false, reportUnknownVariableType=false
# pyright: reportUnknownArgumentType=false
from __future__ import annotations

import torch
from jaxtyping import Float
from torch import Tensor

from isotrope.groups import Group
from isotrope.nn.fast.kept import Kept
from isotrope.nn.fast.switch import enabled


def all_turns(
    group: Group, weight: Float[Tensor, "*channels k k"], tables: Kept[Tensor]
) -> Float[Tensor, "*channels {group.order} k k"]:
    """`w(g^-1 x)` of filters `(..., k, k)` for every element: `(..., |G|, k, k)`."""
    if enabled():
        return turns_by_one_product(group, weight, tables)
    return plain_turns(group, weight)


def plain_turns(
    group: Group, weight: Float[Tensor, "*channels k k"]
) -> Float[Tensor, "*channels {group.order} k k"]:
    """Turn the filter by one element after the other."""
    return torch.stack([group.act_filter(g, weight) for g in group.elements], dim=-3)


def turns_by_one_product(
    group: Group, weight: Float[Tensor, "*channels k k"], tables: Kept[Tensor]
) -> Float[Tensor, "*channels {group.order} k k"]:
    """All turns by one matrix, cached in `tables`: a turn is linear in the filter."""
    side = weight.shape[-1]

    def matrix() -> Tensor:  # in float64 on the CPU: not every accelerator has float64
        return group.filter_turns(side).to(weight.dtype).to(weight.device)

    turned = weight.flatten(-2) @ tables.get((side, weight.dtype, weight.device), matrix)
    return turned.unflatten(-1, (group.order, side, side))
