"""Is a module equivariant, and if not, which layer breaks it? For our layers and for any other.

A module is equivariant to a group when `module(L_h x) == L_h module(x)` for every element `h`. What
`L_h` does depends on the kind of signal; `isotrope.kinds` says how, and how a module declares it.
"""

from __future__ import annotations

import copy
import math
import sys
from collections import Counter
from dataclasses import dataclass, field
from types import ModuleType
from typing import ClassVar

import torch
from torch import Tensor, nn

from isotrope.groups import Group
from isotrope.kinds import (
    Action,
    action,
    declared,
    first_tensor,
    is_lifted_to_another,
    kind_of,
    lifting_groups,
    possible_kinds,
    relative_error,
)

TOLERANCES = {torch.float64: 1e-10, torch.float32: 1e-4, torch.float16: 1e-2, torch.bfloat16: 5e-2}


def equivariance_error(
    module: nn.Module,
    x: Tensor,
    group: Group,
    takes: str | None = None,
    gives: str | None = None,
    *,
    dtype: torch.dtype = torch.float64,
) -> dict[int, float]:
    """`{h: max |module(L_h x) - L_h module(x)| / max |module(x)|}` for every element `h`.

    Runs on a copy of the module, in eval mode and in `dtype`; the module itself is left as it is.
    An output that is not a tensor (a tuple, a dataclass) stands for its first tensor. The identity
    is compared too: an error there is a module that gives two answers to one question.

    Args:
        takes, gives: kinds of the input and the output: "image", "lifted", "tokens", "invariant".
            None: what the module declares, else a guess from the shape (see `kinds.kind_of`).

    Raises:
        ValueError: a kind that is not known and cannot be guessed.
    """
    copied, x = _copy(module, dtype), x.detach().to(dtype)
    takes = kind_of(takes, module, "takes", x, group)
    with torch.no_grad():
        before = _call(copied, x)
        gives = kind_of(gives, module, "gives", before, group)
        turn_x, turn_out = action(takes, x, group), action(gives, before, group, like=x)
        return {
            h: relative_error(_call(copied, turn_x(h, x)), turn_out(h, before))
            for h in group.elements
        }


def assert_equivariant(
    module: nn.Module,
    x: Tensor,
    group: Group,
    tol: float | None = None,
    takes: str | None = None,
    gives: str | None = None,
    *,
    dtype: torch.dtype = torch.float64,
) -> None:
    """Raises AssertionError where `equivariance_error` is above `tol` for any element.

    Args:
        tol: the tolerance; None takes that of `dtype`: 1e-10 in float64, 1e-4 in float32.
    """
    tol = TOLERANCES[dtype] if tol is None else tol
    errors = equivariance_error(module, x, group, takes, gives, dtype=dtype)
    worst = max(errors, key=errors.__getitem__)
    if errors[worst] > tol:
        note = "" if group.exact else f"; {group!r} turns between pixels and is never exact"
        raise AssertionError(
            f"{type(module).__name__} is not equivariant to {group!r}: error {errors[worst]:.2e} "
            f"under {describe(group, worst)} (element {worst}), tolerance {tol:.0e}{note}"
        )


def permutes_pixels(group: Group, element: int) -> bool:
    """Whether the element turns by whole quarter turns, so that it can be exact."""
    return group.angle(element) % 90 == 0


def describe(group: Group, element: int) -> str:
    """An element in words: "a mirror and a turn by 90 degrees"."""
    angle = group.angle(element)
    turn = f"a turn by {angle:g} degrees" if angle else ""
    mirror = "a mirror" if group.is_mirror(element) else ""
    return " and ".join(filter(None, (mirror, turn))) or "no turn"


def _copy(module: nn.Module, dtype: torch.dtype) -> nn.Module:
    return copy.deepcopy(module).to(dtype).eval()


def _call(module: nn.Module, x: Tensor) -> Tensor:
    tensor = first_tensor(module(x))
    if tensor is None:
        raise ValueError(
            f"{type(module).__name__} returns no floating-point tensor; wrap it so that it does"
        )
    return tensor


