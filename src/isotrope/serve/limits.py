"""What a server takes on, and how it says no."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, fields


@dataclass(frozen=True)
class Limits:
    """What one request may ask for.

    Args:
        bytes: Of its body.
        pages: Of all its files.
        pixels: Of an image; pages of PDF files have `isotrope.io.pdf.MOST_PIXELS` at the most.
        seconds: Of reading it, and of waiting for its turn.
        queue: Requests that wait for their turn; more are turned away.

    Raises:
        ValueError: A limit is below 1.
    """

    bytes: int = 64 << 20
    pages: int = 50
    pixels: int = 75_000_000
    seconds: float = 300.0
    queue: int = 32

    def __post_init__(self) -> None:
        for field in fields(self):
            if getattr(self, field.name) < 1:
                raise ValueError(
                    f"{field.name}={getattr(self, field.name)} must be at least 1; raise it"
                )


class Refusal(Exception):
    """A request that is not answered.

    Args:
        status: The HTTP status.
        problem: What is wrong and what to do, in one line.
        retry_after: Seconds after which to try again, if that may help.
    """

    def __init__(self, status: int, problem: str, retry_after: int | None = None) -> None:
        super().__init__(status, problem, retry_after)
        self.status, self.problem, self.retry_after = status, problem, retry_after


class Budget:
    """The memory that the bodies of all requests may take together.

    Args:
        bytes: The most.
    """

    def __init__(self, bytes: int) -> None:
        self.bytes, self.held = bytes, 0

    @contextmanager
    def share(self) -> Iterator[Share]:
        """What one request takes of it, given back at the end."""
        share = Share(self)
        try:
            yield share
        finally:
            self.held -= share.held


class Share:
    """What one request takes of a `Budget`."""

    def __init__(self, budget: Budget) -> None:
        self._budget, self.held = budget, 0

    def take(self, count: int) -> None:
        """Take some bytes more.

        Raises:
            Refusal: There is no room for them.
        """
        if self._budget.held + count > self._budget.bytes:
            raise Refusal(503, "too many uploads at once; send it again later", retry_after=5)
        self._budget.held += count
        self.held += count
