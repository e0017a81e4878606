"""Black-and-white images, as from fax machines, old scanners and microfilm."""

from __future__ import annotations

import torch
from torch import Tensor

from isotrope.data.augment.draws import chosen, column, normal, severities, uniform
from isotrope.data.augment.fields import clouds, sides
from isotrope.data.augment.palette import brightness


def bilevel(images: Tensor, generator: torch.Generator, severity: float | Tensor = 1.0) -> Tensor:
    """Make a quarter of the images `(B, 3, H, W)` nearly black and white at severity 1.

    A low threshold between ink and paper breaks thin strokes, a high one joins letters.
    """
    severity = severities(severity, images)
    at = chosen(generator, 0.25 * severity)
    if not len(at):
        return images
    count, size = len(at), sides(images)
    gray = brightness(images[at])
    low, high = gray.amin((2, 3), keepdim=True), gray.amax((2, 3), keepdim=True)
    place = (gray - low) / (high - low).clamp(min=1e-3)
    place += column(0.1 * uniform(generator, count)) * normal(generator, count, 1, *size)
    place += column(0.06 * uniform(generator, count)) * clouds(generator, count, size, 2.0)
    steep = column(torch.exp(uniform(generator, count, 2.0, 4.0)))
    result = images.clone()
    result[at] = torch.sigmoid(steep * (place - column(uniform(generator, count, 0.35, 0.75))))
    return result
