"""Measure how far a module is from equivariant: one error for each element of the group.

A module is equivariant to a group when `module(L_h x) == L_h module(x)` for every element `h`. What
`L_h` does depends on the kind of signal; see `isotrope.kinds`, also for how a module declares it.
"""

from __future__ import annotations

import copy

import torch
from torch import Tensor, nn

from isotrope.groups import Group, group_from_name
from isotrope.kinds import action, kind_of, relative_error, signals

TOLERANCES = {torch.float64: 1e-10, torch.float32: 1e-4, torch.float16: 1e-2, torch.bfloat16: 5e-2}

WITHOUT_FLOAT64 = {"mps"}
"""Device types without float64; copies run on the CPU instead."""


def equivariance_error(
    module: nn.Module,
    x: Tensor,
    group: Group | str,
    takes: str | None = None,
    gives: str | None = None,
    *,
    dtype: torch.dtype = torch.float64,
) -> dict[int, float]:
    """`{h: max |module(L_h x) - L_h module(x)| / max |module(x)|}` for every element `h`.

    Runs on a copy of the module, in eval mode and in `dtype`; the module itself does not change.
    In float64 the copy runs on the CPU if the module's device has no float64 (Apple's GPUs).
    If the output is not a tensor (a tuple, a dataclass), its first tensor is compared; or all of
    them, for the worst error, if the module declares a kind for each. The identity is compared too:
    an error there means that the module is not deterministic.

    Args:
        group: a `Group`, or its name, such as "C4".
        takes, gives: kinds of the input and the output: "image", "lifted", "tokens", "vectors" or
            "invariant". None: what the module declares, else a guess from the shape (see
            `kinds.kind_of`).

    Raises:
        TypeError: arguments of other types, or in another order.
        ValueError: an unknown kind or group.
    """
    group = checked_group("equivariance_error(module, x, group)", module, x, group)
    module, x = copied(module, x, dtype)
    takes = kind_of(takes, module, "takes", x, group)
    with torch.no_grad():
        turn_x, before = action(takes, x, group), _call(module, x)
        kinds = [kind_of(gives or kind, module, "gives", out, group) for _, out, kind in before]
        turns = [
            action(k, out, group, like=x) for k, (_, out, _) in zip(kinds, before, strict=True)
        ]

        def error(h: int) -> float:
            after = _call(module, turn_x(h, x))
            pairs = zip(after, before, turns, strict=True)
            return max(relative_error(got[1], turn(h, out[1])) for got, out, turn in pairs)

        return {h: error(h) for h in group.elements}


def assert_equivariant(
    module: nn.Module,
    x: Tensor,
    group: Group | str,
    tol: float | None = None,
    takes: str | None = None,
    gives: str | None = None,
    *,
    dtype: torch.dtype = torch.float64,
) -> None:
    """Assert that `equivariance_error` is at most `tol` for every element.

    Args:
        tol: the tolerance; None: the one for `dtype`, 1e-10 in float64 and 1e-4 in float32.

    Raises:
        AssertionError: an error above the tolerance.
        TypeError: arguments of other types, or in another order.
        ValueError: an unknown kind or group.
    """
    group = checked_group("assert_equivariant(module, x, group)", module, x, group)
    if not isinstance(tol, int | float | None):  # pyright: ignore[reportUnnecessaryIsInstance]
        raise TypeError(f"tol={tol!r} is not a number; give takes and gives by name")
    tol = TOLERANCES.get(dtype, 0.0) if tol is None else tol
    errors = equivariance_error(module, x, group, takes, gives, dtype=dtype)
    worst = max(errors, key=errors.__getitem__)
    if errors[worst] > tol:
        note = "" if group.exact else f"; {group!r} turns between pixels and is never exact"
        raise AssertionError(
            f"{type(module).__name__} is not equivariant to {group!r}: error {errors[worst]:.2e} "
            f"under {describe(group, worst)} (element {worst}), tolerance {tol:.0e}{note}"
        )


def permutes_pixels(group: Group, element: int) -> bool:
    """Whether the element turns by a multiple of 90 degrees, so that it can be exact."""
    return group.angle(element) % 90 == 0


def describe(group: Group, element: int) -> str:
    """An element in words: "a mirror and a turn by 90 degrees"."""
    angle = group.angle(element)
    turn = f"a turn by {angle:g} degrees" if angle else ""
    mirror = "a mirror" if group.is_mirror(element) else ""
    return " and ".join(filter(None, (mirror, turn))) or "no turn"


def checked_group(call: str, module: object, x: object, group: object) -> Group:
    """The group, looked up if given by name, after checking the types of the arguments."""
    if isinstance(module, nn.Module) and isinstance(x, Tensor) and isinstance(group, Group | str):
        return group_from_name(group) if isinstance(group, str) else group
    given = ", ".join(type(argument).__name__ for argument in (module, x, group))
    raise TypeError(
        f"{call} takes an nn.Module, a Tensor and a Group or its name, not {given}; "
        "pass them in this order"
    )


def copied(module: nn.Module, x: Tensor, dtype: torch.dtype) -> tuple[nn.Module, Tensor]:
    """Copies of both in `dtype`, the module in eval mode; on the CPU if the device lacks it."""
    module, x = copy.deepcopy(module), x.detach()
    tensors = (*module.parameters(), *module.buffers(), x)
    if dtype == torch.float64 and any(t.device.type in WITHOUT_FLOAT64 for t in tensors):
        module, x = module.cpu(), x.cpu()
    return module.to(dtype).eval(), x.to(dtype)


def _call(module: nn.Module, x: Tensor) -> list[tuple[str, Tensor, str | None]]:
    found = signals(module, module(x))
    if not found:
        raise ValueError(
            f"{type(module).__name__} returns no floating-point tensor; wrap it so that it does"
        )
    return found
