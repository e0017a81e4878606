"""The head of detectors: where the cores of objects are, how far they reach, where they point."""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import NamedTuple

import torch
from jaxtyping import Float
from torch import Tensor, nn

from isotrope.groups import Group
from isotrope.nn import Arrows, GroupConv


class Mixed(nn.Module):
    """`relu(F + conv(F))`: each orientation with what the others see at its position."""

    takes, gives = "lifted", "lifted"

    def __init__(self, dim: int, group: Group) -> None:
        super().__init__()
        self.conv = GroupConv(dim, dim, 1, group=group)
        with torch.no_grad():  # at first, each orientation is alone
            self.conv.weight.mul_(0.1)

    def forward(self, lifted: Float[Tensor, "B G H W C"]) -> Float[Tensor, "B G H W C"]:
        return (lifted + self.conv(lifted)).relu()


class OrientedMaps(nn.Module):
    """Base of detectors: every orientation says what it sees, some of it regardless of direction.

    `said(x, g) = say(Mixed(F))(x, g)`. The mean over `g` of a channel is an invariant map; the last
    channels stay scores of the orientations, which `Arrows` makes vectors, and `DetectHead`
    distances.

    Args:
        features: what gives the lifted signal `F`; `nn.Identity()` for a head.
        dim: channels of `F`.
        group: the group that it is lifted to.
        first: what the maps say at first, before any training, one value each.
        scores: number of scores of each orientation, 0 at first.
    """

    def __init__(
        self,
        features: nn.Module,
        dim: int,
        group: Group,
        first: Sequence[float],
        scores: int = 1,
    ) -> None:
        super().__init__()
        self.group, self.invariant = group, len(first)
        self.features = features
        self.mix = Mixed(dim, group)
        self.say = GroupConv(dim, len(first) + scores, 1, group=group)
        with torch.no_grad():
            self.say.weight.mul_(0.1)
            self.say.bias = nn.Parameter(torch.tensor([*first, *[0.0] * scores]))

    def speak(
        self, x: Tensor
    ) -> tuple[Float[Tensor, "B h w maps"], Float[Tensor, "B G h w scores"]]:
        """The invariant maps, and the scores of each orientation, of an input of `features`."""
        said = self.say(self.mix(self.features(x)))
        return said[..., : self.invariant].mean(1), said[..., self.invariant :]


class Objects(NamedTuple):
    """What `DetectHead` says of each position, on the grid of its features.

    Args:
        core: Logits of the cores of the objects of each class, `(B, classes, h, w)`. Invariant.
        sides: Logarithms of distances in pixels, `(B, |G|, h, w, 1)`: at the orientation `g`, how
            far the object reaches in the direction `g e`, `e` to the right. A lifted signal: in a
            turned image the right side is another side.
        arrow: The direction of the object, a field of vectors `(B, 2, h, w)`; None unless directed.
    """

    core: Float[Tensor, "B K h w"]
    sides: Float[Tensor, "B G h w 1"]
    arrow: Float[Tensor, "B 2 h w"] | None = None


class DetectHead(OrientedMaps):
    """`Objects` of any classes from a lifted signal `(B, |G|, h, w, dim)`.

    The text detector's head (`ocr.detection.linenet.model.LineNet`) with boxes for heights: the
    four sides of a box are the scores of the four directions, so they turn with the image. In D4,
    two orientations look in the same direction, and agree on their mean.

    Args:
        dim: channels of the lifted signal.
        group: a group with the four quarter turns: C4 or D4.
        classes: number of classes.
        size: the distance of the sides at first, px.
        directed: whether objects have a direction.

    Raises:
        ValueError: a group without the quarter turns, which cannot name the four sides; no classes;
            or a size that is not positive.
    """

    takes = "lifted"

    def __init__(
        self, dim: int, group: Group, classes: int = 1, size: float = 8.0, directed: bool = False
    ) -> None:
        if group.rotations != 4:
            raise ValueError(
                f"{group!r} does not turn one side of a box into each other one; use C4 or D4"
            )
        if classes < 1:
            raise ValueError(f"classes={classes} leaves nothing to detect; give 1 or more")
        if not size > 0:
            raise ValueError(f"size={size} is no distance; give a positive number of pixels")
        super().__init__(nn.Identity(), dim, group, [-2.0] * classes, scores=1 + directed)
        self.size = size
        self.arrows = Arrows(group) if directed else None
        self.gives = ("image", "lifted", "vectors") if directed else ("image", "lifted")

    def forward(self, lifted: Float[Tensor, "B G h w C"]) -> Objects:
        maps, scores = self.speak(lifted)
        sides = torch.einsum("bghwc,gk->bkhwc", scores[..., :1], self._alike(scores))
        arrow = None if self.arrows is None else self.arrows(scores[..., 1:])
        return Objects(maps.movedim(-1, 1), sides + math.log(self.size), arrow)

    def _alike(self, like: Tensor) -> Float[Tensor, "G G"]:
        """What makes means over the orientations that look in the same direction."""
        elements = self.group.elements
        ways = torch.stack([self.group.matrix(g)[:, 0] for g in elements])
        same = (ways @ ways.T > 0.5).to(like)
        return same / same.sum(0)
