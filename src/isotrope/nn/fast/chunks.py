"""A large batch goes through a layer a few images at a time. The plain twin takes it whole.

So what lies between two products stays in the cache of a CPU. For a large batch it would be fresh
memory each time, which costs as much as the products.
"""

# torch leaves some of its functions untyped, such as `unflatten` and `split`:
# pyright: reportUnknownMemberType=false, reportUnknownVariableType=false
# pyright: reportUnknownArgumentType=false
from __future__ import annotations

from collections.abc import Callable

import torch
from torch import Tensor, nn

from isotrope.nn.fast.switch import enabled

AT_ONCE = 2**18
"""Values of a signal to take in one go, in inference on a CPU: those of a few images."""


def in_chunks(
    function: Callable[[Tensor], Tensor], signal: Tensor, images: int | None = None
) -> Tensor:
    """`function(signal)` of a function that treats each image alone; `images` at a time."""
    if images is None:
        return plain_whole(function, signal)
    return torch.cat([function(part) for part in signal.split(images)])


def plain_whole(function: Callable[[Tensor], Tensor], signal: Tensor) -> Tensor:
    """The whole batch."""
    return function(signal)


def images_at_once(layer: nn.Module, signal: Tensor) -> int | None:
    """Images that `layer` should take in one go, at its inner modules; `None`: all of them.

    All where gradients are wanted, in a trace, on an accelerator, and where a hook watches an inner
    module: an audit wants to see the whole batch.
    """
    if torch.is_grad_enabled() or torch.compiler.is_compiling():
        return None
    if signal.numel() <= AT_ONCE or signal.device.type != "cpu" or not enabled():
        return None
    inner = (module for child in layer.children() for module in child.modules())
    if any(m._forward_hooks or m._forward_pre_hooks for m in inner):  # pyright: ignore[reportPrivateUsage]
        return None
    return max(1, len(signal) * AT_ONCE // signal.numel())
