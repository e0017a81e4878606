"""What is wrong with an image."""

from __future__ import annotations


class ImageError(ValueError):
    """An image that cannot be read, in one line: which one, what is wrong, what to do.

    Args:
        problem: What is wrong and what to do, without the name of the image.
        source: The file (or the place in a list) it concerns, where it is known.
    """

    def __init__(self, problem: str, source: str | None = None):
        super().__init__(problem if source is None else f"{source}: {problem}")
        self.problem, self.source = problem, source

    def named(self, source: str) -> ImageError:
        """The same error about `source`, unless it already says which image it is about."""
        return self if self.source is not None else ImageError(self.problem, source)
