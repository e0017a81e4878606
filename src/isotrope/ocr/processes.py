"""Recreate, in each process, resources that survive neither a fork nor a pickle.

A fork copies only one thread. In the child, an onnxruntime session waits forever for its other
threads, at the latest when it is closed, and so does torch when it computes. `multiprocessing` ends
its children by `os._exit`; a child of a bare `os.fork` should too, as onnxruntime 1.32 hangs in
`sys.exit` of a forked child that never even opened a session.
"""

from __future__ import annotations

import ctypes
import os
from collections.abc import Callable
from types import ModuleType
from typing import Generic, TypeVar
from weakref import WeakSet

T = TypeVar("T")

_holders: WeakSet[PerProcess] = WeakSet()
_forked = False


class PerProcess(Generic[T]):
    """A per-process resource, made on first use, and again in a child or after unpickling.

    Copies share it. Threads may share it if they may share the resource; two threads that ask first
    may each make one, and either works.

    Args:
        make: Makes the resource; must be picklable, such as a `partial` of a module's function.
    """

    def __init__(self, make: Callable[[], T]) -> None:
        self._make = make
        self._made: T | None = None
        _holders.add(self)

    def get(self) -> T:
        """The resource of this process. Call it at once to learn at once whether it can be made."""
        made = self._made
        if made is None:
            self._made = made = self._make()
        return made

    def __copy__(self) -> PerProcess[T]:
        return self

    def __deepcopy__(self, memo: dict) -> PerProcess[T]:
        return self

    def __getstate__(self) -> dict:
        return {"_make": self._make}

    def __setstate__(self, state: dict) -> None:
        self._make, self._made = state["_make"], None
        _holders.add(self)

    def _leave(self) -> None:
        """Forget the parent's resource. It must never be closed here: its threads stayed behind."""
        if self._made is not None:
            ctypes.pythonapi.Py_IncRef(ctypes.py_object(self._made))
        self._made = None


def settle(torch: ModuleType) -> None:
    """Make torch use one thread if this process is a forked child."""
    if _forked and torch.get_num_threads() > 1:
        torch.set_num_threads(1)


def _after_fork() -> None:
    global _forked
    _forked = True
    for holder in list(_holders):
        holder._leave()


if hasattr(os, "register_at_fork"):
    os.register_at_fork(after_in_child=_after_fork)
