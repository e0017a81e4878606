"""A recogniser on onnxruntime, from what `isotrope.models.export` wrote."""

from __future__ import annotations

import hashlib
import json
import os
from collections.abc import Callable, Sequence
from pathlib import Path
from types import SimpleNamespace
from typing import TYPE_CHECKING

import numpy as np
import torch

import isotrope
from isotrope.models.graph import FORMAT, layer_names, open_session

if TYPE_CHECKING:
    from isotrope.models.recognizer import Recognizer

_REMEDY = "give a folder that isotrope export wrote"


class OnnxRecognizer:
    """Reads as `Recognizer.read` does, on onnxruntime.

    Args:
        folder: What `export_onnx` wrote.
        threads: Of the CPU. None: as many as onnxruntime likes.

    Raises:
        ValueError: `folder` holds no exported recogniser, or a broken one.
        ModuleNotFoundError: onnxruntime is not installed.
    """

    def __init__(self, folder: str | Path, threads: int | None = None):
        folder = Path(folder)
        self.config = _read_config(folder)
        self._encoder = open_session(folder / "encoder.onnx", threads)
        self._decoder = open_session(folder / "decoder.onnx", threads)
        self._cross = layer_names("cross", self.config.layers)
        self._past = layer_names("past", self.config.layers)
        _, heads, _, width = self._decoder.get_inputs()[1].shape
        self._nothing = heads, 0, width  # keys of no tokens, of one image

    def read(self, pixels: torch.Tensor | np.ndarray) -> tuple[list[str], np.ndarray, np.ndarray]:
        """The texts, confidences `(B,)` and orientations `(B,)` of `(B, 3, H, W)` in [0, 1]."""
        pixels = np.ascontiguousarray(pixels, dtype=np.float32)
        begin, end = self.config.tokens["begin"], self.config.tokens["end"]
        # A numpy feed is not copied, and at batch 1 costs less than an IO binding.
        cross = self._encoder.run(self._cross, {"pixels": pixels})
        feed = dict(zip(self._cross, cross, strict=True))
        past = [np.zeros((len(pixels), *self._nothing), np.float32)] * len(self._past)
        token, alive = np.full(len(pixels), begin), np.ones(len(pixels), bool)
        written, log_confidence, mass = [], 0.0, 0.0
        for _ in range(self.config.max_characters + 1):
            feed |= {"token": token, **dict(zip(self._past, past, strict=True))}
            token, log_p, looked, *past = self._decoder.run(None, feed)
            written.append(np.where(alive, token, end))
            log_confidence += np.where(alive, log_p, 0.0)
            # The last look, at the end of the text, counts little: only where there is no other.
            mass += looked * (alive * np.where(token == end, 1e-3, 1.0))[:, None]
            alive &= token != end
            if not alive.any():
                break
        texts = [self._text(row) for row in np.stack(written, axis=1)]
        orientations = np.asarray(self.config.orientations)[mass.argmax(axis=1)]
        return texts, np.exp(log_confidence), orientations

    def _text(self, tokens: np.ndarray) -> str:
        first = self.config.tokens["first_character"]
        return "".join(self.config.charset[token - first] for token in tokens if token >= first)


def _read_config(folder: Path) -> SimpleNamespace:
    try:
        config = json.loads((folder / "config.json").read_text(encoding="utf-8"))
    except OSError as error:
        raise ValueError(f"{folder}: no exported recogniser here; {_REMEDY}") from error
    except ValueError as error:
        raise ValueError(f"{folder}: its config.json is broken ({error}); {_REMEDY}") from error
    if not isinstance(config, dict) or config.get("format") != FORMAT:
        raise ValueError(f"{folder}: its config.json is not that of an export; {_REMEDY}")
    return SimpleNamespace(**config)


def cached_export(sources: Sequence[Path], load: Callable[[], Recognizer]) -> Path:
    """The folder of the export of a recogniser, made if it is not in the user's cache.

    Args:
        sources: The folders of its weights and of its adapter, whose contents are the key.
        load: Loads it.
    """
    folder = cache_folder(sources)
    if not (folder / "config.json").is_file():  # the last file to be written
        from isotrope.models.export import export_onnx

        recognizer = load()
        try:
            export_onnx(recognizer, folder)
        except OSError as error:
            raise ValueError(
                f"{folder}: cannot be written ({error.strerror or error}); point XDG_CACHE_HOME "
                "elsewhere, or run isotrope export and give its folder"
            ) from error
    return folder


def cache_folder(sources: Sequence[Path]) -> Path:
    """Where in the user's cache the export of these weights is, or would be."""
    cache = Path(os.environ.get("XDG_CACHE_HOME") or Path.home() / ".cache")
    return cache / "isotrope" / "onnx" / _fingerprint(sources)


def _fingerprint(sources: Sequence[Path]) -> str:
    digest = hashlib.sha256(f"{FORMAT} {isotrope.__version__} {torch.__version__}".encode())
    for source in sources:
        for file in sorted(source.glob("*")):
            if file.suffix in (".json", ".safetensors", ".bin"):
                content = hashlib.sha256(file.read_bytes()).hexdigest()
                digest.update(f"\n{file.name} {content}".encode())
    return digest.hexdigest()[:32]
