"""A set of gray images with bright discs, and their labels."""

import numpy as np
from PIL import Image

BACKBONE = {
    **{"group": "D4", "patch": (4, 2, 1), "norm": "batch"},
    "stages": [
        {"mixer": "plain", "depth": 1, "dim": 4},
        {"mixer": "plain", "depth": 1, "dim": 6, "stride": 2},
    ],
}
"""A small backbone that learns them in seconds."""


def disc_labels(rng, size, count=4, radius=(5, 8)):
    """Discs that may touch; a later one covers earlier ones."""
    y, x = np.mgrid[: size[0], : size[1]]
    labels = np.zeros(size, np.uint16)
    for number in range(1, count + 1):
        row, column, r = rng.uniform(0, size[0]), rng.uniform(0, size[1]), rng.uniform(*radius)
        labels[(y - row) ** 2 + (x - column) ** 2 < r**2] = number
    return labels


def write_discs(folder, train=6, valid=2, size=(48, 64)):
    """`SPLIT/images/N.png` and `SPLIT/labels/N.png`."""
    rng = np.random.default_rng(0)
    for split, count in (("train", train), ("valid", valid)):
        for part in ("images", "labels"):
            (folder / split / part).mkdir(parents=True)
        for number in range(count):
            labels = disc_labels(rng, size)
            pixels = 40 + 20 * rng.standard_normal(size) + 120 * (labels > 0)
            image = Image.fromarray(pixels.clip(0, 255).astype(np.uint8))
            image.save(folder / split / "images" / f"{number}.png")
            Image.fromarray(labels).save(folder / split / "labels" / f"{number}.png")
    return folder
