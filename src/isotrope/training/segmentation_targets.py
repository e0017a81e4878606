"""What the maps of a segmenter should say about an image whose instances are known."""

from __future__ import annotations

import numpy as np


def distances(labels: np.ndarray) -> np.ndarray:
    """How deep each pixel lies in its instance: float32 `(H, W)` in [0, 1], 0 outside.

    The Euclidean distance to the nearest pixel that is not of the instance, divided by the largest
    in the instance; the border of the image counts as such pixels.

    Args:
        labels: `(H, W)`, 0 outside.
    """
    from scipy.ndimage import distance_transform_edt, find_objects

    deep, inside = np.zeros(labels.shape, np.float32), labels > 0
    dense = np.zeros(labels.shape, np.int32)  # find_objects takes memory for every number
    dense[inside] = np.unique(labels[inside], return_inverse=True)[1] + 1
    for number, box in enumerate(find_objects(dense), start=1):
        own = dense[box] == number
        away = np.asarray(distance_transform_edt(np.pad(own, 1)))[1:-1, 1:-1]
        deep[box][own] = (away / away.max())[own]
    return deep
