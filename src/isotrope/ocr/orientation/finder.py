"""`OrientationFinder`: finds which way up an image is, equivariantly to quarter turns. No torch."""

from __future__ import annotations

import math
from collections import defaultdict
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from isotrope.io.images import ImageSource, image_sources, load_pixels
from isotrope.io.resize import reduced, resize
from isotrope.ocr.network import FolderNetwork
from isotrope.ocr.onnx.session import run
from isotrope.ocr.orientation.sizing import LYING, finder_size

AREAS = (3072, 49152, 786432)
"""Areas at which an image is examined, px: for a word or line, a paragraph, a page.

The next is tried if the last left doubt and the image is that large.
"""

PAGE = 98304
"""Area at which a page is examined, px: every one of 257 pages of five centuries, print and hands,
is found to be upright, and at half and at twice the area all but one."""

SURE = 0.9
"""At this probability, no larger area is tried."""

_OUT_OF_THE_QUESTION = -1e9


@dataclass(frozen=True)
class Orientation:
    """Orientation of the text in an image.

    Args:
        degrees: turn of the text from upright, counter-clockwise: 0, 90, 180 or 270.
        confidence: the probability of that turn.
        slant: remaining angle after turning back, in degrees counter-clockwise within +-45.
        scores: the probabilities of 0, 90, 180 and 270.
    """

    degrees: int
    confidence: float
    slant: float
    scores: tuple[float, float, float, float]

    def candidates(self, least: float) -> tuple[int, ...]:
        """Turns with at least this probability, the most likely first; never empty."""
        likely = sorted(range(4), key=lambda k: -self.scores[k])
        return tuple(90 * k for k in likely if k == likely[0] or self.scores[k] >= least)


class OrientationFinder(FolderNetwork):
    """Finds which way up words, lines and pages are.

    One network sees the image at its four turns (`nn.Orbit`), so a turn of the image permutes the
    four scores: `s'(g) = s(h^-1 g)`, up to rounding in float32.

    Args:
        folder: a folder written by `orientation.store.save_finder`.
        threads: Number of threads. None: onnxruntime's default.
        device: as in `onnx_providers`.

    Raises:
        ValueError: the folder is incomplete.
    """

    shipped_as, kind = "finder", ("a finder", "hidden")

    def __init__(
        self, folder: str | Path, threads: int | None = None, device: str | None = None
    ) -> None:
        super().__init__(folder, threads, device)
        self.sharpness: float = self.config.get("sharpness", 1.0)

    def find(
        self, images: ImageSource | Iterable[ImageSource], batch_size: int = 32
    ) -> list[Orientation]:
        """Find the orientation of one or more images.

        Raises:
            ImageError: an image cannot be read.
        """
        pixels = [load_pixels(source) for source in image_sources(images)]
        return self.find_pixels(pixels, batch_size)

    def find_pixels(self, images: Sequence[np.ndarray], batch_size: int = 32) -> list[Orientation]:
        """Find the orientations of images `(H, W, 3)`, uint8 RGB."""
        found: dict[int, Orientation] = {}
        places = list(range(len(images)))
        for number, area in enumerate(AREAS):
            for place, now in self._at(area, images, places, batch_size):
                if place not in found or now.confidence > found[place].confidence:
                    found[place] = now
            following = AREAS[number + 1] if number + 1 < len(AREAS) else math.inf
            places = [
                place
                for place in places
                if found[place].confidence < SURE and _area(images[place]) >= following / 4
            ]
        return [found[place] for place in range(len(images))]

    def find_page(self, pixels: np.ndarray) -> Orientation:
        """Find the orientation of a page `(H, W, 3)`, uint8 RGB, or a view; its lines vote."""
        if _area(pixels) < PAGE:
            return self.find_pixels([np.ascontiguousarray(pixels)])[0]
        rows, columns = pixels.shape[:2]
        small = reduced(pixels, finder_size(rows, columns, PAGE))
        ((_, found),) = self._at(PAGE, [small], [0], 1)
        return found

    def _at(self, area: int, images: Sequence[np.ndarray], places: list[int], batch_size: int):
        """Yield `(place, Orientation)` of the images at these places, examined at one area."""
        by_size: dict[tuple[int, int], list[int]] = defaultdict(list)
        for place in places:
            rows, columns = images[place].shape[:2]
            by_size[finder_size(rows, columns, area)].append(place)
        for size, alike in by_size.items():
            least = max(1, min(batch_size, 32 * AREAS[0] // area))
            for start in range(0, len(alike), least):
                batch = alike[start : start + least]
                said = self._said(np.stack([_pixels(images[place], size) for place in batch]))
                yield from zip(batch, map(self._orientation, said), strict=True)

    def _said(self, pixels: np.ndarray) -> np.ndarray:
        """Scores and slants `(B, 4, 3)` of the images turned back by 0, 90, 180, 270 degrees."""
        rows, columns = pixels.shape[2:]
        long = max(rows, columns) > LYING * min(rows, columns)
        said = np.full((len(pixels), 4, 3), _OUT_OF_THE_QUESTION, np.float32)
        for first in (0, 1):  # 0 and 180 degrees share a shape, as do 90 and 270
            if long and (columns >= rows) == bool(first):
                continue
            turned = [np.rot90(pixels, -turn, (2, 3)) for turn in (first, first + 2)]
            (out,) = run(self.session, {"pixels": np.ascontiguousarray(np.concatenate(turned))})
            said[:, first], said[:, first + 2] = np.split(out, 2)
        return said

    def _orientation(self, said: np.ndarray) -> Orientation:
        logits = said[:, 0].astype(np.float64) * self.sharpness
        odds = np.exp(logits - logits.max())
        share = odds / odds.sum()
        best = int(share.argmax())
        slant = math.degrees(math.atan2(float(said[best, 2]), float(said[best, 1])))
        up, left, down, right = share.tolist()
        scores = (up, left, down, right)
        return Orientation(90 * best, scores[best], max(-45.0, min(45.0, slant)), scores)


def _area(image: np.ndarray) -> int:
    return image.shape[0] * image.shape[1]


def _pixels(image: np.ndarray, size: tuple[int, int]) -> np.ndarray:
    """`(3, h, w)` float32 in [-1, 1], blue first."""
    return resize(image, size)[:, :, ::-1].transpose(2, 0, 1) * 2 - 1
