"""The one switch between the fast forms and their plain twins."""

from __future__ import annotations

from collections.abc import Generator
from contextlib import contextmanager
from contextvars import ContextVar

import torch

_plain: ContextVar[bool] = ContextVar("isotrope.nn.plain", default=False)


@contextmanager
def plain() -> Generator[None]:
    """Within it every layer computes by its plain twins: slower, and simple to check against.

    Holds for the current thread or asyncio task alone; others go on as they were. Backward passes
    follow the forms that the forward pass took. Traces (`torch.compile`, `torch.export`) always
    take the forms that trace well.
    """
    token = _plain.set(True)
    try:
        yield
    finally:
        _plain.reset(token)


def enabled() -> bool:
    """Whether the fast forms may be taken here."""
    return torch.compiler.is_compiling() or not _plain.get()
