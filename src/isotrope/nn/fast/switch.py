"""The switch between the fast forms and their plain twins."""

from __future__ import annotations

from collections.abc import Generator
from contextlib import contextmanager
from contextvars import ContextVar

import torch

_plain: ContextVar[bool] = ContextVar("isotrope.nn.plain", default=False)


@contextmanager
def plain() -> Generator[None]:
    """Make every layer use its plain twins in this context: slower, but a simple reference.

    Affects the current thread or asyncio task only. A backward pass uses the same forms as its
    forward pass. Traces (`torch.compile`, `torch.export`) always take the forms that trace well.
    """
    token = _plain.set(True)
    try:
        yield
    finally:
        _plain.reset(token)


def enabled() -> bool:
    """Whether the fast forms may be used here."""
    return torch.compiler.is_compiling() or not _plain.get()