@dataclass
class AuditRow:
    """One output of one submodule.

    Attributes:
        name: its place in the model, such as "stages.0.1.mixer"; "(model)" is the whole. A module
            that runs several times has a row for each.
        type: the name of its class.
        kind: what its output was compared as; None: not compared, and `note` says why.
        error: the worst error over the elements that permute pixels.
        element: the element of that error.
        between: the worst error over the elements that turn between pixels, if there are any.
    """

    name: str
    type: str
    kind: str | None = None
    error: float | None = None
    element: int | None = None
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
    rows: list[AuditRow] = field(default_factory=list)
    refused: list[int] = field(default_factory=list)
    notes: list[str] = field(default_factory=list)

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
        if broken is not None:
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
        rows = [row for row in self.rows if row.between is not None]
        if not rows:
            return ""
        worst = max(rows, key=lambda row: row.between)
        return f"; between pixels the worst error is {worst.between:.1e} at {worst.name}"

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


def audit(model: nn.Module, images: Tensor, group: Group, tolerance: float = 1e-9) -> AuditReport:
    """Runs a model on images and on each turned copy, and compares the output of every submodule.

    The model is copied, in float64 and eval mode. An output is compared as the kind that its module
    declares. One of a module that declares nothing is compared as each kind that its shape allows
    (an image with the channels first or last, a lifted signal, tokens on a grid with or without
    class tokens, per-head tokens or scores, a vector) and counts as broken where it fits none.
    One that is lifted to another group, by the `group` of its module, is not compared.

    Args:
        images: `(B, C, H, W)`, all that the model is called with. Non-square ones show more; square
            ones where the model's size is fixed.
        tolerance: above it an output is broken; rounding in float64 leaves about 1e-14.

    Raises:
        ValueError: `images` is no batch of images.
    """
    if images.ndim != 4 or not len(images):
        raise ValueError(f"shape {tuple(images.shape)} is not an image batch; give (B, C, H, W)")
    model, images = _copy(model, torch.float64), _odd_batch(images.detach().double(), group)
    report = AuditReport(group, tolerance)
    if not group.exact:
        report.notes.append(
            f"{group!r} turns between pixels, where no layer is exact: errors of 0.5 to 1.5 are "
            "usual on noise, of 0.01 and more on smooth images; the verdict is on the elements "
            "that permute pixels"
        )
    trace = _trace(model, images)
    grids, owners = _grids(trace, images), lifting_groups(model)
    outputs = [
        _Output(name, *found, images, grids, group, owners[found[0]])
        for name, found in trace.items()
    ]
    for own, count in Counter(o.lifted_to for o in outputs if o.lifted_to).items():
        report.notes.append(
            f"not compared: {count} outputs lifted to {own!r}, not {group!r}; audit with {own!r}"
        )
    for h in group.elements:
        turned = group.act_image(h, images)
        try:
            trace = _trace(model, turned)
        except Exception as error:  # whatever a foreign model raises for a size is the finding
            report.refused.append(h)
            report.notes.append(_refusal(group, h, turned, error))
            continue
        for output in outputs:
            output.compare(h, trace)
    report.rows = [output.row(group, tolerance) for output in outputs]
    return report


def _odd_batch(images: Tensor, group: Group) -> Tensor:
    """Repeats images until their number is neither 1 nor |G|, the first axis of many tables."""
    count = len(images)
    while count in (1, group.order):
        count += 1
    return images[torch.arange(count) % len(images)]


def _refusal(group: Group, h: int, turned: Tensor, error: Exception) -> str:
    rows, columns = turned.shape[2:]
    remedy = "" if rows == columns else "; audit it with square images"
    reason = str(error).strip().split("\n")[0][:160]
    return (
        f"the model refuses the images after {describe(group, h)} ({rows}x{columns} pixels): "
        f"{type(error).__name__}: {reason}{remedy}"
    )


Trace = dict[str, tuple[nn.Module, Tensor | None]]


