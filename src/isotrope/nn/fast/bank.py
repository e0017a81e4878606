"""Cache the turned copies of a filter between inferences. The plain twin turns it every time."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import torch
from torch import Tensor, nn

from isotrope.nn.fast.switch import enabled


def may_keep(weight: Tensor) -> bool:
    """Whether a bank may be cached: on a CPU, for a parameter that is not being trained.

    On an accelerator, comparing the weights would force a synchronization. Within `torch.func`, and
    under an adapter, the weight is not a parameter and may differ in the next call.
    """
    if torch.compiler.is_compiling() or not enabled():
        return False
    learning = torch.is_grad_enabled() and weight.requires_grad
    return not learning and type(weight) is nn.Parameter and weight.device.type == "cpu"


class KeptBank:
    """A bank of turned filters, cached until the values of the weight change.

    Weights are compared by value: merging an adapter through `weight.data` changes neither address
    nor version. Thread-safe: weight and bank are one tuple, complete before it is assigned.
    Copies and pickles start empty.
    """

    def __init__(self) -> None:
        self._kept: tuple[Tensor, Tensor] | None = None

    def get(self, weight: Tensor, make: Callable[[Tensor], Tensor]) -> Tensor:
        """`make(weight)`, channels last in memory, cached."""
        kept = self._kept  # read once: another thread may replace it
        if kept is None or kept[0].dtype != weight.dtype or not torch.equal(kept[0], weight):
            # Not an inference tensor: a later pass may need gradients through the filter.
            with torch.inference_mode(False), torch.no_grad():
                copy = weight.detach().clone()
                kept = copy, make(copy).contiguous(memory_format=torch.channels_last)
            self._kept = kept
        return kept[1]

    def holds(self, bank: Tensor) -> bool:
        """Whether `bank` is the cached one, and so has its channels last in memory."""
        kept = self._kept
        return kept is not None and kept[1] is bank

    def drop(self) -> None:
        """Free the bank, as happens in training."""
        self._kept = None

    def __deepcopy__(self, memo: dict[int, Any]) -> KeptBank:
        return KeptBank()

    def __reduce__(self) -> tuple[type[KeptBank], tuple[()]]:
        return KeptBank, ()
