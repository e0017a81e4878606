"""How far a module is from equivariant: one error for each element of the group.

A module is equivariant to a group when `module(L_h x) == L_h module(x)` for every element `h`. What
`L_h` does depends on the kind of signal; `isotrope.kinds` says how, and how a module declares it.
"""

from __future__ import annotations

import copy

import torch
from torch import Tensor, nn

from isotrope.groups import Group
from isotrope.kinds import action, first_tensor, kind_of, relative_error

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
    module, x = copied(module, dtype), x.detach().to(dtype)
    takes = kind_of(takes, module, "takes", x, group)
    with torch.no_grad():
        before = _call(module, x)
        gives = kind_of(gives, module, "gives", before, group)
        turn_x, turn_out = action(takes, x, group), action(gives, before, group, like=x)
        return {
            h: relative_error(_call(module, turn_x(h, x)), turn_out(h, before))
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


def copied(module: nn.Module, dtype: torch.dtype) -> nn.Module:
    return copy.deepcopy(module).to(dtype).eval()


def _call(module: nn.Module, x: Tensor) -> Tensor:
    tensor = first_tensor(module(x))
    if tensor is None:
        raise ValueError(
            f"{type(module).__name__} returns no floating-point tensor; wrap it so that it does"
        )
    return tensor
