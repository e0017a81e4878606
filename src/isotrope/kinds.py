"""Kinds of signal, and what an element `h` of a group does to each: the action `L_h`.

    "image"      (B, C, H, W)         the grid turns
    "lifted"     (B, |G|, H, W, C)    the grid turns and the orientations are permuted
    "tokens"     (B, |G| * H * W, C)  the flattened lifted signal is permuted
    "vectors"    (B, 2, H, W)         the grid turns, and the vectors (column, row) with it
    "invariant"  any shape            nothing moves

A module declares its kinds as class attributes: `takes, gives = "image", "lifted"`. If it returns
several tensors, `gives` may be a tuple with the kind of each; otherwise only the first is compared.
`gives = None` means that its output is not a signal; an audit skips the module and its children.
"""

# torch leaves some of its functions untyped, such as `unflatten` and `split`:
# pyright: reportUnknownMemberType=false, reportUnknownVariableType=false
# pyright: reportUnknownArgumentType=false
from __future__ import annotations

import math
from collections.abc import Callable, Mapping
from dataclasses import fields, is_dataclass
from typing import cast

import torch
from torch import Tensor, nn

from isotrope.groups import Group

KINDS = ("image", "lifted", "tokens", "vectors", "invariant")

Action = Callable[[int, Tensor], Tensor]


def kind_of(given: str | None, module: nn.Module, side: str, x: Tensor, group: Group) -> str:
    """The kind given, else the one the module declares, else a guess from the shape of `x`.

    The guess: 4 axes are an image, 5 axes with |G| as the second a lifted signal, 2 axes an
    invariant vector.

    Args:
        side: "takes" or "gives".

    Raises:
        ValueError: an unknown kind, or a shape that fits no guess.
    """
    kind = given or declared(module, side)
    if kind is None and x.ndim == 5 and x.shape[1] == group.order:
        kind = "lifted"
    kind = kind or {2: "invariant", 4: "image"}.get(x.ndim)
    if kind not in KINDS:
        says = f"{kind!r} is not a kind" if kind else "its kind cannot be guessed"
        raise ValueError(
            f"{type(module).__name__} {side} shape {tuple(x.shape)} and {says}; "
            f"pass {side}= one of {', '.join(map(repr, KINDS))}"
        )
    return kind


def declared(module: nn.Module, side: str) -> str | None:
    """The module's own `takes` or `gives`; for an `nn.Sequential`, its first's or its last's."""
    kind = getattr(module, side, None)
    if kind is None and isinstance(module, nn.Sequential) and len(module):
        return declared(module[0 if side == "takes" else -1], side)
    return kind if kind in KINDS else None


def declared_for_each(module: nn.Module) -> tuple[str, ...] | None:
    """The module's own `gives` if it is a tuple of kinds, one for each tensor that it returns.

    Raises:
        ValueError: an unknown kind.
    """
    kinds = getattr(module, "gives", None)
    if not isinstance(kinds, tuple):
        return None
    for kind in kinds:
        if kind not in KINDS:
            raise ValueError(
                f"{type(module).__name__} gives {kind!r}, which is not a kind; "
                f"declare some of {', '.join(map(repr, KINDS))}"
            )
    return kinds


def signals(module: nn.Module, output: object) -> list[tuple[str, Tensor, str | None]]:
    """The tensors of a module's output to compare, each with a name and its kind if declared.

    All of them, named as the fields of a named tuple or by number, if the module declares a kind
    for each; else the first, with an empty name. None if the output has no tensor.

    Raises:
        ValueError: the module returns another number of tensors than it declares.
    """
    kinds = declared_for_each(module)
    if kinds is None:
        tensor = first_tensor(output)
        return [] if tensor is None else [("", tensor, declared(module, "gives"))]
    given = cast("tuple[object, ...]", output if isinstance(output, tuple) else ())
    names = getattr(output, "_fields", range(len(given)))
    tensors = [(str(n), t) for n, t in zip(names, given, strict=True) if isinstance(t, Tensor)]
    if len(tensors) != len(kinds):
        raise ValueError(
            f"{type(module).__name__} declares gives={kinds} but does not return a tuple of "
            f"{len(kinds)} tensors; declare one kind for each"
        )
    return [(n, t, kind) for (n, t), kind in zip(tensors, kinds, strict=True)]


def action(kind: str, x: Tensor, group: Group, like: Tensor | None = None) -> Action:
    """`L_h` on signals of this kind and the shape of `x`; tokens lie on a grid shaped `like`."""
    if kind == "image":
        return group.act_image
    if kind == "lifted":
        return group.act_lifted
    if kind == "vectors":
        return group.act_vectors
    if kind == "invariant":
        return stand_still
    return turn_tokens(group, grid_of_tokens(x, group, like))


def stand_still(h: int, x: Tensor) -> Tensor:
    """The action on a signal that turns do not change."""
    return x


def turn_tokens(group: Group, size: tuple[int, int], axis: int = 1) -> Action:
    """`L_h` on an axis of tokens: |G| grids of `size`, or one grid after its class tokens."""

    def act(h: int, tokens: Tensor) -> Tensor:
        tokens = tokens.movedim(axis, 0)
        lifted = len(tokens) == group.order * math.prod(size)
        still = 0 if lifted else len(tokens) - math.prod(size)
        grids = tokens[still:].unflatten(0, (-1, *size))  # (|G| or 1, rows, columns, ...)
        grids = group.act_image(h, grids, dims=(1, 2))
        grids = grids[list(group.relative[h])] if lifted else grids
        return torch.cat((tokens[:still], grids.flatten(0, 2))).movedim(0, axis)

    return act


