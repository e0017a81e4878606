"""The turned copies of a filter are kept between inferences. The plain twin turns it every time."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import torch
from torch import Tensor, nn

from isotrope.nn.fast.switch import enabled


def may_keep(weight: Tensor) -> bool:
    """Whether a bank may be kept: on a CPU, for a parameter that learns nothing at present.

    On an accelerator the comparison of weights would wait for it. Within `torch.func`, and under an
    adapter, the weight is no parameter: it may be another one in the next call.
    """
    if torch.compiler.is_compiling() or not enabled():
        return False
    learning = torch.is_grad_enabled() and weight.requires_grad
    return not learning and type(weight) is nn.Parameter and weight.device.type == "cpu"


class KeptBank:
    """A bank of turned filters, kept until the values of the weight change.

    Compared by value: an adapter merged through `weight.data` leaves address and version as they
    were. Safe between threads: weight and bank are one tuple, complete before it is assigned.
    Copies and pickles begin empty.
    """

    def __init__(self) -> None:
        self._kept: tuple[Tensor, Tensor] | None = None

    def get(self, weight: Tensor, make: Callable[[Tensor], Tensor]) -> Tensor:
        """`make(weight)`, channels last in memory."""
        kept = self._kept  # read once: another thread may assign it meanwhile
        if kept is None or kept[0].dtype != weight.dtype or not torch.equal(kept[0], weight):
            # Not an inference tensor: a later pass may need gradients of what it filters.
            with torch.inference_mode(False), torch.no_grad():
                copy = weight.detach().clone()
                kept = copy, make(copy).contiguous(memory_format=torch.channels_last)
            self._kept = kept
        return kept[1]

    def holds(self, bank: Tensor) -> bool:
        """Whether `bank` is the one that is kept, and so lies in memory channels last."""
        kept = self._kept
        return kept is not None and kept[1] is bank

    def drop(self) -> None:
        """Frees the bank, as training does."""
        self._kept = None

    def __deepcopy__(self, memo: dict[int, Any]) -> KeptBank:
        return KeptBank()

    def __reduce__(self) -> tuple[type[KeptBank], tuple[()]]:
        return KeptBank, ()
