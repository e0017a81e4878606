"""Formats by name: those that come with isotrope, and those of other packages."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from importlib.metadata import entry_points
from typing import Generic, TypeVar

Format = TypeVar("Format")


@dataclass(frozen=True, eq=False)
class Registry(Generic[Format]):
    """Formats of one kind.

    Args:
        own: Those that come with isotrope.
        group: The entry points by which other packages add theirs.
    """

    own: Mapping[str, Format]
    group: str

    def names(self) -> list[str]:
        """List the names of all formats: ours first, then those from other packages."""
        return list(dict.fromkeys([*self.own, *sorted(entry_points(group=self.group).names)]))

    def get(self, name: str) -> Format:
        """Return a format by its name; ours take precedence over those of other packages.

        Raises:
            ValueError: There is no format of this name.
        """
        if name in self.own:
            return self.own[name]
        for entry in entry_points(group=self.group, name=name):
            return entry.load()
        raise ValueError(f"no format {name!r}; choose one of {', '.join(self.names())}")
