"""`LineNetDetector`: finds the lines of a page whichever way it lies, on onnxruntime. No torch."""

from __future__ import annotations

from pathlib import Path

import numpy as np

from isotrope.io.resize import resize
from isotrope.ocr.detection.linenet.decoding import Decoding, Field, find_lines
from isotrope.ocr.detection.linenet.sizing import seen_size
from isotrope.ocr.detection.lines import DetectedLine
from isotrope.ocr.network import FolderNetwork
from isotrope.ocr.onnx.session import run


class LineNetDetector(FolderNetwork):
    """Finds lines and the direction in which they are read, by a network loaded from a folder.

    The lines of a page turned by quarter turns are the turned lines, up to rounding in float32.
    Works in forked and spawned processes too.

    Args:
        folder: A folder written by `detection.linenet.store.save_line_net`.
        threads: Number of threads. None: onnxruntime's default.
        device: As in `onnx_providers`.

    Raises:
        ValueError: The folder is incomplete.
    """

    name, equivariant = "isotrope", True
    shipped_as, kind = "linenet", ("an equivariant detector", "unit")

    def __init__(
        self, folder: str | Path, threads: int | None = None, device: str | None = None
    ) -> None:
        super().__init__(folder, threads, device)
        self.unit: int = self.config["unit"]
        self.decoding = Decoding(**self.config.get("decoding", {}))

    def find(self, page: np.ndarray) -> list[DetectedLine]:
        """Find the lines of a page, `(H, W, 3)` uint8 RGB, in any order."""
        rows, columns = page.shape[:2]
        return find_lines(self.maps(page), (columns, rows), self.decoding)

    def maps(self, page: np.ndarray) -> Field:
        """The maps of a page, `(H, W, 3)` uint8 RGB, at the size that `seen_size` gives / 4."""
        size = seen_size(page.shape[0], page.shape[1], self.unit)
        (out,) = run(self.session, {"pixels": _pixels(page, size)}, keep=False)
        return Field.of(out[0])


def _pixels(page: np.ndarray, size: tuple[int, int]) -> np.ndarray:
    """`(1, 3, h, w)` float32 in [-1, 1], red first."""
    pixels = resize(page, size).transpose(2, 0, 1) * 2 - 1
    return np.ascontiguousarray(pixels[None])
