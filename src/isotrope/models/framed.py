"""`Framed`: any model behind a frame, exactly invariant at once."""

# torch leaves its trees of outputs untyped:
# pyright: reportUnknownMemberType=false, reportUnknownVariableType=false
# pyright: reportUnknownArgumentType=false
from __future__ import annotations

from collections.abc import Callable
from typing import Any

import torch
from jaxtyping import Float
from torch import Tensor, nn
from torch.utils._pytree import tree_map

from isotrope.groups import Group, group_from_name
from isotrope.models.pixels import first_weight
from isotrope.nn.frame import Frame
from isotrope.nn.orbit import Orbit


class Framed(nn.Module):
    """A model of any architecture on the image turned back: `model(g*^-1 image)`.

    The front scores the orientations, `s'(g) = s(h^-1 g)` for an image turned by `h`, and
    `g* = argmax_g s(g)`. The model gets the same tensor, bit for bit, for every turn of the image
    (`Frame`, also for ties), so whatever it returns is invariant: a torch module, a ViT of
    transformers, a pretrained network with its adapters.

    What the scores mean depends on the front, the invariance does not:

    - A new front (`front=None`) has random weights. Its choice is exact but arbitrary: it is the
      same for all turns of one image, and has nothing to do with what people call upright. A model
      that was trained on upright images gets them upright only by luck.
    - `Framed.by_confidence` asks the model: the orientation in which it is surest. No training,
      `|G| + 1` times its cost.
    - A trained front. If "up" is known: turn upright images by random elements, and minimize
      `F.cross_entropy(framed.frame(turned).scores, elements)`. If nothing is upright, train the
      front with the model on the loss of the task: in training mode the scores of a square image
      get a straight-through gradient, as if the model had read
      `sum_g softmax(s)(g) g^-1 image`, and the image that it reads stays the turned one.

    Outputs are tensors, or tuples, dicts and `ModelOutput`s of tensors, whose first axis is the
    batch. Images that are turned to different shapes go through the model one shape after another.

    Sources: Kaba et al. 2023, arxiv.org/abs/2211.06489 (the frame, the straight-through gradient);
    Mondal et al. 2023, arxiv.org/abs/2310.01647 (before pretrained models).

    Example:
        >>> import torch
        >>> from isotrope import Framed
        >>> model = torch.nn.Sequential(torch.nn.Flatten(), torch.nn.Linear(3 * 9 * 9, 5))
        >>> framed, images = Framed(model), torch.rand(2, 3, 9, 9)
        >>> bool((framed(images.rot90(1, (2, 3))) == framed(images)).all())
        True

    Args:
        model: Takes images `(B, C, h, w)`; it is not changed.
        group: C1, C2, C4, D1, D2 or D4, or its name. With D4, mirrored images give the same output.
        front: An equivariant module from images to scores, as in `Frame`; None: a `small_front`
            with random weights, in the dtype and on the device of the model.
        in_channels: Number of channels of the images, for a new front.
        size: Rows and columns that the model takes, if it takes only one size that is not square;
            images of 40x24 are then turned to 24x40. None: any.

    Raises:
        ValueError: A group that turns between pixels, a front that gives other scores, or images
            of other channels than a new front takes.
    """

    takes, gives = "image", "invariant"
    inside = None  # the model sees an image that does not turn

    def __init__(
        self,
        model: nn.Module,
        group: Group | str = "C4",
        front: nn.Module | None = None,
        *,
        in_channels: int = 3,
        size: tuple[int, int] | None = None,
    ) -> None:
        super().__init__()
        group = group_from_name(group) if isinstance(group, str) else group
        self.model = model
        self.size = None if size is None else (size[0], size[1])  # a list from JSON too
        self.in_channels = in_channels if front is None else None
        if front is None:
            front = small_front(group, in_channels)
            if (like := first_weight(model)) is not None:
                front.to(like)
        self.frame = Frame(front, group)

    @classmethod
    def by_confidence(cls, model: nn.Module, group: Group | str = "C4") -> Framed:
        """A frame that turns each image to the orientation in which a classifier is surest.

        `s(g) = max_c log softmax(model(g^-1 image))_c`. The model reads each image |G| + 1 times.
        """
        group = group_from_name(group) if isinstance(group, str) else group
        return cls(model, group, Orbit(Confidence(model), group))

    def forward(self, images: Float[Tensor, "B C H W"]) -> Any:
        known = self.in_channels
        if known is not None and images.ndim == 4 and images.shape[1] != known:
            raise ValueError(
                f"images have {images.shape[1]} channels and the frame's front takes {known}; pass "
                f"in_channels={images.shape[1]} to Framed"
            )
        return read_framed(self.frame, self.model, images, self.size)


