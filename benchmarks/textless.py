"""Images without text, like crops of a page or photograph that miss the text."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
from PIL import Image

Draw = Callable[[np.random.Generator, np.ndarray, np.ndarray], np.ndarray]
"""Maps a generator, rows `(H, 1)` and columns `(1, W)` to the fraction of a second color at each
pixel, `(H, W)`, which is clipped to [0, 1] afterwards."""


def textless(kind: str, rng: np.random.Generator) -> np.ndarray:
    """Draw an image (H, W, 3), uint8, of a kind in `KINDS`: two colors mixed, text-like size."""
    height = int(rng.integers(24, 80))
    width = int(height * rng.uniform(1, 6))
    share = KINDS[kind](rng, np.arange(height)[:, None], np.arange(width)[None])
    ground, other = rng.uniform(0, 255, (2, 3))
    share = np.broadcast_to(share, (height, width))[..., None]
    return np.clip(ground + (other - ground) * share, 0, 255).astype(np.uint8)


def _blank(rng, y, x):
    return np.zeros((1, 1))


def _gradient(rng, y, x):
    along = _along(rng, y / len(y), x / x.size)
    return (along - along.min()) / np.ptp(along)


def _noise(rng, y, x):
    return rng.normal(0, rng.uniform(0.02, 0.5), (len(y), x.size))


def _texture(rng, y, x):
    scales = ((2, 0.3), (5, 0.4), (12, 0.3))
    return rng.uniform(0.3, 1) * sum(share * _field(rng, y, x, size) for size, share in scales)


def _stripes(rng, y, x):
    waves = np.sin(2 * np.pi * _along(rng, y, x) / rng.uniform(3, 20))
    return 0.5 + 0.5 * (np.sign(waves) if rng.random() < 0.5 else waves)


def _smooth(rng, y, x):
    return _field(rng, y, x, rng.uniform(len(y) / 4, len(y)))


def _blob(rng, y, x):
    middle = rng.uniform(0.3, 0.7) * len(y), rng.uniform(0.2, 0.8) * x.size
    away = np.hypot(y - middle[0], (x - middle[1]) * rng.uniform(0.5, 1.5))
    return _step(rng.uniform(0.1, 0.35) * len(y) - away, rng.uniform(0.5, len(y) / 6))


def _edge(rng, y, x):
    edge = _step(_along(rng, y - len(y) / 2, x - x.size / 2), rng.uniform(0.3, 3))
    return edge + rng.normal(0, 0.02, edge.shape)


def _along(rng, y, x):
    """Position of each pixel along a random direction."""
    angle = rng.uniform(0, 2 * np.pi)
    return np.cos(angle) * x + np.sin(angle) * y


def _step(x, softness):
    return 1 / (1 + np.exp(-np.clip(x / softness, -40, 40)))


def _field(rng, y, x, scale):
    """Random values, one per `scale` pixels, smoothly interpolated."""
    few = (max(2, int(x.size / scale)), max(2, int(len(y) / scale)))
    values = Image.fromarray(rng.random((few[1], few[0])).astype(np.float32))
    return np.asarray(values.resize((x.size, len(y)), Image.Resampling.BICUBIC), np.float64)


KINDS: dict[str, Draw] = {
    "blank": _blank,
    "gradient": _gradient,
    "noise": _noise,
    "texture": _texture,
    "stripes": _stripes,
    "smooth": _smooth,
    "blob": _blob,
    "edge": _edge,
}
