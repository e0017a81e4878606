"""Small random changes to real images, and to the previous tokens that a decoder sees."""

from __future__ import annotations

import numpy as np
import torch
from torch import Tensor
from torch.nn import functional

from isotrope.text.tokens import SPECIAL


def sheared_and_relit(image: Tensor, rng: np.random.Generator) -> Tensor:
    """A line or word randomly sheared, stretched and relit: `(3, H, W)`, of the same size."""
    rows, columns = image.shape[1:]
    slant, tilt = rng.uniform(-0.15, 0.15), rng.uniform(-0.06, 0.06)
    grow, drop = rng.uniform(0.92, 1.1), rng.uniform(-0.06, 0.06)
    # In half sides: x_in = x + slant (H/W) y, y_in = tilt x + grow y + drop.
    matrix = torch.tensor([[[1.0, slant * rows / columns, 0.0], [tilt, grow, drop]]])
    grid = functional.affine_grid(matrix, [1, 3, rows, columns], align_corners=False)
    moved = functional.grid_sample(image[None], grid, padding_mode="border", align_corners=False)[0]
    gain, shift, power = rng.uniform(0.7, 1.2), rng.uniform(-0.1, 0.1), rng.uniform(0.7, 1.4)
    return (((moved - 0.5) * gain + 0.5 + shift).clamp(0, 1)) ** power


def warped(image: Tensor, rng: np.random.Generator) -> Tensor:
    """Handwriting with strokes moved, slanted, thickened or thinned: `(3, H, W)`, of the same size.

    Knots 0.4 heights apart get normal displacements with a standard deviation of 0.05 heights
    (Wigington et al. 2017).
    """
    rows, columns = image.shape[1:]
    slant, weight = rng.uniform(-0.4, 0.4), rng.uniform(-0.6, 0.6)
    # In half sides, as above.
    matrix = torch.tensor([[[1.0, slant * rows / columns, 0.0], [0.0, 1.0, 0.0]]])
    grid = functional.affine_grid(matrix, [1, 3, rows, columns], align_corners=False)
    knots = torch.from_numpy(
        rng.normal(0, 0.05, (1, 2, 4, 2 + round(2.5 * columns / rows)))
    ).float()
    moves = functional.interpolate(knots, (rows, columns), mode="bicubic", align_corners=True)
    grid = grid + 2 * moves.movedim(1, 3) * torch.tensor([rows / columns, 1.0])
    moved = functional.grid_sample(image[None], grid, padding_mode="border", align_corners=False)[0]
    darkest, brightest = (s * functional.max_pool2d(s * moved, 3, 1, 1) for s in (-1, 1))
    return moved.lerp(darkest if weight > 0 else brightest, abs(weight))


def cropped_and_recolored(image: Tensor, rng: np.random.Generator, inverted: float = 0.3) -> Tensor:
    """A real crop `(3, H, W)` with random margins, contrast and channel order; some inverted."""
    rows, columns = image.shape[1:]
    top, bottom, left, right = (rng.uniform(-0.05, 0.06, 4) * min(rows, columns)).astype(int)
    cut = image[:, max(0, top) : rows - max(0, bottom), max(0, left) : columns - max(0, right)]
    pad = [max(0, -p) for p in (left, right, top, bottom)]
    cut = functional.pad(cut[None], pad, mode="replicate")[0]
    gain, shift = rng.uniform(0.6, 1.2), rng.uniform(-0.15, 0.15)
    cut = ((cut - 0.5) * gain + 0.5 + shift).clamp(0, 1)
    if rng.random() < 0.5:
        cut = cut[torch.from_numpy(rng.permutation(3))]
    return 1 - cut if rng.random() < inverted else cut


def with_wrong_tokens(tokens: Tensor, share: float, vocabulary: int) -> Tensor:
    """Replace some characters at random, so that the decoder learns to recover from errors."""
    other = torch.randint_like(tokens, SPECIAL, vocabulary)
    drawn = torch.rand(tokens.shape, device=tokens.device) < share
    return tokens.where((tokens < SPECIAL) | ~drawn, other)
