"""Random draws for batches, one per image, from a torch.Generator on the images' device."""

from __future__ import annotations

import torch
from torch import Tensor


def uniform(generator: torch.Generator, count: int, low: float = 0.0, high: float = 1.0) -> Tensor:
    """Uniform random numbers `(count,)` between `low` and `high`."""
    drawn = torch.rand(count, generator=generator, device=generator.device)
    return low + (high - low) * drawn


def normal(generator: torch.Generator, *size: int) -> Tensor:
    """Standard normal numbers of the given size."""
    return torch.randn(*size, generator=generator, device=generator.device)


def chosen(generator: torch.Generator, chances: Tensor) -> Tensor:
    """Draw positions of a batch, each with its probability from `(B,)`: `(n,)` int64."""
    return (uniform(generator, len(chances)) < chances).nonzero()[:, 0]


def column(values: Tensor) -> Tensor:
    """Reshape `(B,)` or `(B, C)` to `(B, C, 1, 1)`, to multiply with images."""
    return values.reshape(len(values), *values.shape[1:] or (1,), 1, 1)


def severities(severity: float | Tensor, images: Tensor) -> Tensor:
    """Expand a severity for all images, or one for each, to `(B,)`.

    Raises:
        ValueError: A severity is negative, or the tensor has the wrong length.
    """
    each = torch.as_tensor(severity, dtype=torch.float32, device=images.device).expand(len(images))
    if bool((each < 0).any()):
        raise ValueError(f"severity={float(each.min())} is negative; give 0 (clean) or more")
    return each
