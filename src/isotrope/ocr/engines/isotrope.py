"""The shipped recognizer, with an adapter or without, on onnxruntime."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import ClassVar

import numpy as np

from isotrope.ocr.engines.base import Line
from isotrope.ocr.loading import adapter_folder, shipped
from isotrope.ocr.recognition.session import LineSession

MODELS = ("small", "tiny")
"""The models that are shipped: `small` is the more accurate, `tiny` the faster one."""


@dataclass(frozen=True, eq=False)
class Isotrope:
    """A pretrained line recognizer with CTC, batched by the width of the lines.

    Args:
        session: Reads lines; a `LineSession`, or anything with its method `read`.
        model: The shipped model whose adapters are known by name.
    """

    name: ClassVar[str] = "isotrope"
    session: LineSession
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
        """An engine from saved weights.

        Args:
            path: A folder that `recognition.store.save_model` wrote. None: a shipped one.
            adapter: A LoRA adapter, its folder or the name of a shipped one.
            model: The shipped one: "small" or "tiny".
            threads: Of onnxruntime. None: as many as onnxruntime likes.
            device: "auto", "cpu", or "cuda" where onnxruntime has it. None: the CPU.

        Raises:
            ValueError: No such model or device, or no adapter that fits it.
        """
        if model not in MODELS:
            raise ValueError(f"model={model!r} is not shipped; use {' or '.join(MODELS)}")
        folder = Path(path) if path is not None else shipped(model)
        adapter = None if adapter is None else adapter_folder(adapter, model)
        return cls(LineSession(folder, threads, adapter, device), model)

    def with_adapter(self, adapter: str | Path | None) -> Isotrope:
        """The same weights with this adapter, or with None without any.

        Raises:
            ValueError: No such adapter, or one that does not fit.
        """
        of = self.session
        return Isotrope.from_pretrained(of.folder, adapter, self.model, of.threads, of.device)

    def read(self, lines: Sequence[np.ndarray], batch_size: int = 32) -> list[Line]:
        """As `Engine.read`."""
        return [
            Line(decoded.text, decoded.confidence, decoded.confidences)
            for decoded in self.session.read(lines, batch_size)
        ]
