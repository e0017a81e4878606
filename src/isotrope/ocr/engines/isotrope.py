"""The shipped recognizer, with an adapter or without, on onnxruntime."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import ClassVar

import numpy as np

from isotrope.ocr.engines.base import Transcript
from isotrope.ocr.loading import adapter_folder, shipped
from isotrope.ocr.recognition.session import LineReader, LineSession

MODELS = ("small", "tiny")
"""The shipped models: `small` is more accurate, `tiny` is faster."""


@dataclass(frozen=True, eq=False)
class Isotrope:
    """A pretrained CTC line recognizer that batches lines by width.

    Args:
        session: Reads lines: a `LineSession`, or another `LineReader`.
        model: The shipped model whose adapters are known by name.
    """

    name: ClassVar[str] = "isotrope"
    session: LineReader
    model: str = "small"

    @classmethod
    def from_pretrained(
        cls,
        path: str | Path | None = None,
        adapter: str | Path | None = None,
        model: str = "small",
        threads: int | None = None,
        device: str | None = None,
    ) -> Isotrope:
        """Load an engine from saved weights.

        Args:
            path: A folder written by `recognition.store.save_model`. None: a shipped model.
            adapter: A LoRA adapter: its folder or the name of a shipped one.
            model: The shipped model to use: "small" or "tiny".
            threads: Number of threads. None: onnxruntime's default.
            device: "auto", "cpu", or "cuda" if onnxruntime supports it. None: the CPU.

        Raises:
            ValueError: The model or device does not exist, or the adapter does not fit.
        """
        if model not in MODELS:
            raise ValueError(f"model={model!r} is not shipped; use {' or '.join(MODELS)}")
        folder = Path(path) if path is not None else shipped(model)
        adapter = None if adapter is None else adapter_folder(adapter, model)
        return cls(LineSession(folder, threads, adapter, device), model)

    def with_adapter(self, adapter: str | Path | None) -> Isotrope:
        """Return an engine with the same weights and this adapter, or None for no adapter.

        Raises:
            ValueError: The adapter does not exist or does not fit, or the session is no
                `LineSession`.
        """
        of = self.session
        if not isinstance(of, LineSession):
            raise ValueError(
                f"a {type(of).__name__} keeps its adapter; load an engine with another one"
            )
        return Isotrope.from_pretrained(of.folder, adapter, self.model, of.threads, of.device)

    def read(self, lines: Sequence[np.ndarray], batch_size: int = 32) -> list[Transcript]:
        """Read upright lines, as in `Engine.read`."""
        return [
            Transcript(decoded.text, decoded.confidence, decoded.confidences, places=decoded.places)
            for decoded in self.session.read(lines, batch_size)
        ]
