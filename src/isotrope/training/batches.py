"""Batches of text images of one size, streamed by worker processes and reproducible by seed."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field

import numpy as np
import torch
from torch import Tensor
from torch.utils.data import DataLoader, IterableDataset, get_worker_info

from isotrope.data.images import load_image, prepare
from isotrope.data.synthetic.text import SyntheticText
from isotrope.io.images import ImageError
from isotrope.training.spans import RealLines
from isotrope.training.variation import cropped_and_recolored, sheared_and_relit, warped


@dataclass
class Batch:
    """Images of one size with their texts.

    Args:
        pixels: `(B, 3, h, w)` in [0, 1].
        centers: per image the `(x, y)` of each character in fractions of width and height, or an
            empty array where they are not known (real images).
        next_index: where the stream goes on after this batch.
    """

    pixels: Tensor
    texts: list[str]
    centers: list[np.ndarray]
    next_index: int


@dataclass
class _Bucket:
    pixels: list[Tensor] = field(default_factory=list)
    texts: list[str] = field(default_factory=list)
    centers: list[np.ndarray] = field(default_factory=list)


class TextBatches(IterableDataset):
    """Collects samples in buckets of one size `(h, w)` and hands out a bucket when it is full.

    Worker `k` of `n` makes the samples `k, k + n, ...`; sample `i`, drawn from `(seed, i)`, is
    real with probability `real_share`, of each set of `real` alike. After a resume the stream goes
    on at `start`; the samples that waited in unfinished buckets are not made again.

    Args:
        size: `(height, stride, max_ratio)` of the recogniser, as `prepare` takes them.
        batch_pixels: pixels in a batch; a batch of wide images holds fewer of them.
    """

    def __init__(
        self,
        synthetic: SyntheticText,
        size: tuple[int, int, float],
        batch_pixels: int,
        real: Sequence[RealLines] = (),
        real_share: float = 0.0,
        seed: int = 0,
        start: int = 0,
    ) -> None:
        self.synthetic, self.size, self.batch_pixels = synthetic, size, batch_pixels
        self.real, self.real_share = real, real_share if real else 0.0
        self.seed, self.start = seed, start

    def sample(self, index: int) -> tuple[Tensor, str, np.ndarray]:
        """Image `index` of the stream at the recogniser's size, its text, its character centres."""
        rng = np.random.default_rng((self.seed, index, 7))
        if rng.random() < self.real_share:
            image, text = self.real[int(rng.integers(len(self.real)))].draw(rng)
            image = cropped_and_recolored(warped(sheared_and_relit(image, rng), rng), rng)
            return prepare(image, *self.size), text, np.zeros((0, 2), np.float32)
        drawn = self.synthetic.sample(index)
        return prepare(load_image(drawn.image), *self.size), drawn.text, drawn.centers

    def __iter__(self) -> Iterator[Batch]:
        worker = get_worker_info()
        first, step = (worker.id, worker.num_workers) if worker else (0, 1)
        torch.set_num_threads(1)
        buckets: dict[tuple[int, int], _Bucket] = {}
        index = self.start + first
        while True:
            try:
                pixels, text, centers = self.sample(index)
            except ImageError:  # a crop too long for the reader is not worth stopping for
                index += step
                continue
            index += step
            size = tuple(pixels.shape[1:])
            bucket = buckets.setdefault(size, _Bucket())
            bucket.pixels.append(pixels)
            bucket.texts.append(text)
            bucket.centers.append(centers)
            if len(bucket.texts) * size[0] * size[1] >= self.batch_pixels:
                stacked = torch.stack(bucket.pixels)
                yield Batch(stacked, bucket.texts, bucket.centers, index)
                del buckets[size]

    def loader(self, workers: int) -> DataLoader:
        """The stream in `workers` processes."""
        return DataLoader(
            self, batch_size=None, num_workers=workers, prefetch_factor=4 if workers else None
        )
