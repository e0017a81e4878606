"""Find the layer that breaks a model's equivariance, for our layers and any others."""

# torch leaves some of its functions untyped, such as `unflatten` and `split`:
# pyright: reportUnknownMemberType=false, reportUnknownVariableType=false
# pyright: reportUnknownArgumentType=false
from __future__ import annotations

import math
from collections import Counter

import torch
from torch import Tensor, nn
from torch.utils.hooks import RemovableHandle

from isotrope.equivariance.measure import checked_group, copied, describe, permutes_pixels
from isotrope.equivariance.report import AuditReport, AuditRow
from isotrope.groups import Group
from isotrope.kinds import (
    Action,
    is_lifted_to_another,
    lifting_groups,
    possible_kinds,
    relative_error,
    signals,
)


def audit(
    model: nn.Module, images: Tensor, group: Group | str, tolerance: float = 1e-9
) -> AuditReport:
    """Run a model on images and on each turned copy, and compare the output of every submodule.

    Works on a copy of the model in float64 and eval mode, on the CPU if the device has no float64.
    An output is compared as the kind that its module declares. If the module declares nothing, its
    output is compared as each kind that its shape allows (an image with the channels first or last,
    a lifted signal, tokens on a grid with or without class tokens, per-head tokens or scores, a
    vector), and is broken if it fits none. An output lifted to another group, according to the
    `group` of its module, is not compared.

    Args:
        images: `(B, C, H, W)`, the model's only argument. Non-square images show more; use square
            ones if the model's input size is fixed.
        group: a `Group`, or its name, such as "C4".
        tolerance: an output with a larger error is broken; float64 rounding leaves about 1e-14.

    Raises:
        TypeError: arguments of other types, or in another order.
        ValueError: `images` is not a batch of images, or the group is unknown.
    """
    group = checked_group("audit(model, images, group)", model, images, group)
    if images.ndim != 4 or not len(images):
        raise ValueError(f"shape {tuple(images.shape)} is not an image batch; give (B, C, H, W)")
    model, images = copied(model, images, torch.float64)
    images = _odd_batch(images, group)
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
        except Exception as error:  # any error a model raises for a size is the finding
            report.refused.append(h)
            report.notes.append(_refusal(group, h, turned, error))
            continue
        for output in outputs:
            output.compare(h, trace)
    report.rows = [output.row(group, tolerance) for output in outputs]
    return report


def _odd_batch(images: Tensor, group: Group) -> Tensor:
    """Repeat images until their number is neither 1 nor |G|, the first axis of many tables."""
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


Trace = dict[str, tuple[nn.Module, Tensor | None, str | None]]
"""The module, an output of it, and the kind that it declares for it, by a name for the output."""


def _trace(model: nn.Module, images: Tensor) -> Trace:
    """The output of every submodule in order of execution, children first."""
    named: list[tuple[str, nn.Module]] = list(model.named_modules())
    silent = [f"{n}." if n else "" for n, m in named if _hides_its_parts(m)]
    trace: Trace = {}
    calls: set[str] = set()

    def watch(name: str, module: nn.Module) -> RemovableHandle:
        def hook(_module: nn.Module, _inputs: object, output: object) -> None:
            label, call = name or "(model)", 2
            while label in calls:
                label, call = f"{name} (call {call})", call + 1
            calls.add(label)
            if not (found := signals(module, output)):
                trace[label] = module, None, None
            for part, tensor, kind in found:
                # A copy: the next module may work in place.
                trace[f"{label}.{part}" if part else label] = module, tensor.detach().clone(), kind

        return module.register_forward_hook(hook)

    heard = [(n, m) for n, m in named if not n or not n.startswith(tuple(silent))]
    hooks = [watch(name, m) for name, m in heard]
    try:
        with torch.no_grad():
            model(images)
    finally:
        for hook in hooks:
            hook.remove()
    return trace


def _hides_its_parts(module: nn.Module) -> bool:
    """Whether the outputs of a module's parts are no signals: it says so of them, or of itself."""
    return getattr(module, "gives", "") is None or getattr(module, "inside", "") is None


def _grids(trace: Trace, images: Tensor) -> set[tuple[int, int]]:
    """Sizes (rows, columns) of the feature maps seen; tokens may lie on any of these grids."""
    sizes = {(images.shape[2], images.shape[3])}
    for module, output, kind in trace.values():
        if output is None or len(output) != len(images):
            continue
        planes = isinstance(module, nn.Conv2d) or kind == "image"
        if output.ndim == 5 or (output.ndim == 4 and planes):
            sizes.add((output.shape[2], output.shape[3]))
    return sizes


class _Output:
    """An output on the upright images, the kinds it may be, and its errors as each of them."""

    def __init__(
        self,
        name: str,
        module: nn.Module,
        tensor: Tensor | None,
        kind: str | None,
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
        elif is_lifted_to_another(kind, tensor, own, group):
            self.note, self.lifted_to = f"lifted to {own!r}, not {group!r}", own
        else:
            self.kinds = possible_kinds(module, tensor, images, grids, group, own, kind)
            self.note = "" if self.kinds else f"shape {tuple(tensor.shape)} is of no known kind"
        self.errors: list[dict[int, float]] = [{} for _ in self.kinds]

    def compare(self, h: int, trace: Trace) -> None:
        if self.tensor is None:
            return
        got = trace.get(self.name, (None, None, None))[1]
        for (_, act), errors in zip(self.kinds, self.errors, strict=True):
            errors[h] = math.inf if got is None else relative_error(got, act(h, self.tensor))

    def row(self, group: Group, tolerance: float) -> AuditRow:
        """The row for the first kind that fits, else for the likeliest kind, which comes first."""
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
