"""Load recipes from TOML files and override fields; errors name the field and the remedy."""

from __future__ import annotations

import re
import tomllib
from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import Any, TypeVar, get_args

from pydantic import BaseModel, ValidationError

from isotrope.training.recipe import Recipe

Kind = TypeVar("Kind", bound=Recipe)


def load_recipe(
    kind: type[Kind],
    path: str | Path | None,
    changes: Mapping[str, Any] | None = None,
    example: str = "recipes/reader-small.toml",
) -> Kind:
    """A recipe from a TOML file, with overrides.

    A file may extend another recipe in the same folder with `base = "other.toml"`.

    Args:
        path: The file; None: the default of every field.
        changes: Values by dotted name, such as `{"schedule.minutes": 10}`. A string is parsed as
            TOML, or else used as it is; None changes nothing.
        example: A recipe for the error message to suggest if `path` is missing.

    Raises:
        ValueError: A missing file, broken TOML, circular bases, or a field or value that `kind`
            does not take.
    """
    values = {} if path is None else _read(Path(path), example)
    name = str(path or "the recipe")
    for field, value in (changes or {}).items():
        if value is not None:
            _set(values, field, _parsed(value) if isinstance(value, str) else value)
    _refuse_old_names(kind, values, name)
    try:
        return kind.model_validate(values)
    except ValidationError as error:
        raise ValueError(f"{name}: {_first(kind, error)}") from error


def parse_changes(changes: Iterable[str]) -> dict[str, str]:
    """`["schedule.minutes=10"]` as `{"schedule.minutes": "10"}`.

    Raises:
        ValueError: A change has no `=`.
    """
    pairs = [change.partition("=") for change in changes]
    if wrong := [name for name, equals, _ in pairs if not equals]:
        raise ValueError(f"--set {wrong[0]} has no value; write --set {wrong[0]}=VALUE")
    return {name.strip(): value for name, _, value in pairs}


def _set(values: dict, field: str, value: Any) -> None:
    """Replace one field; numbers in its dotted name are list indices."""
    *groups, last = (int(part) if part.isdigit() else part for part in field.split("."))
    inner: Any = values
    place: Any = last
    for group in groups:
        if isinstance(inner, dict):
            inner = inner.setdefault(group, {})
        elif isinstance(inner, list) and isinstance(group, int) and group < len(inner):
            inner = inner[group]
        else:
            raise ValueError(f"{field}: there is no {group!r} in it; give the name of a field")
    known = isinstance(inner, dict) or (isinstance(inner, list) and last in range(len(inner)))
    if not known:
        raise ValueError(f"{field}: there is no {last!r} in it; give the name of a field")
    inner[place] = value


def _parsed(text: str) -> Any:
    try:
        return tomllib.loads(f"value = {text}")["value"]
    except tomllib.TOMLDecodeError:  # TOML wants digits on both sides of a point
        return float(text) if re.fullmatch(r"[-+]?(\d+\.|\.\d+)", text) else text


def _refuse_old_names(kind: type[Recipe], values: dict, name: str) -> None:
    """Reject recipes in the old flat format, and say where each field belongs now."""
    old = [field for field in values if field in kind.renamed and field not in kind.model_fields]
    if "run" in values and isinstance(values["run"], dict):
        old += [n for field in values["run"] if (n := f"run.{field}") in kind.renamed]
    if old:
        moves = ", ".join(f"{field} is now {kind.renamed[field]}" for field in old)
        raise ValueError(f"{name} has fields of the old, flat form: {moves}; rename them")


def _first(kind: type[BaseModel], error: ValidationError) -> str:
    """The first error in words: the field, its value, and the remedy."""
    found, *more = error.errors()
    place = _place(found)
    where = ".".join(map(str, place)) or "the recipe"
    if found["type"] == "extra_forbidden":
        if there := _in_groups(kind, place[-1]):
            return f"{where} is not a field; use {', or '.join(there)}"
        return f"{where} is not a field; use one of {', '.join(_known(kind, place[:-1]))}"
    if found["type"] == "missing":
        return f"{where} is missing; add it"
    message = found["msg"].removeprefix("Value error, ").removeprefix("Input ")
    if found["type"] == "value_error":  # from our own validators, which name the remedy
        return f"{where}: {message}"
    given = repr(found["input"])
    given = given if len(given) < 60 else given[:57] + "..."
    # A field of several types has an error for each of them.
    others = [each["msg"].removeprefix("Input ") for each in more if _place(each) == place]
    return f"{where}={given} {', or '.join((message, *others))}; change it"


def _place(found: Any) -> list:
    """The names that lead to the field of an error, without the types that it may have."""
    types = ("function-", "literal[", "constrained-")
    return [part for part in found["loc"] if not str(part).startswith(types)]


def _known(kind: type[BaseModel], place: list) -> list[str]:
    """The names of the fields of the group at `place`."""
    for part in place:
        if isinstance(part, str) and part in kind.model_fields:
            kind = _model(kind.model_fields[part].annotation) or kind
    return list(kind.model_fields)


def _in_groups(kind: type[BaseModel], field: str | int) -> list[str]:
    """The dotted names of the fields of that name in the groups of a recipe."""
    groups = ((name, _model(each.annotation)) for name, each in kind.model_fields.items())
    return [f"{name}.{field}" for name, group in groups if group and field in group.model_fields]


def _model(annotation: Any) -> type[BaseModel] | None:
    """The first pydantic model in an annotation such as `tuple[Source, ...]`."""
    if isinstance(annotation, type) and issubclass(annotation, BaseModel):
        return annotation
    return next((found for inner in get_args(annotation) if (found := _model(inner))), None)


def _read(path: Path, example: str, above: tuple[Path, ...] = ()) -> dict:
    """The values of a file and its bases; `above` are the files that led to this one."""
    if not path.is_file():
        raise ValueError(f"{path} is not a file; give a recipe such as {example}")
    if path.resolve() in above:
        raise ValueError(f"{path} is a base of itself; take base out of one of the files")
    try:
        values = tomllib.loads(path.read_text(encoding="utf-8"))
    except (tomllib.TOMLDecodeError, UnicodeDecodeError) as error:
        raise ValueError(
            f"{path} is not TOML ({error}); write name = value, as {example} does"
        ) from error
    if (base := values.pop("base", None)) is None:
        return values
    if not isinstance(base, str):
        raise ValueError(
            f'{path}: base={base!r} is not the name of a recipe; write base = "x.toml"'
        )
    return _merged(_read(path.parent / base, example, (*above, path.resolve())), values)


def _merged(base: dict, own: dict) -> dict:
    """The fields of both. Groups merge field by field; other values of `own` replace the base's."""
    merged = base | own
    for name in base.keys() & own.keys():
        if isinstance(base[name], dict) and isinstance(own[name], dict):
            merged[name] = _merged(base[name], own[name])
    return merged
