"""What `--adapter` takes: a name, a folder, `none`, `auto`, or a weighted sum. No torch.

NAME | FOLDER | none | auto | auto:FOLDER | A+B | 0.7*A+0.3*B
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from pathlib import Path
from typing import TypeAlias

from isotrope.lora.sums import Terms
from isotrope.ocr.loading import (
    adapter_folder,
    find_adapter,
    is_adapter,
    is_translator,
    shipped_adapters,
)

NONE, AUTO = "none", "auto"
"""Reserved: a folder of such a name is written `./none` or `./auto`."""

BY_NAME = ("letters",)
"""Shipped adapters that `auto` does not choose from: of one set of a few hundred lines, they are
surer of other hands than they should be."""


@dataclass(frozen=True)
class Adapters:
    """One adapter, or several that act together: `W + sum_i w_i (W_i - W)`.

    Args:
        terms: The weight and the folder of each, every folder once.
    """

    terms: Terms

    @property
    def name(self) -> str:
        """Such as `fraktur` or `0.7*fraktur+0.3*hands`: names of folders, without their paths."""
        return "+".join(
            folder.resolve().name if weight == 1 else f"{weight:g}*{folder.resolve().name}"
            for weight, folder in self.terms
        )

    @property
    def alone(self) -> Path | None:
        """The folder, if this is one adapter as it is; else None."""
        ((weight, folder), *others) = self.terms
        return folder if weight == 1 and not others else None


@dataclass(frozen=True)
class Auto:
    """Each page is read with the adapter that suits it best.

    Args:
        folder: Holds more adapters to choose from, each in its own folder. None: the shipped ones.
    """

    folder: Path | None = None

    def candidates(self, model: str | None) -> list[Adapters]:
        """The adapters to choose from, by name; one of the user's hides a shipped one.

        Args:
            model: The shipped model whose adapters are among them. None: none are.

        Raises:
            ValueError: There are none.
        """
        shipped = shipped_adapters(model) if model is not None else []
        folders = [folder for folder in shipped if folder.name not in BY_NAME]
        folders += filter(is_adapter, self.folder.iterdir() if self.folder is not None else ())
        found = {f.name: Adapters(((1.0, f),)) for f in folders if not is_translator(f)}
        if not found:
            raise ValueError(
                f"adapter {AUTO!r}: there are no adapters to choose from; give {AUTO}:FOLDER, a "
                "folder that holds some that fit this model"
            )
        return [found[name] for name in sorted(found)]


Given: TypeAlias = str | Path | Adapters | None
"""How callers name an adapter."""


def parse_adapter(value: Given | Auto, model: str = "small") -> Adapters | Auto | None:
    """Find out what a value of `--adapter` stands for.

    What exists as a folder, or is the name of a shipped adapter, is that adapter, even if there is
    a `+` or `*` in its name.

    Args:
        value: As in the grammar above, or parsed already; None is `none`.
        model: The shipped model whose adapters are known by name.

    Raises:
        ValueError: An adapter does not exist, or a weight is not a finite number.
    """
    if isinstance(value, (Adapters, Auto)):
        return value
    if value is None or str(value) == NONE:
        return None
    text = str(value)
    if is_auto(text):
        return Auto(_folder_of_several(text) if text != AUTO else None)
    if (folder := find_adapter(text, model)) is not None:
        return Adapters(((1.0, folder),))
    weights: dict[Path, float] = {}
    for term in text.split("+"):
        weight, folder = _term(term, text, model)
        weights[folder] = weights.get(folder, 0.0) + weight
    return Adapters(tuple((weight, folder) for folder, weight in weights.items()))


def is_auto(value: Given | Auto) -> bool:
    """Whether a value leaves the choice to the reader."""
    return isinstance(value, Auto) or str(value) == AUTO or str(value).startswith(f"{AUTO}:")


def one_adapter(value: Given, model: str = "small") -> Adapters | None:
    """As `parse_adapter`, where nothing can be chosen page by page.

    Raises:
        ValueError: As there, or the value is `auto`.
    """
    parsed = parse_adapter(value, model)
    if isinstance(parsed, Auto):
        raise ValueError(f"adapter {str(value)!r} is for reading pages and lines; name one here")
    return parsed


def _folder_of_several(text: str) -> Path:
    folder = Path(text.removeprefix(f"{AUTO}:"))
    if not folder.is_dir() or is_adapter(folder):
        problem = "is itself an adapter" if is_adapter(folder) else "is not a folder"
        raise ValueError(f"{text}: {folder} {problem}; give the folder that holds the adapters")
    return folder


def _term(term: str, text: str, model: str) -> tuple[float, Path]:
    """The weight and the folder of `A` or `0.7*A`."""
    number, star, name = term.rpartition("*")
    weight = 1.0
    if star:
        try:
            weight = float(number)
        except ValueError:
            weight = math.nan
        if not math.isfinite(weight):
            raise ValueError(
                f"{text}: the weight {number.strip()!r} is not a number; write a sum as 0.7*A+0.3*B"
            )
    try:
        return weight, adapter_folder(name.strip(), model)
    except ValueError as error:
        inside = "" if name == text else f"{text}: "
        raise ValueError(f"{inside}{error}") from error
