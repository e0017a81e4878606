"""Reading a recipe: a TOML file whose keys are the fields of a config."""

from __future__ import annotations

import tomllib
from dataclasses import fields
from pathlib import Path
from typing import TYPE_CHECKING, TypeVar

if TYPE_CHECKING:
    from pydantic import BaseModel

Config = TypeVar("Config")
Recipe = TypeVar("Recipe", bound="BaseModel")


def load_recipe(kind: type[Recipe], path: str | Path, changes: dict[str, str]) -> Recipe:
    """A recipe of grouped fields from a TOML file, some of them replaced.

    Args:
        kind: a pydantic model.
        changes: `{"run.minutes": "10"}`: dotted names of fields, and values as TOML writes them;
            what is not TOML is taken for a string.

    Raises:
        ValueError: a missing file, broken TOML, or a field or value that `kind` does not take.
    """
    from pydantic import ValidationError

    values = _values(Path(path), "recipes/reader-small.toml", ())
    for name, text in changes.items():
        *groups, last = name.split(".")
        inner = values
        for group in groups:
            inner = inner.setdefault(group, {})
        inner[last] = _value(text)
    try:
        return kind.model_validate(values)
    except ValidationError as error:
        first = error.errors()[0]
        where = ".".join(map(str, first["loc"]))
        raise ValueError(f"{path}: {where}={first['input']!r}: {first['msg']}") from error


def _value(text: str):
    try:
        return tomllib.loads(f"value = {text}")["value"]
    except tomllib.TOMLDecodeError:
        return text


def read_recipe(kind: type[Config], path: str | Path, example: str, changes: dict) -> Config:
    """A `kind` with the fields that the file gives; `changes` that are not `None` replace them.

    A file may say `base = "other.toml"`, a recipe beside it, whose fields it then adds to.

    Args:
        kind: a dataclass.
        example: a recipe to name where there is none at `path`.

    Raises:
        ValueError: a missing file, broken TOML, bases in a circle, or a field that is not one of
            `kind`.
    """
    values = _values(Path(path), example, ())
    values |= {name: value for name, value in changes.items() if value is not None}
    unknown = sorted(set(values) - {f.name for f in fields(kind)})
    if unknown:
        known = ", ".join(f.name for f in fields(kind))
        raise ValueError(f"{path}: {', '.join(unknown)} is not a field of a recipe; use {known}")
    return kind(**values)


def _values(path: Path, example: str, above: tuple[Path, ...]) -> dict:
    """What the file and its bases say; `above` are the files that lead here."""
    if not path.is_file():
        raise ValueError(f"{path} is not a file; give a recipe such as {example}")
    if path.resolve() in above:
        raise ValueError(f"{path} is a base of itself; take base out of one of the files")
    try:
        values = tomllib.loads(path.read_text())
    except tomllib.TOMLDecodeError as error:
        raise ValueError(
            f"{path} is not TOML ({error}); write name = value, as {example} does"
        ) from error
    if (base := values.pop("base", None)) is None:
        return values
    if not isinstance(base, str):
        raise ValueError(
            f'{path}: base={base!r} is not the name of a recipe; write base = "x.toml"'
        )
    return _values(path.parent / base, example, (*above, path.resolve())) | values
