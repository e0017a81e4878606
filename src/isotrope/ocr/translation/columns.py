"""Read the characters of a line with the features of their columns. No torch.

The graph of a recognizer gives probabilities, `softmax(W f + b)` of the features f of each column.
With `W` replaced by an identity over zeros, it gives `softmax([f, 0, ...])`, from which f is
recovered as `log p_i - log p_n` with n beyond the features; the real head is then applied here.
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np

from isotrope.io.tensors import load_tensors
from isotrope.lora.merging import merged_weights
from isotrope.ocr.onnx.config import read_config
from isotrope.ocr.onnx.session import WEIGHTS, open_graph, run
from isotrope.ocr.processes import PerProcess
from isotrope.ocr.recognition.calibration import Calibration
from isotrope.ocr.recognition.constants import HEIGHT, STRIDE
from isotrope.ocr.recognition.ctc import Decoded, decode, join
from isotrope.ocr.recognition.pieces import pieces
from isotrope.ocr.recognition.session import WIDEST, line_pixels, line_width

if TYPE_CHECKING:
    from onnxruntime import InferenceSession


@dataclass(frozen=True, eq=False)
class Columns:
    """What was read in a line, and one feature vector per character, `(len(text), F)`."""

    read: Decoded
    features: np.ndarray


class ColumnReader:
    """A recognizer that also gives its features; works in forked and spawned processes too.

    Args:
        folder: As in `LineSession`.
        adapter: A LoRA adapter's folder. None: none.
        threads, device: As in `LineSession`.

    Raises:
        ValueError: The folder is incomplete, or the adapter is broken or for another model.
    """

    def __init__(
        self,
        folder: str | Path,
        adapter: str | Path | None = None,
        threads: int | None = None,
        device: str | None = None,
    ) -> None:
        folder = Path(folder)
        config = read_config(folder, "a line recognizer", "charset")
        self.charset: str = config["charset"]
        self.calibration = Calibration.from_config(config)
        weights = load_tensors(folder / WEIGHTS)
        merged = {} if adapter is None else _merged(self.charset, weights, adapter)
        head = {**weights, **merged}
        self._weight = head["head.weight"].astype(np.float32)
        self._bias = head["head.bias"].astype(np.float32)
        merged |= _identity(*weights["head.weight"].shape)
        self._opened = PerProcess(partial(open_graph, folder, threads, merged, device))
        self._opened.get()  # refuses a broken graph

    @property
    def session(self) -> InferenceSession:
        """The graph, opened in this process."""
        return self._opened.get()

    def features(self, pixels: np.ndarray) -> np.ndarray:
        """Features of columns `(B, W/8, F)` of lines `(B, 3, 48, W)`, as `line_pixels` makes."""
        (out,) = run(self.session, {"pixels": pixels})
        logs = np.log(np.maximum(out, np.finfo(np.float32).tiny))
        width = self._weight.shape[1]
        return logs[..., :width] - logs[..., width : width + 1]

    def read(self, line: np.ndarray) -> Columns:
        """Read an upright line, `(H, W, 3)` uint8 RGB, with calibrated confidences."""
        parts, vectors = [], []
        for piece in pieces(line, HEIGHT, WIDEST):
            columns = self.features(line_pixels(piece)[None])[0]
            probabilities = _softmax(columns @ self._weight.T + self._bias)
            part = decode(probabilities, self.charset, line_width(piece) / STRIDE)
            if part.text and any(other.text for other in parts):
                vectors.append(np.zeros((1, columns.shape[1]), np.float32))  # the space between
            parts.append(part)
            vectors.append(mean_features(columns, part))
        return Columns(self.calibration.applied(join(parts)), np.concatenate(vectors))


def mean_features(columns: np.ndarray, read: Decoded) -> np.ndarray:
    """The mean over the columns of each character: `(len(text), F)`."""
    spans = [(int(first), int(last) + 1) for first, last in read.columns]
    means = [columns[first:end].mean(axis=0) for first, end in spans]
    return np.array(means, np.float32).reshape(len(spans), columns.shape[1])


def _merged(charset: str, weights: dict[str, np.ndarray], adapter: str | Path):
    return dict(merged_weights("LineRecognizer", charset, weights, adapter))


def _identity(classes: int, width: int) -> dict[str, np.ndarray]:
    if classes <= width:
        raise ValueError(
            f"a recognizer of {classes - 1} characters and {width} channels cannot be the base of "
            "a translator; it needs more characters than channels"
        )
    head = np.zeros((classes, width), np.float32)
    np.fill_diagonal(head, 1.0)
    return {"head.weight": head, "head.bias": np.zeros(classes, np.float32)}


def _softmax(logits: np.ndarray) -> np.ndarray:
    powers = np.exp(logits - logits.max(axis=-1, keepdims=True))
    return powers / powers.sum(axis=-1, keepdims=True)
