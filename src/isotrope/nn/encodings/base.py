"""The interface of a position encoding, and attention without one."""

# torch leaves some of its functions untyped, such as `unflatten` and `split`:
# pyright: reportUnknownMemberType=false, reportUnknownVariableType=false
# pyright: reportUnknownArgumentType=false
from __future__ import annotations

from typing import ClassVar

import torch.nn.functional as F
from jaxtyping import Float
from torch import Tensor, nn

from isotrope.groups import Group


def joint_attention(
    query: Float[Tensor, "B heads G N d"],
    key: Float[Tensor, "B heads G M d"],
    value: Float[Tensor, "B heads G M dv"],
) -> Float[Tensor, "B heads G N dv"]:
    """[GCSA] eq. 3 and 4: softmax jointly over `(y, h)`; all `(B, heads, G, N, d)`.

    out(x, g) = sum_(y,h) A(x, g; y, h) V(y, h)
    A(x, g; y, h) = softmax_(y,h) <Q(x, g), K(y, h)> / sqrt(d)
    """
    q, k, v = (t.flatten(2, 3) for t in (query, key, value))  # (B, heads, G*N, d)
    return F.scaled_dot_product_attention(q, k, v).unflatten(2, query.shape[2:4])


class Encoding(nn.Module):
    """Base of the position encodings, which implement attention.

    All encodings obey the corrected law of [LoRA-GSA] section 5 and appendix: they see a pair of
    tokens `(x, g)`, `(y, h)` only through `g^-1 (y - x)` and `g^-1 h`.

    Args:
        width: number of channels in a head or in all heads, see `width_of`.
        group: group of the signal.
        lifting: whether queries and keys have no orientation, as in `LiftingSelfAttention`.
    """

    takes, gives = None, None  # tables in frames, not signals: an audit must not compare them

    whole_batch: ClassVar[bool] = False
    """Whether a whole batch is faster than a few images at a time."""

    def __init__(self, width: int, group: Group, lifting: bool = False) -> None:
        super().__init__()
        self.width, self.group, self.lifting = width, group, lifting

    @staticmethod
    def width_of(dim: int, head_dim: int) -> int:
        """The `width` of an encoding in a layer of `dim` channels, `head_dim` per head."""
        return dim

    @classmethod
    def build(cls, dim: int, head_dim: int, group: Group, lifting: bool) -> Encoding:
        """An encoding for a layer of `dim` channels, `head_dim` per head."""
        return cls(cls.width_of(dim, head_dim), group, lifting=lifting)

    def key_dim_of(self, head_dim: int) -> int:
        """Number of channels of the keys in a head; the queries have `head_dim`."""
        return head_dim

    def attend(
        self,
        query: Float[Tensor, "B heads Gq N d"],
        key: Float[Tensor, "B heads Gk M dk"],
        value: Float[Tensor, "B heads Gk M d"],
        k_proj: nn.Module,
        size: tuple[int, int],
        *,
        pool: int = 1,
        shift: int = 0,
    ) -> Float[Tensor, "B heads {self.group.order} N d"]:
        """Attention in which a query sees the relative position of each key.

        Args:
            query: `(B, heads, |G|, N, d)` on a grid of `size`, or `(B, heads, 1, N, d)`: lifting.
            key: `(B, heads, |G| or 1, N / pool^2, key_dim)`, each in the middle of `pool x pool`
                positions.
            value: `(B, heads, |G| or 1, N / pool^2, d)`.
            k_proj: `W_k`, which produced the keys.
            shift: the element `s` of [RC]'s sum over query orientations. Positions are then written
                in the frame `g s` instead of `g` (see `GroupSelfAttention`); 0 is the identity.

        Returns:
            `(B, heads, |G|, N, d)`.
        """
        raise NotImplementedError

    def check(self, dim: int, head_dim: int, group: Group, lifting: bool) -> None:
        """Raise ValueError if the encoding does not fit a layer."""
        expected = self.width_of(dim, head_dim)
        if (self.width, self.group, self.lifting) != (expected, group, lifting):
            name = type(self).__name__
            raise ValueError(
                f"the encoding is {name}({self.width}, {self.group!r}, lifting={self.lifting}), "
                f"but this layer needs {name}({expected}, {group!r}, lifting={lifting}); "
                "make it so, or pass encoding by name"
            )


class NoEncoding(Encoding):
    """No position encoding: attention to content only, [GCSA] eq. 3 and 4."""

    def attend(
        self,
        query: Float[Tensor, "B heads Gq N d"],
        key: Float[Tensor, "B heads Gk M dk"],
        value: Float[Tensor, "B heads Gk M d"],
        k_proj: nn.Module,
        size: tuple[int, int],
        *,
        pool: int = 1,
        shift: int = 0,
    ) -> Float[Tensor, "B heads {self.group.order} N d"]:
        return joint_attention(query, key, value)
