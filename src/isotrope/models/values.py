"""Helpers for config values: registry names, dicts, whole numbers."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import fields
from typing import Any, TypeVar

V = TypeVar("V")


def from_name(given: str | Mapping[str, Any] | V, registry: Mapping[str, type[V]], what: str) -> V:
    """A config value, given as itself, by its name, or as `{"name": ..., option: ...}`.

    Raises:
        ValueError: an unknown name, or an option that the class does not have.
    """
    if isinstance(given, Mapping):
        name = str(given.get("name"))
        fixed = constants_of(registry[name]) if name in registry else ()
        options = {option: value for option, value in given.items() if option not in fixed}
        return from_options(name, (), options, registry, what)
    return from_options(given, (), {}, registry, what) if isinstance(given, str) else given


def from_options(
    name: object,
    values: tuple[object, ...],
    options: Mapping[str, Any],
    registry: Mapping[str, type[V]],
    what: str,
) -> V:
    """The config value with this name in a registry, with positional and named options.

    Raises:
        ValueError: an unknown name, or an option that the class does not have.
    """
    if name not in registry:
        raise ValueError(f"{what}={name!r} is not known; use one of {', '.join(registry)}")
    kind = registry[str(name)]
    known = options_of(kind)
    if len(values) > len(known):
        raise ValueError(f"{what}={name!r} takes {len(known)} options, not {len(values)}")
    for option, value in options.items():
        if option in known:
            continue
        owners = [n for n, other in registry.items() if option in options_of(other)]
        if owners:
            raise ValueError(
                f"{option}={value!r} goes with {what}={' or '.join(map(repr, owners))}, not "
                f"{name!r}; leave it out or change the {what}"
            )
        raise ValueError(
            f"{option}={value!r} is not an option of {what}={name!r}; "
            f"it takes {', '.join(known) or 'none'}"
        )
    return kind(*values, **options)


def options_of(kind: type) -> list[str]:
    """The fields of a config dataclass that can be set."""
    return [f.name for f in fields(kind) if f.init]  # pyright: ignore[reportArgumentType]


def constants_of(kind: type) -> list[str]:
    """The fields that the class sets itself, such as its name."""
    return [f.name for f in fields(kind) if not f.init]  # pyright: ignore[reportArgumentType]


def check_whole(value: object) -> None:
    """Raise ValueError if a dataclass field with an int default holds anything but an int."""
    for f in fields(value):  # pyright: ignore[reportArgumentType]
        given = getattr(value, f.name)
        if type(f.default) is int and type(given) is not int:
            raise ValueError(f"{f.name}={given!r} is not a whole number; write it as 1 or 32")


def check_least(value: object, **least: int) -> None:
    """Raise ValueError if a field is less than this."""
    for name, low in least.items():
        if (given := getattr(value, name)) < low:
            raise ValueError(f"{name}={given} is less than {low}; give {low} or more")
