"""The error for images that cannot be read."""

from __future__ import annotations


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