class Confidence(nn.Module):
    """The log-probability of a classifier's likeliest class, `(B, 1)`, without gradient."""

    takes, gives = "image", None

    def __init__(self, model: nn.Module) -> None:
        super().__init__()
        self.model = model

    @torch.no_grad()
    def forward(self, images: Float[Tensor, "B C H W"]) -> Float[Tensor, "B 1"]:
        output = self.model(images)
        logits = output if isinstance(output, Tensor) else getattr(output, "logits", None)
        if not isinstance(logits, Tensor) or logits.ndim != 2:
            raise ValueError(
                f"{type(self.model).__name__} does not return logits (B, classes), whose maximum "
                "is its confidence; pass a front of your own"
            )
        return logits.log_softmax(1).amax(1, keepdim=True)


def small_front(group: Group, in_channels: int = 3, dim: int = 8) -> Orbit:
    """Scores `(B, |G|, 1)` by a small convolutional network on every turn, for any image size."""
    network = nn.Sequential(
        *(nn.Conv2d(in_channels, dim, 5, stride=2, padding=2), nn.GELU()),
        *(nn.Conv2d(dim, 2 * dim, 3, stride=2, padding=1), nn.GELU()),
        *(nn.Conv2d(2 * dim, 2 * dim, 3, stride=2, padding=1), nn.GELU()),
        *(nn.AdaptiveAvgPool2d(1), nn.Flatten(), nn.Linear(2 * dim, 1)),
    )
    return Orbit(network, group)


def read_framed(
    frame: Frame,
    read: Callable[[Tensor], Any],
    images: Float[Tensor, "B C H W"],
    size: tuple[int, int] | None = None,
) -> Any:
    """`read` of the images that `frame` has turned back, in the order of the images.

    Raises:
        ValueError: Turned to two shapes, the images give outputs of two shapes.
    """
    framed = frame(images, size)
    shapes = [image.shape for image in framed.images]
    distinct = sorted(set(shapes))
    if len(distinct) == 1:
        return read(_with_gradient(frame, images, framed.stack(), framed.scores))
    numbers = [[i for i, shape in enumerate(shapes) if shape == one] for one in distinct]
    outputs = [read(torch.stack([framed.images[i] for i in part])) for part in numbers]
    order = torch.tensor([i for part in numbers for i in part], device=images.device).argsort()

    def joined(*parts: Any) -> Any:
        if not all(isinstance(part, Tensor) for part in parts):
            return parts[0]
        if len({part.shape[1:] for part in parts}) > 1:
            raise ValueError(
                f"the outputs for images of {' and '.join(f'{s[1]}x{s[2]}' for s in distinct)} px "
                f"have shapes {' and '.join(str(tuple(p.shape)) for p in parts)}; pass size= to "
                "turn all images to one shape, or a model that pools its positions"
            )
        return torch.cat(parts)[order]

    return tree_map(joined, *outputs)


def _with_gradient(frame: Frame, images: Tensor, turned: Tensor, scores: Tensor) -> Tensor:
    """The turned images, with the straight-through gradient of the scores in training mode."""
    square = images.shape[2] == images.shape[3]
    if not (frame.training and square and scores.requires_grad):
        return turned
    group = frame.group
    each = [group.act_image(group.inverse(g), images) for g in group.elements]
    soft = torch.einsum("bg,gb...->b...", scores.softmax(1), torch.stack(each))
    return turned + (soft - soft.detach())  # adds zero
