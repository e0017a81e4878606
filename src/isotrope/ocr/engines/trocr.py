"""Any published TrOCR: a folder with a transformers VisionEncoderDecoderModel."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Literal

import numpy as np

from isotrope.ocr.adapter_names import Given
from isotrope.ocr.engines.base import Transcript, required
from isotrope.ocr.engines.torch_device import torch_device
from isotrope.ocr.processes import settle

if TYPE_CHECKING:
    from isotrope.ocr.trocr.model import TrOCRModel

_REMEDY = "pip install 'isotrope[torch]'"

_DTYPES = ("float32", "float16", "bfloat16")


class TrOCR:
    """A published TrOCR, decoded greedily or with beam search.

    Args:
        model: A model that `isotrope.ocr.trocr.loading.load_trocr` returned.
        beams: Beam width. None: as the folder says, or 1, which is greedy.
        adapter: The name of the adapter it reads with. None: none.
        base: The model without any adapter. None: `model`, with its adapter taken out.

    Raises:
        ValueError: `beams` is below 1.
    """

    name = adapters_of = "trocr"
    window = 8  # batches of lines of similar length are decoded in fewer steps

    def __init__(
        self,
        model: TrOCRModel,
        beams: int | None = None,
        adapter: str | None = None,
        base: TrOCRModel | None = None,
    ) -> None:
        if beams is not None and beams < 1:
            raise ValueError(f"beams={beams} must be 1 or more; 1 is greedy, 4 finds more")
        self.model, self.beams = model, beams
        self.adapter, self.base = adapter, base

    @classmethod
    def from_pretrained(
        cls,
        path: str | Path | None = None,
        adapter: Given = None,
        beams: int | None = None,
        threads: int | None = None,
        device: str | None = None,
        dtype: Literal["float32", "float16", "bfloat16"] | None = None,
    ) -> TrOCR:
        """Load an engine from a folder.

        Args:
            path: The folder of a checkpoint with its tokenizer.
            adapter: The folder of a LoRA adapter for that model, or a sum of several, as in
                `adapter_names`.
            beams: As in the constructor.
            threads: Has no effect; torch uses the number set by `torch.set_num_threads`.
            device: "cpu", "cuda", "mps", or "auto", the fastest that torch sees. None: the CPU.
            dtype: Precision of the computation. None: float32; GPUs are faster with the others.

        Raises:
            ValueError: There is no such checkpoint at `path`, no matching adapter, or no such
                device or precision.
            ModuleNotFoundError: `isotrope[torch]` is not installed.
        """
        required("transformers", cls.name, _REMEDY)
        torch = required("torch", cls.name, _REMEDY)
        from isotrope.ocr.trocr.loading import load_trocr, named_adapter

        place = torch_device(device)
        if dtype not in (None, *_DTYPES):
            raise ValueError(f"dtype={dtype!r} is not known; use {', '.join(_DTYPES)}")
        adapters = named_adapter(adapter)
        if dtype in (None, "float32"):
            bare = cls(load_trocr(path).to(device=place), beams)  # pyright: ignore[reportArgumentType, reportCallIssue] # wrapped
            return bare if adapters is None else bare.with_adapter(adapters)
        if adapters is not None and adapters.alone is None:
            raise ValueError(f"{adapters.name}: a TrOCR in {dtype} takes no sum; use float32")
        model = load_trocr(path, adapters).to(device=place, dtype=getattr(torch, dtype))  # pyright: ignore[reportCallIssue] # wrapped
        return cls(model, beams, None if adapters is None else adapters.name)  # pyright: ignore[reportArgumentType] # wrapped

    def read(self, lines: Sequence[np.ndarray], batch_size: int = 32) -> list[Transcript]:
        """Read upright lines, as in `Engine.read`.

        The confidence of a line is the geometric mean of the probabilities of its tokens.
        """
        import torch

        settle(torch)
        # A batch is decoded until its longest text ends.
        order = sorted(range(len(lines)), key=lambda i: lines[i].shape[1] / lines[i].shape[0])
        found: dict[int, Transcript] = {}
        for start in range(0, len(order), batch_size):
            batch = order[start : start + batch_size]
            texts, confidences = self.model.read(
                self.model.pixels([lines[i] for i in batch]), self.beams
            )
            for i, text, confidence in zip(batch, texts, confidences, strict=True):
                found[i] = Transcript(text, confidence if text else 0.0, adapter=self.adapter)
        return [found[i] for i in range(len(lines))]

    def with_adapter(self, adapter: Given) -> TrOCR:
        """Return an engine with this adapter, or None for none, sharing the same weights.

        Args:
            adapter: As in `from_pretrained`.

        Raises:
            ValueError: The adapter does not exist or belongs to another model.
        """
        from isotrope.ocr.trocr.loading import named_adapter, with_adapter

        base, adapters = self.base or self.model, named_adapter(adapter)
        name = None if adapters is None else adapters.name
        return TrOCR(with_adapter(base, adapters), self.beams, name, base)
