"""Mixup and CutMix: images of a batch mixed in pairs, and their labels with them."""

from __future__ import annotations

import math

import numpy as np
import torch
import torch.nn.functional as F
from torch import Tensor


def mixed(
    images: Tensor,
    labels: Tensor,
    classes: int,
    rng: np.random.Generator,
    mixup: float = 0.0,
    cutmix: float = 0.0,
) -> tuple[Tensor, Tensor]:
    """Mix image `i` with image `B - 1 - i`, all in one proportion drawn from `Beta(a, a)`.

    Mixup (Zhang et al. 2018) adds them, `l x_i + (1 - l) x_j`; CutMix (Yun et al. 2019) puts a
    rectangle of one into the other. If both are on, each batch gets one of them, by even chance.

    Args:
        images, labels: `(B, C, H, W)` and int64 `(B,)`.
        mixup, cutmix: The `a` of each; 0: off.

    Returns:
        The images, and the shares of the classes `(B, classes)`.
    """
    targets = F.one_hot(labels, classes).float()
    kinds = [kind for kind, a in (("mixup", mixup), ("cutmix", cutmix)) if a]
    if not kinds:
        return images, targets
    kind = kinds[int(rng.integers(len(kinds)))]
    share = float(rng.beta(mixup, mixup) if kind == "mixup" else rng.beta(cutmix, cutmix))
    others = images.flip(0)
    if kind == "mixup":
        images = share * images + (1 - share) * others
    else:
        rows, columns = images.shape[2:]
        top, bottom = _span(rows, math.sqrt(1 - share), rng)
        left, right = _span(columns, math.sqrt(1 - share), rng)
        images = images.clone()
        images[:, :, top:bottom, left:right] = others[:, :, top:bottom, left:right]
        share = 1 - (bottom - top) * (right - left) / (rows * columns)
    return images, torch.lerp(targets.flip(0), targets, share)


def _span(length: int, share: float, rng: np.random.Generator) -> tuple[int, int]:
    """A span of about this share of a side, cut off at its ends."""
    middle, half = int(rng.integers(length)), round(length * share / 2)
    return max(0, middle - half), min(length, middle + half)
