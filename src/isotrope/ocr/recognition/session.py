"""`LineSession`: reads upright lines on onnxruntime, batched by width. No torch."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Sequence
from dataclasses import replace
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np
from PIL import Image

from isotrope.io.tensors import load_tensors
from isotrope.lora.sums import Terms, summed_characters, summed_weights
from isotrope.ocr.onnx.config import read_config
from isotrope.ocr.onnx.session import CONFIG, WEIGHTS, open_graph, run
from isotrope.ocr.processes import PerProcess
from isotrope.ocr.recognition.beam import decode_with
from isotrope.ocr.recognition.calibration import Calibration
from isotrope.ocr.recognition.constants import HEIGHT, STRIDE
from isotrope.ocr.recognition.ctc import Decoded, decode, join
from isotrope.ocr.recognition.language import Language, summed_language
from isotrope.ocr.recognition.pieces import pieces

if TYPE_CHECKING:
    from onnxruntime import InferenceSession

WIDEST = 3200
"""Maximum width of a piece, px; longer lines are cut at blank columns."""

WORD = 6
"""Width, in heights, up to which a line is short enough to read twice."""

SURE = 0.97
"""Uncalibrated confidence from which a word is read only once."""

STRETCH = 1.5
"""Factor by which an uncertain word is widened for the second reading: more columns for narrow
letters. Chosen on validation words, of which it fixes 1 or 2 in 100."""

_PASS = 2048
"""Total width of the lines of a pass, px, unless one alone is wider: more takes memory, and is no
faster on a CPU."""

_STEP = 4 * STRIDE
"""Widths are multiples of this, so that more lines share a size."""

_MARGIN = 2 * STRIDE
"""Gray margin to the right of a line, px; with less, the last character is sometimes lost."""


class LineReader:
    """Reads upright lines, batched by width; a subclass has the network.

    Args:
        charset: The characters, in the order of their classes.
        calibration: Turns the network's confidences into probabilities.
        language: Helps to decode. None: the likeliest character of each column.
    """

    def __init__(
        self, charset: str, calibration: Calibration, language: Language | None = None
    ) -> None:
        self.charset, self.calibration, self.language = charset, calibration, language

    def probabilities(self, pixels: np.ndarray) -> np.ndarray:
        """Run the network.

        Args:
            pixels: `(B, 3, 48, W)`, float32 in [-1, 1], blue first, as `line_pixels` makes them.

        Returns:
            One distribution per column, `(B, W/8, classes)`, float32.
        """
        raise NotImplementedError

    def read(self, lines: Sequence[np.ndarray], batch_size: int = 32) -> list[Decoded]:
        """Read upright lines, `(H, W, 3)` uint8 RGB, with calibrated confidences.

        The reading of a line depends only on that line, never on the others in its batch. The text
        is empty if the image contains none (`Decoded.is_text`).
        """
        calibrated = [self.calibration.applied(found) for found in self.decoded(lines, batch_size)]
        return [found if found.is_text else _emptied(found) for found in calibrated]

    def decoded(self, lines: Sequence[np.ndarray], batch_size: int = 32) -> list[Decoded]:
        """Like `read`, but the raw CTC output: softmax probabilities, and any text at all.

        An uncertain word is read again, stretched, and the more likely text is kept.
        """
        found = self._decoded(lines, batch_size)
        doubtful = [
            place
            for place, (line, once) in enumerate(zip(lines, found, strict=True))
            if once.is_text and once.confidence < SURE and line.shape[1] <= WORD * line.shape[0]
        ]
        again = self._decoded([lines[place] for place in doubtful], batch_size, STRETCH)
        for place, twice in zip(doubtful, again, strict=True):
            if twice.confidence > found[place].confidence:
                found[place] = twice.narrowed(found[place].length)
        return found

    def _decoded(
        self, lines: Sequence[np.ndarray], batch_size: int, stretch: float = 1.0
    ) -> list[Decoded]:
        flat = [
            (place, piece, line_width(piece, stretch))
            for place, line in enumerate(lines)
            for piece in pieces(line, HEIGHT, WIDEST)
        ]
        by_width: dict[int, list[int]] = defaultdict(list)
        for number, (_, _, width) in enumerate(flat):
            by_width[_padded(width)].append(number)
        read: dict[int, Decoded] = {}
        for width, numbers in by_width.items():
            most = max(1, min(batch_size, _PASS // width))
            for start in range(0, len(numbers), most):
                batch = numbers[start : start + most]
                pixels = np.stack([line_pixels(flat[number][1], stretch) for number in batch])
                out = self.probabilities(pixels)
                read.update(
                    (n, self._text(rows, flat[n][2] / STRIDE))
                    for n, rows in zip(batch, out, strict=True)
                )
        parts: list[list[Decoded]] = [[] for _ in lines]
        for number, (place, _, _) in enumerate(flat):
            parts[place].append(read[number])
        return [join(found) for found in parts]

    def _text(self, rows: np.ndarray, length: float) -> Decoded:
        if self.language is None:
            return decode(rows, self.charset, length)
        return decode_with(self.language, rows, self.charset, length)


class LineSession(LineReader):
    """A recognizer loaded from a folder; works in forked and spawned processes too.

    Args:
        folder: a folder written by `recognition.store.save_model`.
        threads: Number of threads. None: onnxruntime's default.
        adapter: a folder written by `isotrope adapt`, or the terms of a weighted sum of several;
            merged into the weights.
        device: as in `onnx_providers`.

    Raises:
        ValueError: the folder is incomplete, or the adapter is broken or for another model.
        FileNotFoundError: the adapter is incomplete.
    """

    def __init__(
        self,
        folder: str | Path,
        threads: int | None = None,
        adapter: str | Path | Terms | None = None,
        device: str | None = None,
    ) -> None:
        folder = Path(folder)
        terms = ((1.0, Path(adapter)),) if isinstance(adapter, (str, Path)) else adapter or ()
        for name in (CONFIG, WEIGHTS):
            if not (folder / name).is_file():
                raise ValueError(f"{folder}: {name} is missing; give a folder of a recognizer")
        config = read_config(folder, "a line recognizer", "charset")
        try:
            calibration = Calibration.from_config(config)
        except ValueError as error:
            raise ValueError(f"{folder / CONFIG}: {error}") from error
        rows = summed_characters(terms)
        charset = config["charset"] + (rows.characters if rows else "")
        language = summed_language(terms, charset) if terms else Language.load(folder, charset)
        super().__init__(charset, calibration, language)
        self.folder, self.threads, self.device = folder, threads, device
        self._opened = PerProcess(partial(_open, folder, threads, terms, device, config["charset"]))
        self._opened.get()  # refuses a broken graph or adapter

    @property
    def session(self) -> InferenceSession:
        """The graph, opened in this process."""
        return self._opened.get()

    def probabilities(self, pixels: np.ndarray) -> np.ndarray:
        """See `LineReader.probabilities`."""
        (out,) = run(self.session, {"pixels": pixels})
        return out


def _open(
    folder: Path,
    threads: int | None,
    terms: Terms,
    device: str | None,
    charset: str,
) -> InferenceSession:
    if not terms:
        return open_graph(folder, threads, device=device)
    parameters = load_tensors(folder / WEIGHTS)
    weights = summed_weights("LineRecognizer", charset, parameters, terms)
    return open_graph(folder, threads, weights, device)


def _emptied(found: Decoded) -> Decoded:
    return replace(found, text="", confidences=(), columns=(), probability=None)


def line_width(line: np.ndarray, stretch: float = 1.0) -> int:
    """Width of a line in the model's pixels, without padding."""
    rows, columns = line.shape[:2]
    return max(STRIDE, round(stretch * columns * HEIGHT / rows))


def _padded(width: int) -> int:
    """Width of a line with padding."""
    return -(-(width + _MARGIN) // _STEP) * _STEP


def line_pixels(line: np.ndarray, stretch: float = 1.0) -> np.ndarray:
    """Convert an upright line `(H, W, 3)` uint8 RGB to `(3, 48, W)` in [-1, 1], blue first.

    The result is float32. The height becomes 48 and the width scales along, times `stretch`; gray
    is padded on the right.
    """
    width = line_width(line, stretch)
    sized = np.asarray(
        Image.fromarray(line).resize((width, HEIGHT), Image.Resampling.BILINEAR), np.float32
    )
    pixels = np.zeros((3, HEIGHT, _padded(width)), np.float32)
    pixels[:, :, :width] = sized[:, :, ::-1].transpose(2, 0, 1) / 127.5 - 1
    return pixels
