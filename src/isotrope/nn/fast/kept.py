"""Cache tables that do not depend on weights. The plain twin computes them for every call.

The tables of a position encoding or a filter turn are the same for all images of one size; on small
images, computing them would take longer than the layer itself.
"""

from __future__ import annotations

from collections.abc import Callable, Hashable
from typing import Any, Generic, TypeVar

import torch

from isotrope.nn.fast.switch import enabled

V = TypeVar("V")


class Kept(Generic[V]):
    """Cached values by key, such as a size, a dtype and a device; each is made on first use.

    Thread-safe: a value is complete before an assignment makes it visible, so that a thread finds
    a whole value or none. Two threads may both make a value; the results are equal.

    Copies and pickles start empty. Not buffers: transformers builds models on the meta device and
    leaves non-persistent buffers uninitialized.

    Args:
        limit: number of values to keep. A further value drops all others, since there may be many
            image sizes.
    """

    def __init__(self, limit: int = 64) -> None:
        self._limit = limit
        self._values: dict[Hashable, V] = {}  # replaced, never modified

    def get(self, key: Hashable, make: Callable[[], V]) -> V:
        """The value of `key`: the cached one, or `make()`."""
        if torch.compiler.is_compiling() or not enabled():  # a trace cannot cache
            return make()
        values = self._values
        if key in values:
            return values[key]
        with torch.inference_mode(False), torch.no_grad():  # usable in later passes of any mode
            value = make()
        self._values = {**(values if len(values) < self._limit else {}), key: value}
        return value

    def clear(self) -> None:
        """Drop every value."""
        self._values = {}

    def __deepcopy__(self, memo: dict[int, Any]) -> Kept[V]:
        return Kept(self._limit)

    def __reduce__(self) -> tuple[type[Kept[V]], tuple[int]]:
        return Kept, (self._limit,)
