"""Bit for bit the same at every turn: work on the least copy of an image.

An equivariant network gives a turned image the turned output up to rounding: its sums run in
another order. What follows may depend on the last bit, such as which of two equal pixels a
watershed floods first. Here every turned copy of an image leads to the same copy, and to the same
bits. The accuracy is the network's; a network that is not equivariant becomes so too, but no
better.
"""

from __future__ import annotations

from collections.abc import Callable
from functools import reduce
from operator import add

import torch
from torch import Tensor

from isotrope.groups import Group
from isotrope.nn.orbit import check_exact


def least_turns(signal: Tensor, group: Group) -> list[int]:
    """The elements that turn a signal `(..., H, W)` into the least of its turned copies.

    Copies are compared by height, then value by value. Several elements lead to the least copy
    only if the signal is symmetric.

    Raises:
        ValueError: a group that turns between pixels, or NaN, which is neither less nor more.
    """
    if signal.isnan().any():
        raise ValueError("a value is NaN; look for NaN in the image and the weights")
    turned = {g: group.act_image(g, signal) for g in check_exact(group).elements}
    height = min(copy.shape[-2] for copy in turned.values())
    elements = [g for g, copy in turned.items() if copy.shape[-2] == height]
    values = torch.stack([turned[g].flatten() for g in elements])
    while len(values) > 1:
        differs = (values != values[0]).any(0)
        if not differs.any():
            break
        column = values[:, int(differs.int().argmax())]
        least = column == column.min()
        kept = [i for i in range(len(elements)) if bool(least[i])]
        values, elements = values[kept], [elements[i] for i in kept]
    return elements


def canonically(call: Callable[[Tensor], Tensor], image: Tensor, group: Group) -> Tensor:
    """`call(image)`, computed on the least copy of the image and turned back.

    `canonically(call, L_h image) == L_h canonically(call, image)` bit for bit, for any `call` that
    gives the same output for the same input. If the image is symmetric, the output is the mean over
    the elements that leave the image as it is, and so has the same symmetry.

    Args:
        call: maps `(C, H, W)` to maps `(K, H, W)` or `(H, W)`.
        image: `(C, H, W)`.

    Raises:
        ValueError: a group that turns between pixels, or NaN in the image.
    """
    turns = least_turns(image, group)
    back = group.inverse(turns[0])
    # Always the same memory layout: `call` may round differently in another.
    least = group.act_image(turns[0], image).clone(memory_format=torch.contiguous_format)
    out = call(least)
    alike = torch.stack([group.act_image(group.compose(g, back), out) for g in turns])
    if len(turns) > 1:  # summed in the order of the values, which no turn changes
        out = reduce(add, alike.sort(dim=0).values.unbind(0)) / len(turns)
    return group.act_image(back, out)
