"""The shipped recognizer, with an adapter or without, on onnxruntime."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import ClassVar

import numpy as np

from isotrope.ocr.adapter_names import Given, one_adapter
from isotrope.ocr.engines.base import Transcript
from isotrope.ocr.engines.translating import Translating
from isotrope.ocr.loading import is_translator, shipped
from isotrope.ocr.recognition.session import LineReader, LineSession

MODELS = ("small", "tiny")
"""The shipped models: `small` is more accurate, `tiny` is faster."""


@dataclass(frozen=True, eq=False)
class Isotrope:
    """A pretrained CTC line recognizer that batches lines by width.

    Args:
        session: Reads lines: a `LineSession`, or another `LineReader`.
        model: The shipped model whose adapters are known by name.
        adapter: The name of the adapter it reads with. None: none.
    """

    name: ClassVar[str] = "isotrope"
    session: LineReader
    model: str = "small"
    adapter: str | None = None

    @classmethod
    def from_pretrained(
        cls,
        path: str | Path | None = None,
        adapter: Given = None,
        model: str = "small",
        threads: int | None = None,
        device: str | None = None,
    ) -> Isotrope | Translating:
        """Load an engine from saved weights.

        Args:
            path: A folder written by `recognition.store.save_model`. None: a shipped model.
            adapter: A LoRA adapter, a sum of several, or a translator, as in `adapter_names`.
            model: The shipped model to use: "small" or "tiny".
            threads: Number of threads. None: onnxruntime's default.
            device: "auto", "cpu", or "cuda" if onnxruntime supports it. None: the CPU.

        Raises:
            ValueError: The model or device does not exist, or the adapter does not fit.
        """
        if model not in MODELS:
            raise ValueError(f"model={model!r} is not shipped; use {' or '.join(MODELS)}")
        folder = Path(path) if path is not None else shipped(model)
        adapters = one_adapter(adapter, model)
        if adapters is not None and any(is_translator(place) for _, place in adapters.terms):
            if adapters.alone is None:
                raise ValueError(
                    f"adapter {adapters.name!r}: a translator has no sums; name it alone"
                )
            return Translating.from_folder(folder, adapters.alone, threads, device)
        terms, name = (None, None) if adapters is None else (adapters.terms, adapters.name)
        return cls(LineSession(folder, threads, terms, device), model, name)

    @property
    def adapters_of(self) -> str:
        """The shipped model whose adapters are known by name."""
        return self.model

    @property
    def shipped(self) -> str | None:
        """The shipped model that this is; None if it is another."""
        folder = self.session.folder if isinstance(self.session, LineSession) else None
        return self.model if folder == shipped(self.model) else None

    def with_adapter(self, adapter: Given) -> Isotrope | Translating:
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
            Transcript(
                decoded.text,
                decoded.confidence,
                decoded.confidences,
                places=decoded.places,
                adapter=self.adapter,
                log_likelihood=decoded.log_likelihood * decoded.length,
            )
            for decoded in self.session.read(lines, batch_size)
        ]
