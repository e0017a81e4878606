"""Reading a recipe: a TOML file whose keys are the fields of a config."""

from __future__ import annotations

import tomllib
from dataclasses import fields
from pathlib import Path
from typing import TypeVar

Config = TypeVar("Config")


def read_recipe(kind: type[Config], path: str | Path, example: str, changes: dict) -> Config:
    """A `kind` with the fields that the file gives; `changes` that are not `None` replace them.

    Args:
        kind: a dataclass.
        example: a recipe to name where there is none at `path`.

    Raises:
        ValueError: a missing file, broken TOML, or a field that is not one of `kind`.
    """
    path = Path(path)
    if not path.is_file():
        raise ValueError(f"{path} is not a file; give a recipe such as {example}")
    try:
        values = tomllib.loads(path.read_text())
    except tomllib.TOMLDecodeError as error:
        raise ValueError(f"{path} is not TOML: {error}") from error
    values |= {name: value for name, value in changes.items() if value is not None}
    unknown = sorted(set(values) - {f.name for f in fields(kind)})
    if unknown:
        raise ValueError(f"{path}: {', '.join(unknown)} is not a field of {kind.__name__}")
    return kind(**values)
