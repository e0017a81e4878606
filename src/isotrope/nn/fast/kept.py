"""Tables that no weight changes are kept. The plain twin makes them anew for every call.

An encoding of positions or a turn of a filter is the same for every image of a size; on small
images, computing it would take longer than the layer itself.
"""

from __future__ import annotations

from collections.abc import Callable, Hashable
from typing import Any, Generic, TypeVar

import torch

from isotrope.nn.fast.switch import enabled

V = TypeVar("V")


class Kept(Generic[V]):
    """Values by key, such as a size, a dtype and a device; each is made when first asked for.

    Safe between threads: a value is complete before one assignment makes it visible, so that a
    thread finds a whole value or none. Two threads may both make a value; the results are equal.

    Copies and pickles begin empty. Not buffers: transformers builds models on the meta device and
    leaves non-persistent buffers uninitialized.

    Args:
        limit: values to keep; above it all are dropped, since sizes of images may be many.
    """

    def __init__(self, limit: int = 64) -> None:
        self._limit = limit
        self._values: dict[Hashable, V] = {}  # never changed in place

    def get(self, key: Hashable, make: Callable[[], V]) -> V:
        """The value of `key`: `make()`, or what it gave before."""
        if torch.compiler.is_compiling() or not enabled():  # a trace can keep nothing
            return make()
        values = self._values
        if key in values:
            return values[key]
        with torch.inference_mode(False), torch.no_grad():  # for later passes of any mode
            value = make()
        self._values = {**(values if len(values) < self._limit else {}), key: value}
        return value

    def clear(self) -> None:
        """Drops every value."""
        self._values = {}

    def __deepcopy__(self, memo: dict[int, Any]) -> Kept[V]:
        return Kept(self._limit)

    def __reduce__(self) -> tuple[type[Kept[V]], tuple[int]]:
        return Kept, (self._limit,)
