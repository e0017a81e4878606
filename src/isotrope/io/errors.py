"""The error for images that cannot be read."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager

TOO_LARGE = "too large for the memory at hand; make it smaller, cut it up, or free some memory"


class ImageError(ValueError):
    """An image cannot be read; the message says in one line which one, why, and what to do.

    Args:
        problem: What is wrong and what to do, without the name of the image.
        source: The file, or the position in a list, if known.
    """

    def __init__(self, problem: str, source: str | None = None):
        super().__init__(problem if source is None else f"{source}: {problem}")
        self.problem, self.source = problem, source

    def named(self, source: str) -> ImageError:
        """Return the same error naming `source`, unless it already names an image."""
        return self if self.source is not None else ImageError(self.problem, source)


@contextmanager
def enough_memory(source: str | None = None) -> Iterator[None]:
    """Report that the memory did not suffice as an `ImageError`, which names `source`."""
    try:
        yield
    except MemoryError as error:
        raise ImageError(TOO_LARGE, source) from error


def reason(error: BaseException) -> str:
    """What an error says, on one line; its type if it says nothing."""
    return " ".join(str(error).split()) or type(error).__name__
