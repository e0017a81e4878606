"""`AdaptedSession`: a line recognizer with a LoRA adapter, on torch."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import torch

from isotrope.lora import load_adapter
from isotrope.ocr.recognition.session import LineSession
from isotrope.ocr.recognition.store import load_model


class AdaptedSession(LineSession):
    """Reads as `LineSession` does, with an adapter.

    Args:
        folder: Written by `recognition.store.save_model`.
        adapter: A folder that `isotrope adapt` wrote.

    Raises:
        ValueError: No model, or no adapter that fits it.
        FileNotFoundError: The adapter is incomplete.
    """

    def __init__(self, folder: str | Path, adapter: str | Path) -> None:
        model = load_model(folder)
        self.charset = model.config.charset
        self.model = load_adapter(model, adapter).merge_and_unload().eval()
        self.session = self

    def run(self, _: None, feed: dict[str, np.ndarray]) -> list[np.ndarray]:
        """Probabilities `(B, columns, classes)` of `feed["pixels"]`: an onnxruntime session's way."""
        with torch.inference_mode():
            logits = self.model(torch.from_numpy(feed["pixels"]))
        return [logits.softmax(-1).numpy()]
