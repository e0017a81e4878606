"""`DBDetector`: finds the lines of an upright page on onnxruntime. No torch."""

from __future__ import annotations

import numpy as np
from PIL import Image

from isotrope.io.resize import reduced
from isotrope.ocr.detection.db.sizing import map_size, spans
from isotrope.ocr.detection.db.tracing import find_lines
from isotrope.ocr.detection.lines import DetectedLine
from isotrope.ocr.network import FolderNetwork
from isotrope.ocr.onnx.session import run


class DBDetector(FolderNetwork):
    """Finds lines on a map of text, by a network loaded from a folder.

    Lines may be slanted, curved or vertical. Works in forked and spawned processes too.

    Args:
        folder: A folder written by `detection.db.store.save_detector`.
        threads: Number of threads. None: onnxruntime's default.
        device: As in `onnx_providers`.

    Raises:
        ValueError: The folder is incomplete.
    """

    name = "pp-ocr"
    shipped_as, kind = "detector", ("a detector", "neck_kernel")

    def find(self, page: np.ndarray) -> list[DetectedLine]:
        """Find the lines of a page, `(H, W, 3)` uint8 RGB, in any order."""
        rows, columns = page.shape[:2]
        sized = _sized(page)
        gray = np.asarray(Image.fromarray(sized).convert("L"))
        return find_lines(self._map(sized), (columns, rows), gray)

    def text_map(self, page: np.ndarray) -> np.ndarray:
        """The probability that each pixel of the page, resized, is in the core of a line.

        Args:
            page: `(H, W, 3)` uint8 RGB.

        Returns:
            `(h, w)` float32, with the size that `map_size` gives.
        """
        return self._map(_sized(page))

    def _map(self, sized: np.ndarray) -> np.ndarray:
        rows, columns = sized.shape[:2]
        lying = columns > rows
        parts = []
        for take, keep in spans(max(rows, columns)):
            pixels = _pixels(sized[:, take] if lying else sized[take])
            (out,) = run(self.session, {"pixels": pixels}, keep=False)
            parts.append(out[0][:, keep] if lying else out[0][keep])
        return np.concatenate(parts, axis=1 if lying else 0)


def _sized(page: np.ndarray) -> np.ndarray:
    """The page at the size of its map."""
    rows, columns = map_size(*page.shape[:2])
    image = Image.fromarray(reduced(page, (rows, columns)))
    return np.asarray(image.resize((columns, rows), Image.Resampling.BILINEAR))


def _pixels(part: np.ndarray) -> np.ndarray:
    """`(1, 3, h, w)` float32 in [-1, 1], blue first."""
    pixels = part[:, :, ::-1].transpose(2, 0, 1).astype(np.float32, order="C")
    pixels /= 127.5
    pixels -= 1
    return pixels[None]
