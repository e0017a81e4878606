"""Interchangeable position encodings, each of which implements attention.

| name       | class        | what a query sees of a key's position                         |
|------------|--------------|---------------------------------------------------------------|
| `None`     | `NoEncoding` | nothing: only the content, [GCSA]                             |
| `"mlp"`    | `MLP`        | a vector added to the key, from a coordinate network, [RC]    |
| `"table"`  | `Table`      | a vector added to the key, from a table                       |
| `"rotary"` | `Rotary`     | queries and keys rotated by their positions, as in RoPE       |
"""

from __future__ import annotations

from isotrope.groups import Group
from isotrope.nn.encodings.base import Encoding, NoEncoding, joint_attention
from isotrope.nn.encodings.coordinates import coordinates, in_frame
from isotrope.nn.encodings.rotary import Rotary
from isotrope.nn.encodings.vectors import MLP, RelativeVectors, Table

__all__ = [
    "ENCODINGS",
    "MLP",
    "Encoding",
    "NoEncoding",
    "RelativeVectors",
    "Rotary",
    "Table",
    "coordinates",
    "in_frame",
    "joint_attention",
    "make_encoding",
]

ENCODINGS: dict[str | None, type[Encoding]] = {
    None: NoEncoding,
    "mlp": MLP,
    "table": Table,
    "rotary": Rotary,
}
"""Encodings by name; add your own `Encoding` to use it by name in a model's config."""


def make_encoding(
    encoding: str | Encoding | None, dim: int, head_dim: int, group: Group, lifting: bool = False
) -> Encoding:
    """The encoding with this name (see `ENCODINGS`), or the given module if it fits.

    Raises:
        ValueError: an unknown name, or a module of another group or width.
    """
    if isinstance(encoding, Encoding):
        encoding.check(dim, head_dim, group, lifting)
        return encoding
    if encoding not in ENCODINGS:
        raise ValueError(
            f"encoding={encoding!r} is not known; use {', '.join(map(repr, ENCODINGS))}, "
            "or a module of isotrope.nn.encodings"
        )
    return ENCODINGS[encoding].build(dim, head_dim, group, lifting)
