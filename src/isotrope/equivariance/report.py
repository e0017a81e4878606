"""What an audit found, row by row and in words."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import ClassVar

from isotrope.equivariance.measure import describe, permutes_pixels
from isotrope.groups import Group


@dataclass
class AuditRow:
    """One output of one submodule.

    Attributes:
        name: its place in the model, such as "stages.0.1.mixer"; "(model)" is the whole. A module
            that runs several times has a row for each.
        type: the name of its class.
        kind: what its output was compared as; empty: not compared, and `note` says why.
        error: the worst error over the elements that permute pixels; None: not compared.
        element: the element of that error.
        between: the worst error over the elements that turn between pixels, if there are any.
    """

    name: str
    type: str
    kind: str = ""
    error: float | None = None
    element: int = 0
    between: float | None = None
    note: str = ""


@dataclass
class AuditReport:
    """What `audit` found; print it for a table.

    For a group that turns between pixels too, such as C8, it judges the elements that permute
    pixels; where the identity alone does, as in C3, nothing is judged and `ok` is False.

    Attributes:
        rows: in order of execution, a module after its children.
        refused: the elements whose turned images the model did not take.
        notes: lines on what was refused, and on what the figures do not say.
    """

    group: Group
    tolerance: float
    rows: list[AuditRow] = field(default_factory=list[AuditRow])
    refused: list[int] = field(default_factory=list[int])
    notes: list[str] = field(default_factory=list[str])

    HEADER: ClassVar = ("layer", "class", "output", "worst error", "remarks")

    @property
    def first_broken(self) -> AuditRow | None:
        """The first row above the tolerance: where the symmetry is lost."""
        return next(
            (r for r in self.rows if r.error is not None and r.error > self.tolerance), None
        )

    @property
    def ok(self) -> bool:
        """Whether every element ran, nothing is above the tolerance, and the end was compared."""
        compared = bool(self.rows) and self.rows[-1].error is not None
        return compared and self._judged and not self.refused and self.first_broken is None

    @property
    def _judged(self) -> bool:
        """Whether an element but the identity permutes pixels, if there is another element."""
        return self.group.exact or any(
            permutes_pixels(self.group, h) for h in self.group.elements[1:]
        )

    @property
    def verdict(self) -> str:
        """The outcome in one line, and the notes in lines of their own."""
        errors = [r.error for r in self.rows if r.error is not None]
        broken, name, between = self.first_broken, repr(self.group), ""
        if not self.group.exact:
            name, between = f"the elements of {name} that permute pixels", self._between()
        if broken is not None and broken.error is not None:
            line = (
                f"not equivariant to {name}: first broken at {broken.name} ({broken.type}), "
                f"error {broken.error:.1e} under {describe(self.group, broken.element)}, "
                f"tolerance {self.tolerance:.0e}{between}"
            )
        elif not self._judged:
            line = f"nothing shown: of {name} there is the identity alone{between}"
        elif self.ok:
            line = (
                f"equivariant to {name}{between}: {len(errors)} outputs compared, "
                f"worst error {max(errors):.1e}, tolerance {self.tolerance:.0e}"
            )
        else:
            last = "" if not self.rows or self.refused else "; the model's own is not among them"
            line = f"not shown to be equivariant to {name}: {len(errors)} outputs compared{last}"
        return "\n".join((line, *self.notes))

    def _between(self) -> str:
        errors = [(row.between, row.name) for row in self.rows if row.between is not None]
        if not errors:
            return ""
        worst, name = max(errors, key=lambda pair: pair[0])
        return f"; between pixels the worst error is {worst:.1e} at {name}"

    def __str__(self) -> str:
        table = [self.HEADER, *map(self.cells, self.rows)]
        widths = [max(map(len, column)) for column in zip(*table, strict=True)]
        lines = ["  ".join(map(str.ljust, cells, widths)).rstrip() for cells in table]
        return "\n".join((*lines, "", self.verdict))

    def cells(self, row: AuditRow) -> tuple[str, ...]:
        """A row of the table in words, one for each of `HEADER`."""
        if row.error is None:
            return row.name, row.type, "-", "not compared", row.note
        broken = row.error > self.tolerance
        remarks = [f"under {describe(self.group, row.element)}"] if broken else []
        if row.between is not None:
            remarks.append(f"between pixels {row.between:.1e}")
        mark = " !" if broken else ""
        return row.name, row.type, row.kind, f"{row.error:.1e}{mark}", "; ".join(remarks)
