"""Published sets that an adapter is made from: which lines, and which labels.

A recipe names the sets, their licenses, and what is known to be wrong with them:

    [[data.source]]
    path = "ocr-lines-receipts-train.tar"
    license = "CC BY 4.0"
    held_out = 10
    document = "^[0-9]+"
    case = "mended"
"""

from __future__ import annotations

import re
from typing import Literal

from pydantic import Field, NonNegativeInt, PositiveFloat, PositiveInt, field_validator

from isotrope.training.recipe import Fields


class AdapterSource(Fields, frozen=True):
    """One published set of lines or pages.

    Lines are known by name: the file's name, or for a line of a page the name of the page's folder
    and file, as in `nubis/49bk_1602_1`. Patterns are those of a shell, with `*` and `?`.

    Args:
        path: A set for `load_lines`, relative to the folder of all sets.
        license: What its makers ask for.
        collections: As in `PageLines`.
        only: Patterns of the names to use; empty: all.
        without: Patterns of names to leave out, for labels known to be wrong.
        held_out: Every `held_out`-th line is held out, counted over the lines that the base can
            write as they are labeled, as for the base itself; or patterns of the names to hold out;
            0: none.
        document: A regular expression. With it, every `held_out`-th document is held out instead:
            lines for whose names it finds the same.
        case: "given", or "mended" for labels in capitals: use the case that the published model
            reads.
        rewrite: Characters to replace in the labels.
        words: What to write for every word, to teach the convention of another source of the
            recipe, such as ~~~ for handwriting in a typescript.
        drop_above: Leave out lines to train on that the base reads with a character error rate
            above this: cut off, or labeled wrongly.
        times: How often a line counts.
    """

    path: str
    license: str
    collections: tuple[str, ...] | None = None
    only: tuple[str, ...] = ()
    without: tuple[str, ...] = ()
    held_out: NonNegativeInt | tuple[str, ...] = 10
    document: str | None = None
    case: Literal["given", "mended"] = "given"
    rewrite: dict[str, str] = Field(default_factory=dict)
    words: str | None = None
    drop_above: PositiveFloat | None = None
    times: PositiveInt = 1

    @field_validator("document")
    @classmethod
    def _compiles(cls, value: str | None) -> str | None:
        try:
            re.compile(value or "")
        except re.error as error:
            raise ValueError(
                f"{value!r} is not a regular expression ({error}); write one such as '^[0-9]+'"
            ) from error
        return value