def grid_of_tokens(tokens: Tensor, group: Group, like: Tensor | None) -> tuple[int, int]:
    """(rows, columns) of `(B, |G| * rows * columns, C)`, with an aspect ratio nearest to `like`."""
    positions, rest = divmod(tokens.shape[1], group.order)
    if rest or not positions:
        raise ValueError(
            f"{tokens.shape[1]} tokens are not a whole number for each of the {group.order} "
            f"elements of {group!r}; leave class tokens out, or pass gives='invariant'"
        )
    rows, columns = (1, 1) if like is None or like.ndim < 4 else like.shape[2:4]
    pairs = [(n, positions // n) for n in range(1, positions + 1) if positions % n == 0]
    return min(pairs, key=lambda pair: abs(math.log(pair[0] * columns / (pair[1] * rows))))


def lifting_groups(model: nn.Module) -> dict[nn.Module, Group | None]:
    """The group that each module lifts to: its own `group`, else one inside it, else around it."""
    found: dict[str, Group | None] = {}
    for name, module in model.named_modules():  # a module before its children
        inside = (getattr(m, "group", None) for m in module.modules())
        around = found.get(name.rpartition(".")[0])
        found[name] = next((g for g in inside if isinstance(g, Group)), around)
    return {module: found[name] for name, module in model.named_modules()}


def is_lifted_to_another(kind: str | None, x: Tensor, own: Group | None, group: Group) -> bool:
    """Whether an output is, or may be, a signal lifted to `own` that `group` cannot turn.

    A signal lifted to C1 is an image or a plain row of tokens, which any group can turn.

    Args:
        kind: the declared kind of the output, if any.
    """
    if own in (None, group) or own.order == 1:
        return False
    unsaid = kind is None and (x.ndim == 5 or (x.ndim == 3 and x.shape[1] > 1))
    return unsaid or kind in ("lifted", "tokens")


def possible_kinds(
    module: nn.Module,
    x: Tensor,
    images: Tensor,
    grids: set[tuple[int, int]],
    group: Group,
    own: Group | None = None,
    kind: str | None = None,
) -> list[tuple[str, Action]]:
    """The kinds an output may be, likeliest first: the declared one, or those its shape allows.

    Args:
        own: the group that the module lifts to, if known.
        kind: the declared kind of the output, if any.
    """
    # A signal lifted to C1 is also declared as lifted, but no other group can turn it as such.
    fits = own in (None, group) and (kind != "lifted" or x.shape[1] == group.order)
    if kind and (fits or kind not in ("lifted", "tokens")):
        return [(kind, action(kind, x, group, like=images))]
    if x.ndim <= 2 or (x.ndim == 3 and x.shape[1] == 1):
        return [("invariant", stand_still)]
    if x.ndim == 3:
        fitting = _fitting(x.shape[1], images, grids, group)
        return [("tokens", turn_tokens(group, size)) for size in fitting]
    if x.ndim == 4:
        return _kinds_of_four_axes(module, x, images, grids, group)
    if x.ndim == 5 and x.shape[1] == group.order:
        return [("lifted", group.act_lifted)]
    if x.ndim == 5 and x.shape[1] == 1:  # lifted to C1, or on its way to be lifted
        return [("image", lambda h, t: group.act_image(h, t, dims=(2, 3)))]
    return []


def _kinds_of_four_axes(
    module: nn.Module, x: Tensor, images: Tensor, grids: set[tuple[int, int]], group: Group
) -> list[tuple[str, Action]]:
    """An image, channels first or last; or per-head tokens (.., N, d) or scores (.., N, N)."""
    kinds: list[tuple[str, Action]] = [("image", group.act_image)]
    if isinstance(module, nn.Conv2d):
        return kinds
    kinds.append(("image", lambda h, t: group.act_image(h, t, dims=(1, 2))))
    for size in _fitting(x.shape[2], images, grids, group):
        queries, keys = turn_tokens(group, size, axis=2), turn_tokens(group, size, axis=3)
        kinds.append(("tokens", queries))
        if x.shape[2] == x.shape[3]:
            kinds.append(("scores", lambda h, t, q=queries, k=keys: k(h, q(h, t))))
    return kinds


def _fitting(
    tokens: int, images: Tensor, grids: set[tuple[int, int]], group: Group
) -> list[tuple[int, int]]:
    """Grids that may hold this many tokens: seen ones, or one with the images' aspect ratio."""
    rows, columns = images.shape[2:]
    fitting = {size for size in grids if tokens == group.order * math.prod(size)}
    # Up to 8 class and register tokens may stand before the grid.
    fitting |= {size for size in grids if 0 <= tokens - math.prod(size) <= 8}
    for positions in {tokens, tokens - 1, tokens / group.order}:
        down = math.isqrt(int(positions * rows / columns))
        if down and down * down * columns == positions * rows:
            fitting.add((down, int(positions) // down))
    return sorted(fitting)


def first_tensor(output: object) -> Tensor | None:
    """The output, or the first floating-point tensor in it if a tuple, mapping or dataclass."""
    if isinstance(output, Tensor):
        return output if output.is_floating_point() else None
    if isinstance(output, Mapping):
        output = list(output.values())
    elif is_dataclass(output) and not isinstance(output, type):
        output = [getattr(output, f.name) for f in fields(output)]
    if isinstance(output, tuple | list):
        return next((t for t in map(first_tensor, output) if t is not None), None)
    return None


def relative_error(got: Tensor, expected: Tensor) -> float:
    """`max |got - expected| / max |expected|`; infinite if the shapes differ or for NaN."""
    if got.shape != expected.shape:
        return math.inf
    if not got.numel():
        return 0.0
    error = (got - expected).abs().max() / (expected.abs().max() or 1.0)
    return float(error.nan_to_num(nan=math.inf))
