"""The frame: find which way is up, turn the image back, and pass it to any reader.

A front scores the orientations of an image: build one with `Orbit` or `Frame.from_lifted`. `Frame`
turns the image back by the best orientation: a learned canonicalization, Kaba et al. 2023,
arxiv.org/abs/2211.06489.
"""

# torch leaves some of its functions untyped, such as `unflatten` and `split`:
# pyright: reportUnknownMemberType=false, reportUnknownVariableType=false
# pyright: reportUnknownArgumentType=false
from __future__ import annotations

from dataclasses import dataclass
from functools import reduce

import torch
from jaxtyping import Float
from torch import Tensor, nn

from isotrope.groups import Group
from isotrope.nn.orbit import check_exact, check_images

ROUNDING = {torch.float64: 1e-9, torch.float32: 1e-5, torch.float16: 5e-3, torch.bfloat16: 2e-2}
"""Scores this close are equal, relative to the largest absolute score of an image."""


class OrientationHead(nn.Module):
    """Linear scores for each orientation of a lifted signal: `s(g) = mean_x w . F(x, g)`.

    Each output has its own `w`. Maps `(B, |G|, H, W, dim)` to `(B, |G|, outputs)`; ValueError for
    other inputs.
    """

    takes, gives = "lifted", "tokens"

    def __init__(self, dim: int, outputs: int = 1) -> None:
        super().__init__()
        self.weigh = nn.Linear(dim, outputs, bias=False)

    def forward(self, lifted: Float[Tensor, "B G H W C"]) -> Float[Tensor, "B G outputs"]:
        if lifted.ndim != 5 or lifted.shape[-1] != self.weigh.in_features:
            raise ValueError(
                f"shape {tuple(lifted.shape)} is not a lifted signal of this head's channels; "
                f"give (B, |G|, H, W, {self.weigh.in_features})"
            )
        return self.weigh(lifted.mean(dim=(2, 3)))


@dataclass(frozen=True)
class FramedImages:
    """The output of `Frame` for B images.

    Attributes:
        images: B tensors `(C, h, w)`, each `g*^-1 image`.
        elements: the B elements g*, by which the images were turned from upright.
        scores: `(B, |G|)`, the score of every orientation, with gradients.
        values: `(B, R)`, the front's further values at g*, such as the residual angle.
    """

    images: list[Tensor]
    elements: list[int]
    scores: Tensor
    values: Tensor

    def stack(self) -> Tensor:
        """The images as one tensor `(B, C, h, w)`; ValueError if their shapes differ."""
        sizes = sorted({f"{image.shape[1]}x{image.shape[2]}" for image in self.images})
        if len(sizes) > 1:
            raise ValueError(f"sizes {', '.join(sizes)} do not stack; batch by size, or resize")
        return torch.stack(self.images)


