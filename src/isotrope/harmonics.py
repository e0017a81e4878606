"""Filters as functions of the plane, which turn by any angle: circular harmonics on rings.

A filter of `k x k` weights cannot be turned by 45 degrees: its corners would fall outside, and
sampling between its weights blurs them. So for a group that turns between pixels, a filter is a sum
of functions that turn without loss (steerable filters, Weiler et al. 2018):

    psi_(r,m)(rho, phi) = exp(-(rho - r)^2 / (2 SPREAD^2)) cos(m phi), and sin(m phi)

on rings `r` one pixel apart, with the frequencies `m <= 2 r` that the pixels on a ring can tell
apart: 6 functions for 3x3 weights, 15 for 5x5, 28 for 7x7. Turned by `theta`, the angular part is
`cos(m (phi - theta))`, again a sum of these. The free weights of a layer stand for the sum nearest
to them.

The remaining error comes from applying a filter at pixels only: when waves of 16, 8 and 5 px turn
by 45 degrees, the response of a random 5x5 filter over C8 changes by 2, 4 and 6% (root mean
square); with filters turned by sampling, by 39 to 46% (`tests/test_harmonics.py`).
"""

# torch leaves some of its functions untyped, such as `unflatten` and `split`:
# pyright: reportUnknownMemberType=false, reportUnknownVariableType=false
# pyright: reportUnknownArgumentType=false
from __future__ import annotations

import math
from functools import cache

import numpy as np
import torch
from jaxtyping import Float, Float64
from torch import Tensor

SPREAD = 0.45
"""Width of a ring, in pixels. The square of weights cuts off the sides of a wider ring but not its
corners, and a narrower ring falls between pixels: either way the error soon doubles."""


@torch.compiler.allow_in_graph  # the matrix is a constant; no need to trace how it is made
def turned_smoothly(
    weight: Float[Tensor, "*channels k k"], degrees: float
) -> Float[Tensor, "*channels k k"]:
    """`w(R^-1 x)`: the sums nearest to filters `(..., k, k)`, turned counter-clockwise.

    At 0 degrees this is the sum itself, which is not `weight`. Repeated turns add up exactly.
    """
    by_side = turn_matrix(weight.shape[-1], degrees)
    matrix = torch.tensor(by_side, dtype=weight.dtype, device=weight.device)
    return (weight.flatten(-2) @ matrix.T).view_as(weight)


@cache
def turn_matrix(side: int, degrees: float) -> Float64[np.ndarray, "{side}**2 {side}**2"]:
    """`(k k, k k)`: maps weights to their nearest sum of harmonics, turned."""
    return harmonics(side, degrees) @ np.linalg.pinv(harmonics(side))


def harmonics(side: int, degrees: float = 0.0) -> Float64[np.ndarray, "{side}**2 functions"]:
    """Each `psi`, turned, at the places of `k x k` weights: `(k k, functions)`."""
    along = np.arange(side) - (side - 1) / 2
    x, y = np.meshgrid(along, -along)  # rows go down
    rho, phi = np.hypot(x, y).ravel(), np.arctan2(y, x).ravel() - math.radians(degrees)
    functions: list[np.ndarray] = []
    for ring in np.unique(np.abs(along)):
        height = np.exp(-((rho - ring) ** 2) / (2 * SPREAD**2))
        functions.append(height)
        for m in range(1, int(2 * ring) + 1):  # the middle has no direction
            functions += [height * (rho > 0) * f(m * phi) for f in (np.cos, np.sin)]
    return np.stack(functions, axis=1)
