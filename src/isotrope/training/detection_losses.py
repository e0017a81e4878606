"""The losses of a detector's maps."""

from __future__ import annotations

import torch
from torch import Tensor
from torch.nn import functional


def map_loss(logits: Tensor, target: Tensor, known: Tensor, near: int, paper: float) -> Tensor:
    """Cross-entropy plus Dice loss of a map of probabilities, as DB (Liao et al. 2020) has.

    `sum w ce / sum w + 1 - 2 sum p t / (sum p + sum t)`. The weight w is 1 on text and close to it,
    where lines must be kept apart, and `paper` elsewhere, since most of a page is blank.

    Args:
        logits: `(B, h, w)`.
        target: Probabilities `(B, h, w)`.
        known: 1 where `target` is known, else 0, `(B, h, w)`.
        near: Distance in positions that counts as close.
        paper: Weight of blank paper.
    """
    close = functional.max_pool2d(target[:, None], 2 * near + 1, 1, near)[:, 0] > 0
    weight = known * torch.where(close, 1.0, paper)
    entropy = functional.binary_cross_entropy_with_logits(logits, target, weight, reduction="sum")
    said, target = logits.sigmoid() * known, target * known
    shared, both = (said * target).sum((1, 2)), (said + target).sum((1, 2))
    return entropy / weight.sum().clamp(min=1) + (1 - (2 * shared + 1) / (both + 1)).mean()


def arrow_loss(arrow: Tensor, target: Tensor) -> Tensor:
    """Mean squared error of vectors `(B, 2, h, w)` where the target is not 0."""
    inside = target.square().sum(1) > 0.5
    wrong = (arrow - target).square().sum(1)
    return (wrong * inside).sum() / inside.sum().clamp(min=1)


def height_loss(height: Tensor, target: Tensor) -> Tensor:
    """Mean absolute error of logarithms `(B, h, w)` where the target is not 0."""
    inside = target != 0
    return ((height - target).abs() * inside).sum() / inside.sum().clamp(min=1)