def _trace(model: nn.Module, images: Tensor) -> Trace:
    """The output of every submodule in order of execution, children first."""
    silent = [f"{n}." for n, m in model.named_modules() if getattr(m, "gives", "") is None]
    trace: Trace = {}

    def watch(name: str, module: nn.Module):
        def hook(_module, _inputs, output) -> None:
            label, call = name or "(model)", 2
            while label in trace:
                label, call = f"{name} (call {call})", call + 1
            tensor = first_tensor(output)
            # A copy: the next module may work in place.
            trace[label] = module, None if tensor is None else tensor.detach().clone()

        return module.register_forward_hook(hook)

    named = [pair for pair in model.named_modules() if not pair[0].startswith(tuple(silent))]
    hooks = [watch(*pair) for pair in named]
    try:
        with torch.no_grad():
            model(images)
    finally:
        for hook in hooks:
            hook.remove()
    return trace


def _grids(trace: Trace, images: Tensor) -> set[tuple[int, int]]:
    """Sizes (rows, columns) of the feature maps that were seen, on which tokens may lie."""
    sizes = {tuple(images.shape[2:])}
    for module, output in trace.values():
        if output is None or len(output) != len(images):
            continue
        planes = isinstance(module, nn.Conv2d) or declared(module, "gives") == "image"
        if output.ndim == 5 or (output.ndim == 4 and planes):
            sizes.add(tuple(output.shape[2:4]))
    return sizes


class _Output:
    """An output on the upright images, the kinds it may be of, and its errors as each of them."""

    def __init__(
        self,
        name: str,
        module: nn.Module,
        tensor: Tensor | None,
        images: Tensor,
        grids: set[tuple[int, int]],
        group: Group,
        own: Group | None,
    ) -> None:
        self.name, self.type, self.tensor = name, type(module).__name__, tensor
        self.kinds: list[tuple[str, Action]] = []
        self.note, self.lifted_to = "", None
        if getattr(module, "gives", "") is None:
            self.note = "says that it is no signal"
        elif tensor is None:
            self.note = "no floating-point tensor"
        elif tensor.ndim == 0 or len(tensor) != len(images):
            self.note = f"shape {tuple(tensor.shape)} does not begin with the batch"
        elif is_lifted_to_another(module, tensor, own, group):
            self.note, self.lifted_to = f"lifted to {own!r}, not {group!r}", own
        else:
            self.kinds = possible_kinds(module, tensor, images, grids, group, own)
            self.note = "" if self.kinds else f"shape {tuple(tensor.shape)} is of no known kind"
        self.errors: list[dict[int, float]] = [{} for _ in self.kinds]

    def compare(self, h: int, trace: Trace) -> None:
        got = trace.get(self.name, (None, None))[1]
        for (_, act), errors in zip(self.kinds, self.errors, strict=True):
            errors[h] = math.inf if got is None else relative_error(got, act(h, self.tensor))

    def row(self, group: Group, tolerance: float) -> AuditRow:
        """The row: the first kind that fits, else the likeliest kind, which is the first."""
        rows = [
            self._row_as(kind, e, group)
            for (kind, _), e in zip(self.kinds, self.errors, strict=True)
        ]
        fitting = (row for row in rows if row.error is not None and row.error <= tolerance)
        return next(fitting, rows[0] if rows else AuditRow(self.name, self.type, note=self.note))

    def _row_as(self, kind: str, errors: dict[int, float], group: Group) -> AuditRow:
        exact = {h: e for h, e in errors.items() if permutes_pixels(group, h)}
        if not exact:
            return AuditRow(self.name, self.type, note="the model took no turned image")
        worst = max(exact, key=exact.__getitem__)
        between = max((e for h, e in errors.items() if h not in exact), default=None)
        return AuditRow(self.name, self.type, kind, exact[worst], worst, between)


class _CallableModule(ModuleType):
    """`isotrope.audit` is a function, and once imported this module; either can be called."""

    # Written out: inspect takes the first parameter off what a `functools.wraps` would show.
    def __call__(
        self, model: nn.Module, images: Tensor, group: Group, tolerance: float = 1e-9
    ) -> AuditReport:
        return audit(model, images, group, tolerance)

    __call__.__doc__ = audit.__doc__


sys.modules[__name__].__class__ = _CallableModule
