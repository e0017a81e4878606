"""Batched torch operations that make rendered text look photographed or scanned.

Every operation takes images `(B, 3, H, W)`, float in [0, 1], a `torch.Generator` on their device
and a severity (0 leaves images unchanged; one value for all or one per image), and returns images
of the same size. The result depends only on the images, the generator's state and the severity.
"""

from isotrope.data.augment.bilevel import bilevel
from isotrope.data.augment.blocking import blocking
from isotrope.data.augment.blur import blur
from isotrope.data.augment.contrast import contrast, legible
from isotrope.data.augment.degrade import Degrade
from isotrope.data.augment.light import light
from isotrope.data.augment.low_resolution import low_resolution
from isotrope.data.augment.noise import noise
from isotrope.data.augment.styles import Paper, Scene
from isotrope.data.augment.warp import warp

__all__ = [
    "Degrade",
    "Paper",
    "Scene",
    "bilevel",
    "blocking",
    "blur",
    "contrast",
    "legible",
    "light",
    "low_resolution",
    "noise",
    "warp",
]