class Frame(nn.Module):
    """Turns each image back by its best orientation: `g*^-1 image`, `g* = argmax_g s(g)`.

    The scores of a turned image are permuted, `s'(g) = s(h^-1 g)`, so its best orientation is
    `h g*`, and the framed image is the same tensor, bit for bit, for every turn of the input.
    Any model that reads it is invariant. Maps `(B, C, H, W)` to `FramedImages`.

    Ties: among orientations whose best scores are equal up to rounding (`ROUNDING`: 1e-9 relative
    in float64, 1e-5 in float32) the frame takes the one whose turned image comes first
    lexicographically: by height, then width, then the first value that differs. So the framed image
    stays the same for symmetric images, although the reported element may be any of the tied ones,
    and even for a front whose scores are all equal.

    Training: the choice of g* has no gradient, but the scores have. Turn upright images by random
    elements and take `F.cross_entropy(frame(turned).scores, elements)`.

    Args:
        front: an equivariant module from images to scores `(B, |G|)`, or to `(B, |G|, 1 + R)`: the
            score and R further values for each orientation. Use `Orbit`, or see `from_lifted`.
        group: C1, C2, C4, D1, D2 or D4, which permute pixels.

    Raises:
        ValueError: another group, or a front whose output has another shape or non-finite scores.
    """

    takes, gives = "image", "invariant"

    def __init__(self, front: nn.Module, group: Group) -> None:
        super().__init__()
        self.front, self.group = front, check_exact(group)

    @classmethod
    def from_lifted(cls, front: nn.Module, dim: int, group: Group, outputs: int = 1) -> Frame:
        """A frame on a module that returns `(B, |G|, H, W, dim)`: adds an `OrientationHead`.

        Args:
            outputs: 1 + R, the score and R further values.
        """
        return cls(nn.Sequential(front, OrientationHead(dim, outputs)), group)

    def forward(
        self, images: Float[Tensor, "B C H W"], size: tuple[int, int] | None = None
    ) -> FramedImages:
        """Turn the images back.

        Args:
            size: Rows and columns that the turned images must have, so that images of 40x24 can
                all be turned to 24x40; None: any. The elements that give them take part, and
                these are turned along with the image, so the framed image stays the same.

        Raises:
            ValueError: No element gives this size, or the front gives other scores than it must.
        """
        said = self._ask(images)
        fitting = self._giving(size, (images.shape[2], images.shape[3]))
        tied = [[fitting[i] for i in ranked] for ranked in _within(said[:, fitting, 0], margin=0.0)]
        framed, elements = zip(*map(self._smallest, images, tied), strict=True)
        values = said[range(len(said)), elements, 1:]
        return FramedImages(list(framed), list(elements), said[..., 0], values)

    def candidates(self, images: Float[Tensor, "B C H W"], margin: float) -> list[list[int]]:
        """The elements whose score is within `margin` of the best, for each image, best first.

        A turn by `h` maps each element `g` of the set to `h g`. So a reader that reads the image
        turned back by every candidate, and keeps the likeliest text, stays invariant.
        """
        if not margin >= 0:
            raise ValueError(f"margin={margin} is negative; give a difference of scores, 0 or more")
        return _within(self._ask(images)[..., 0], margin)

    def _ask(self, images: Tensor) -> Tensor:
        """The front's scores and further values, `(B, |G|, 1 + R)`."""
        check_images(images)
        said, order = self.front(images), self.group.order
        if said.shape[:2] != (len(images), order) or said.ndim not in (2, 3) or not said.numel():
            raise ValueError(
                f"the front gives shape {tuple(said.shape)} for {len(images)} images; it must give "
                f"scores (B, {order}) or (B, {order}, 1 + R), or be wrapped by Frame.from_lifted"
            )
        said = said.unsqueeze(-1) if said.ndim == 2 else said
        if not said[..., 0].isfinite().all():
            raise ValueError("a score is not finite; look for NaN in the images and the weights")
        return said

    def _giving(self, size: tuple[int, int] | None, given: tuple[int, int]) -> list[int]:
        """The elements whose inverse turns an image of the `given` size to `size`."""
        group = self.group
        if size is None:
            return list(group.elements)
        swaps = {g: group.angle(g) % 180 != 0 for g in group.elements}
        fitting = [g for g, swap in swaps.items() if size == (given[::-1] if swap else given)]
        if not fitting:
            raise ValueError(
                f"no element of {group!r} turns images of {given[0]}x{given[1]} px to "
                f"{size[0]}x{size[1]} px; resize them"
            )
        return fitting

    def _smallest(self, image: Tensor, elements: list[int]) -> tuple[Tensor, int]:
        """The lexicographically smallest `g^-1 image (C, h, w)` of these elements, and its `g`."""
        turned = [(self.group.act_image(self.group.inverse(g), image), g) for g in elements]
        best, g = reduce(lambda a, b: b if _precedes(b[0], a[0]) else a, turned)
        # Always the same memory layout: later kernels may round differently in another.
        return best.clone(memory_format=torch.contiguous_format), g


def _within(scores: Tensor, margin: float) -> list[list[int]]:
    """The elements whose score is within `margin` of the best, up to rounding; best first."""
    scores = scores.detach()
    lowest = scores.amax(1) - margin - scores.abs().amax(1) * ROUNDING.get(scores.dtype, 0.0)
    counts = (scores >= lowest[:, None]).sum(1).tolist()
    ranked = scores.argsort(dim=1, descending=True).tolist()
    return [elements[:count] for elements, count in zip(ranked, counts, strict=True)]


def _precedes(a: Tensor, b: Tensor) -> bool:
    """Whether `a` comes before `b`: by shape, then by the first value in which they differ."""
    if a.shape != b.shape:
        return a.shape < b.shape
    first = int((a != b).flatten().int().argmax())  # 0 where they are equal
    return bool(a.flatten()[first] < b.flatten()[first])
