"""The findings of an audit, as a table and in words."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import ClassVar

from isotrope.equivariance.measure import describe, permutes_pixels
from isotrope.groups import Group


@dataclass
class AuditRow:
    """One output of one submodule.

    Attributes:
        name: its place in the model, such as "stages.0.1.mixer"; "(model)" is the whole model. A
            module that runs several times has a row for each run.
        type: the name of its class.
        kind: what its output was compared as; empty: not compared, and `note` says why.
        error: the worst error over the elements that permute pixels; None: not compared.
        element: the element with that error.
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
    """The findings of `audit`; print it for a table.

    For a group that also turns between pixels, such as C8, only the elements that permute pixels
    are judged; if only the identity does, as in C3, nothing is judged and `ok` is False.

    Attributes:
        rows: in order of execution, a module after its children.
        refused: the elements for which the model rejected the turned images.
        notes: lines on what was rejected, and on the limits of the figures.
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
        """Whether every element ran and all errors, the model's included, are within tolerance."""
        compared = bool(self.rows) and self.rows[-1].error is not None
        return compared and self._judged and not self.refused and self.first_broken is None

    @property
    def _judged(self) -> bool:
        """Whether any element other than the identity permutes pixels, if there are others."""
        return self.group.exact or any(
            permutes_pixels(self.group, h) for h in self.group.elements[1:]
        )

    @property
    def verdict(self) -> str:
        """The outcome on one line, then each note on its own line."""
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
        """The cells of a row of the table, one for each column of `HEADER`."""
        if row.error is None:
            return row.name, row.type, "-", "not compared", row.note
        broken = row.error > self.tolerance
        remarks = [f"under {describe(self.group, row.element)}"] if broken else []
        if row.between is not None:
            remarks.append(f"between pixels {row.between:.1e}")
        mark = " !" if broken else ""
        return row.name, row.type, row.kind, f"{row.error:.1e}{mark}", "; ".join(remarks)
