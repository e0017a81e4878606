"""Pass a large batch through a layer a few images at a time. The plain twin takes it whole.

Intermediate results then stay in the CPU's cache. For a large batch they would need fresh memory
each time, which costs as much as the matrix products.
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
"""Number of signal values to process at once in inference on a CPU: a few images."""


def in_chunks(
    function: Callable[[Tensor], Tensor], signal: Tensor, images: int | None = None
) -> Tensor:
    """`function(signal)`, `images` at a time, for a function that treats each image separately."""
    if images is None:
        return plain_whole(function, signal)
    return torch.cat([function(part) for part in signal.split(images)])


def plain_whole(function: Callable[[Tensor], Tensor], signal: Tensor) -> Tensor:
    """`function(signal)` on the whole batch."""
    return function(signal)


def images_at_once(layer: nn.Module, signal: Tensor) -> int | None:
    """Number of images that the inner modules of `layer` should take at once; `None`: all.

    All of them with gradients, in a trace, on an accelerator, and if an inner module has a hook:
    an audit needs to see the whole batch.
    """
    if torch.is_grad_enabled() or torch.compiler.is_compiling():
        return None
    if signal.numel() <= AT_ONCE or signal.device.type != "cpu" or not enabled():
        return None
    inner = (module for child in layer.children() for module in child.modules())
    if any(m._forward_hooks or m._forward_pre_hooks for m in inner):  # pyright: ignore[reportPrivateUsage]
        return None
    return max(1, len(signal) * AT_ONCE // signal.numel())
