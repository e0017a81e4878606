"""From the maps of a detector to boxes, equivariantly; and boxes against each other."""

from __future__ import annotations

import math
from dataclasses import dataclass, replace

import numpy as np

from isotrope.groups import DihedralGroup, Group
from isotrope.models.heads.detect import Objects

_D4 = DihedralGroup(4)


@dataclass(frozen=True)
class Box:
    """An object: its sides in pixels, from the left and upper border of the image.

    Args:
        sides: Left, upper, right and lower side.
        kind: The number of its class.
        confidence: The mean probability of its core.
        arrow: Its direction, `(column, row)`, as long as the model's arrows there are on average;
            None unless the model is `directed`.
    """

    sides: tuple[float, float, float, float]
    kind: int
    confidence: float
    arrow: tuple[float, float] | None = None


@dataclass(frozen=True)
class Finding:
    """How boxes are made from maps.

    Args:
        threshold: Probability from which a position belongs to a core.
        sure: Least mean probability of a core.
        smallest: Least number of positions of a core.

    Raises:
        ValueError: `threshold` is not between 0 and 1.
    """

    threshold: float = 0.5
    sure: float = 0.5
    smallest: int = 1

    def __post_init__(self) -> None:
        if not 0 < self.threshold < 1:
            raise ValueError(
                f"threshold={self.threshold} is no probability between 0 and 1; give 0.5"
            )


def find_boxes(found: Objects, group: Group, stride: int, how: Finding = Finding()) -> list[Box]:
    """The boxes in the maps of one image, in any order.

    Each connected part of a core is an object; its sides and its arrow are means over the part,
    weighted by the probability. Nothing depends on the order of pixels but the order of the boxes,
    and the rounding of sums: a turned image gives the turned boxes.

    Args:
        found: Of a batch of one.
        group: The group of the head.
        stride: Pixels per position.
    """
    from skimage.measure import label

    logits = found.core[0].double()
    cores = logits.sigmoid().cpu().numpy()
    reach = found.sides[0, side_elements(group), :, :, 0].double().exp().cpu().numpy()
    # No arrow is a field of no components.
    field = [] if found.arrow is None else found.arrow[0].double().cpu().numpy()
    level = math.log(how.threshold / (1 - how.threshold))
    boxes = []
    for kind, inside in enumerate((logits > level).cpu().numpy()):
        parts = np.asarray(label(inside, connectivity=1))
        rows, columns = np.nonzero(parts)
        numbers, weights = parts[rows, columns], cores[kind, rows, columns]
        right, up, left, down = reach[:, rows, columns]
        x, y = (columns + 0.5) * stride, (rows + 0.5) * stride
        counts = np.bincount(numbers)
        total = np.bincount(numbers, weights)
        values = [x - left, y - up, x + right, y + down, *(part[rows, columns] for part in field)]
        sums = [np.bincount(numbers, weights * value) for value in values]
        for n in range(1, len(counts)):
            confidence = float(total[n] / counts[n])
            if counts[n] >= how.smallest and confidence >= how.sure:
                means = [float(each[n] / total[n]) for each in sums]
                sides, arrow = tuple(means[:4]), tuple(means[4:]) or None
                boxes.append(Box(sides, kind, confidence, arrow))  # pyright: ignore[reportArgumentType]
    return boxes


def side_elements(group: Group) -> list[int]:
    """Elements of C4 or D4 that look to the right, up, left and down."""
    ways = [tuple(group.matrix(g)[:, 0].int().tolist()) for g in group.elements]
    return [ways.index(way) for way in ((1, 0), (0, -1), (-1, 0), (0, 1))]


def turned_box(box: Box, element: int, size: tuple[int, int]) -> Box:
    """The box in the image turned by an element of D4.

    Args:
        size: Height and width of the image before the turn.
    """
    middle = np.array([size[1], size[0]]) / 2
    matrix = _D4.matrix(element).numpy()
    corners = (np.array(box.sides).reshape(2, 2) - middle) @ matrix.T
    after = middle if _D4.angle(element) % 180 == 0 else middle[::-1]
    low, high = corners.min(0) + after, corners.max(0) + after
    arrow = None if box.arrow is None else (matrix @ box.arrow).tolist()
    sides = (*low.tolist(), *high.tolist())
    return replace(box, sides=sides, arrow=None if arrow is None else tuple(arrow))


def box_ious(one: np.ndarray, other: np.ndarray) -> np.ndarray:
    """Intersection over union of every pair of boxes: `(n, 4)` and `(m, 4)` to `(n, m)`."""
    low = np.maximum(one[:, None, :2], other[None, :, :2])
    high = np.minimum(one[:, None, 2:], other[None, :, 2:])
    shared = np.clip(high - low, 0, None).prod(2)
    areas = [np.clip(each[:, 2:] - each[:, :2], 0, None).prod(1) for each in (one, other)]
    return shared / np.maximum(areas[0][:, None] + areas[1][None] - shared, 1e-12)


def boxes_of(labels: np.ndarray) -> np.ndarray:
    """The boxes of the instances in a map of labels `(H, W)`: `(n, 4)`, px."""
    rows, columns = np.nonzero(labels)
    numbers = np.unique(labels[rows, columns], return_inverse=True)[1]
    count = int(numbers.max(initial=-1)) + 1
    low, high = np.full((count, 2), math.inf), np.full((count, 2), -math.inf)
    points = np.stack([columns, rows], 1)
    np.minimum.at(low, numbers, points)
    np.maximum.at(high, numbers, points + 1)
    return np.concatenate([low, high], 1)
