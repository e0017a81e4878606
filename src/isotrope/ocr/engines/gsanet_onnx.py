"""Run a `Recognizer` exported by `isotrope.ocr.gsanet.export` on onnxruntime."""

from __future__ import annotations

import json
from dataclasses import dataclass, fields
from functools import partial
from itertools import chain
from pathlib import Path

import numpy as np
import torch

from isotrope.groups import group_from_name
from isotrope.ocr.gsanet.columns import ColumnSearch, all_columns
from isotrope.ocr.gsanet.decoding import Alphabet, Past, decode
from isotrope.ocr.gsanet.graph import FORMAT, layer_names, open_session
from isotrope.ocr.gsanet.written import Written, character_confidences
from isotrope.ocr.onnx.session import run
from isotrope.ocr.processes import PerProcess

_REMEDY = "give a folder that isotrope export wrote"


@dataclass(frozen=True)
class ExportConfig:
    """The `config.json` of an export; `tokens` numbers the special tokens.

    `stride` is the encoder's, in pixels per token; the other fields are as in `Recognizer.config`.
    """

    group: str
    orientations: list[int]
    layers: int
    tokens: dict[str, int]
    columns: bool
    stride: int
    charset: str
    image_height: int
    image_stride: int
    max_ratio: float
    max_characters: int


class OnnxRecognizer:
    """The equivalent of `Recognizer.read` on onnxruntime.

    Args:
        folder: A folder written by `export_onnx`.
        threads: Number of CPU threads. None: onnxruntime's default.

    Raises:
        ValueError: `folder` contains no exported recognizer, or a broken one.
        ModuleNotFoundError: onnxruntime is not installed.
    """

    def __init__(self, folder: str | Path, threads: int | None = None):
        folder = Path(folder)
        self.config = _read_config(folder)
        graphs = (folder / f"{name}.onnx" for name in ("encoder", "decoder"))
        self._encoder, self._decoder = (
            PerProcess(partial(open_session, graph, threads)) for graph in graphs
        )
        self._encoder.get()  # refuses a broken graph, as the decoder does below
        self._cross = layer_names("cross", self.config.layers)
        self._past = layer_names("past", self.config.layers)
        _, heads, _, width = self._decoder.get().get_inputs()[1].shape
        self._nothing = heads, 0, width  # empty keys for one image
        self._group = group_from_name(self.config.group)

    def read(self, pixels: torch.Tensor | np.ndarray, beams: int = 1) -> Written:
        """Read images `(B, 3, H, W)` in [0, 1]."""
        pixels = np.ascontiguousarray(pixels, dtype=np.float32)
        size = tuple(n // self.config.stride for n in pixels.shape[2:])
        # Feeding numpy arrays does not copy, and at batch 1 costs less than an IO binding.
        names = self._cross + ["characters"] * self.config.columns
        seen = run(self._encoder.get(), {"pixels": pixels}, names)
        if beams == 1:
            return self._written(seen, size, beams)
        # The graph needs keys for each text; copying those of all images at once could be large.
        parts = ([part[i : i + 1] for part in seen] for i in range(len(pixels)))
        each = [self._written(part, size, beams) for part in parts]
        texts, confidences, orientations, characters = zip(*each, strict=True)
        return Written(
            list(chain(*texts)),
            np.concatenate(confidences),
            np.concatenate(orientations),
            list(chain(*characters)),
        )

    def _written(self, seen: list[np.ndarray], size: tuple[int, int], beams: int) -> Written:
        """Decode the encoder's outputs for some images, on a grid of `size` tokens."""
        cross, characters = seen[: len(self._cross)], seen[len(self._cross) :]
        images, known = len(cross[0]), self.config.tokens
        if beams > 1:
            cross = [np.repeat(part, beams, axis=0) for part in cross]
        feed = dict(zip(self._cross, cross, strict=True))
        decoder = self._decoder.get()
        nothing = np.zeros((images * beams, *self._nothing), np.float32)

        def advance(token: torch.Tensor, _: int, past: Past | None):
            keys = [part.numpy() for part in past[0]] if past else [nothing] * len(self._past)
            own = {"token": token.numpy(), **dict(zip(self._past, keys, strict=True))}
            log_p, looked, *written = map(torch.from_numpy, run(decoder, feed | own))
            return log_p, looked, [tuple(written)]

        begin = known["begin"]
        alphabet = Alphabet(begin, known["end"], begin, self.config.max_characters)
        columns = None
        if characters:
            log_p = all_columns(torch.from_numpy(characters[0]), self._group, size)
            columns = ColumnSearch(log_p, beams, known["end"], known["space"])
        found = decode(advance, alphabet, images, beams, columns=columns)
        mass = (found.kept * alphabet.weights(found.tokens)[:, None]).sum(dim=2)
        orientations = np.asarray(self.config.orientations)[mass.argmax(dim=1).numpy()]
        texts = [self._text(row) for row in found.tokens.tolist()]
        characters = character_confidences(found, known["first_character"])
        return Written(texts, alphabet.confidences(found).numpy(), orientations, characters)

    def _text(self, tokens: list[int]) -> str:
        first = self.config.tokens["first_character"]
        return "".join(self.config.charset[token - first] for token in tokens if token >= first)


def _read_config(folder: Path) -> ExportConfig:
    try:
        config = json.loads((folder / "config.json").read_text(encoding="utf-8"))
    except OSError as error:
        raise ValueError(f"{folder}: no exported recognizer here; {_REMEDY}") from error
    except ValueError as error:
        raise ValueError(f"{folder}: its config.json is broken ({error}); {_REMEDY}") from error
    if not isinstance(config, dict) or config.get("format") != FORMAT:
        raise ValueError(f"{folder}: its config.json is not that of an export; {_REMEDY}")
    try:
        return ExportConfig(**{field.name: config[field.name] for field in fields(ExportConfig)})
    except KeyError as error:
        raise ValueError(f"{folder}: its config.json has no {error}; {_REMEDY}") from error
