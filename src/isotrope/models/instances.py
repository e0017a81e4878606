"""From the maps of a segmenter to instances, by a watershed that commutes with turns."""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import Protocol

import numpy as np
import torch
from torch import Tensor

from isotrope.groups import DihedralGroup, Group
from isotrope.models.pixels import fitted, like_weights, one_image, stretched
from isotrope.nn.canonical import canonically, least_turns

_D4 = DihedralGroup(4)
_CROSS = np.array([[0, 1, 0], [1, 1, 1], [0, 1, 0]])


@dataclass(frozen=True)
class Watershed:
    """How instances are made from maps.

    Args:
        inside: Probability from which a pixel belongs to an instance.
        rise: How far the distance must rise from a saddle to a peak for the peak to be an instance
            of its own. Lower peaks are ripples of the network.
        smallest: Fewest pixels of an instance.

    Raises:
        ValueError: `inside` is not between 0 and 1, or `rise` is negative.
    """

    inside: float = 0.5
    rise: float = 0.2
    smallest: int = 20

    def __post_init__(self) -> None:
        if not 0 < self.inside < 1:
            raise ValueError(f"inside={self.inside} is no probability between 0 and 1; give 0.5")
        if not self.rise >= 0:
            raise ValueError(f"rise={self.rise} is negative; give a distance such as 0.2")


class Network(Protocol):
    """A network whose maps `(B, 2, H, W)` are logits of the foreground and distances."""

    group: Group
    unit: int

    def __call__(self, image: Tensor) -> Tensor: ...


@torch.no_grad()
def segment(network: Network, image: Tensor, how: Watershed = Watershed()) -> np.ndarray:
    """The instances of an image of any size: labels `(H, W)`, int32, 0 outside.

    The instances of a turned image are the turned instances, exactly, for every element of the
    network's group: the network sees the same copy of the image at all of them (`canonically`).

    Args:
        network: in eval mode.
        image: `(C, H, W)`, 8 or 16 bits or float, on any scale.
    """
    image = one_image(image)
    return find_instances(canonically(lambda x: maps_of(network, x), image, network.group), how)


@torch.no_grad()
def maps_of(network: Network, image: Tensor) -> Tensor:
    """The maps `(2, H, W)` of an image `(C, H, W)` of any size, as the network gives them."""
    pixels, undo = fitted(like_weights(stretched(image)[None], network), network.unit)
    return undo(network(pixels).float())[0].cpu()


def find_instances(maps: Tensor, how: Watershed = Watershed()) -> np.ndarray:
    """The instances in maps `(2, H, W)`: labels `(H, W)`, int32, 0 outside.

    Cores are the peaks of the distances that rise by `how.rise` or more (h-maxima, Soille 1999); a
    watershed (Meyer 1994, both as scikit-image has them) floods the rest of the foreground from
    them. Each connected part of the foreground has a core.

    Turned maps give the turned instances exactly, ties and plateaus included: the watershed runs on
    the least turned copy of the maps (`least_turns`). Maps that are symmetric themselves are
    flooded at each of their symmetries, and pixels on which these disagree are left out.

    Raises:
        ValueError: other than two maps.
    """
    if maps.ndim != 3 or len(maps) != 2:
        raise ValueError(f"shape {tuple(maps.shape)} is not a pair of maps; give (2, H, W)")
    turns = least_turns(maps, _D4)
    back = _D4.inverse(turns[0])
    cores, labels = _flooded(_D4.act_image(turns[0], maps).numpy(), how)
    agreed = labels.copy()
    for g in turns[1:]:
        other = turned_labels(_D4.compose(g, back), labels)
        named = np.zeros(labels.max() + 1, labels.dtype)  # as the core that each grew from
        named[other[cores > 0]] = cores[cores > 0]
        agreed[named[other] != labels] = 0
    return turned_labels(back, _large(agreed, how.smallest))


def turned_labels(element: int, labels: np.ndarray) -> np.ndarray:
    """A map of labels `(H, W)` turned by an element of D4."""
    return _D4.act_image(element, torch.from_numpy(labels)).contiguous().numpy()


def _flooded(maps: np.ndarray, how: Watershed) -> tuple[np.ndarray, np.ndarray]:
    """The labels of the cores, and what they flood."""
    from skimage.measure import label
    from skimage.morphology import local_maxima, reconstruction
    from skimage.segmentation import watershed

    logits, distance = maps
    inside = logits > math.log(how.inside / (1 - how.inside))
    outside = distance.min() - 2 * how.rise - 1
    # The rim is for an image that is one plateau, of which scikit-image finds no maximum.
    deep = np.pad(np.where(inside, distance, outside), 1, constant_values=outside)
    leveled = reconstruction(deep - np.float32(how.rise), deep, footprint=_CROSS)
    peaks = np.asarray(local_maxima(leveled, connectivity=1))[1:-1, 1:-1] & inside
    cores = np.asarray(label(peaks, connectivity=1), np.int32)
    return cores, watershed(-distance, cores, connectivity=1, mask=inside).astype(np.int32)


def _large(labels: np.ndarray, smallest: int) -> np.ndarray:
    """Labels from 1 on, of the instances that are large enough."""
    kept = np.bincount(labels.ravel()) >= smallest
    kept[0] = False
    return (np.cumsum(kept) * kept).astype(np.int32)[labels]
