"""The adaptation of a published TrOCR: its own tokens, each given the previous ones."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, cast

import numpy as np
import torch
from peft import PeftModel
from torch import Tensor
from torch.nn import functional

from isotrope.data.lines import LabeledLines
from isotrope.lora import save_adapter
from isotrope.lora.fit import CONFIG
from isotrope.ocr.trocr.model import TrOCRModel
from isotrope.text.metrics import cer, wer
from isotrope.training.line_sets import evenly
from isotrope.training.mix import coarse
from isotrope.training.task import GroupedTask
from isotrope.training.tasks.adaptation import HandLines
from isotrope.training.variation import cropped_and_recolored, sheared_and_relit

_PARTS = 4
"""Number of batches in a group, which is sorted by the number of tokens."""

_MOST = 64
"""Maximum number of held-out lines to validate on, evenly spread: reading takes long, too."""

_NO_TOKEN = -100


@dataclass(frozen=True)
class TokenLine:
    """A line `(h, w, 3)` in bytes, as the encoder takes it, and its tokens up to the last one."""

    pixels: np.ndarray
    tokens: list[int]

    @property
    def extent(self) -> int:
        """Number of tokens."""
        return len(self.tokens)


class TrOCRAdaptation(GroupedTask[PeftModel]):
    """Trains an adapter of a `TrOCRModel` with teacher forcing; all other weights are frozen.

    The loss is the cross-entropy of each token given the true previous ones. A text begins with the
    tokenizer's start token if the base writes one.

    Args:
        model: A model with the adapter "default", which is trained.
        batch: Number of lines in a batch.
    """

    def __init__(
        self,
        model: PeftModel,
        train: LabeledLines,
        valid: LabeledLines,
        batch: int = 8,
        seed: int = 0,
    ) -> None:
        super().__init__(model, batch * _PARTS, _PARTS, seed)
        self.epoch, self.valid = len(train), valid
        self.base = cast("TrOCRModel", model.get_base_model())
        self.lines = HandLines(train, self._line)
        shown = self.base.pixels([_bytes(image) for image, _ in _spread(valid, 4)])
        starts = self.base.eval().writes_start(shown)
        self.begin_with = [self.base.tokenizer.bos_token_id] if starts else []

    def draw(self, rng: np.random.Generator) -> TokenLine:
        return self.lines.draw(rng)

    def collate(self, samples: Sequence[TokenLine]) -> dict[str, Tensor]:
        """`pixels` `(B, h, w, 3)` in bytes, `labels` `(B, T)`, and `written`, the previous ones."""
        start, pad, _ = self.base.special
        longest = max(sample.extent for sample in samples)
        labels = torch.full((len(samples), longest), _NO_TOKEN)
        written = torch.full((len(samples), longest), pad)
        for row, before, sample in zip(labels, written, samples, strict=True):
            row[: sample.extent] = torch.tensor(sample.tokens)
            before[: sample.extent] = torch.tensor([start, *sample.tokens[:-1]])
        pixels = torch.from_numpy(np.stack([sample.pixels for sample in samples]))
        return {"pixels": pixels, "labels": labels, "written": written}

    def loss(self, model: PeftModel, batch: Any) -> dict[str, Tensor]:
        seen = self.base.preparation.values(batch["pixels"])
        out = model(pixel_values=seen, decoder_input_ids=batch["written"], use_cache=False)
        logits, labels = out.logits.float().flatten(0, 1), batch["labels"].flatten()
        return {"loss": functional.cross_entropy(logits, labels, ignore_index=_NO_TOKEN)}

    def validate(self, model: PeftModel) -> dict[str, float]:
        """Character and word error rate of some held-out lines, read greedily."""
        base = cast("TrOCRModel", model.get_base_model().eval())
        lines = _spread(self.valid, _MOST)
        read: list[str] = []
        for start in range(0, len(lines), self.group // self.parts):
            part = lines[start : start + self.group // self.parts]
            read += base.read(base.pixels([_bytes(image) for image, _ in part]), beams=1)[0]
        true = [text for _, text in lines]
        characters, words = round(cer(read, true), 5), round(wer(read, true), 5)
        return {"cer": characters, "wer": words, "score": -characters}

    def save(self, model: PeftModel, folder: Path) -> None:
        """Write the adapter next to the log, so that `--adapter` takes the run's folder."""
        save_adapter(model, folder.parent)

    def saved(self, folder: Path) -> bool:
        return (folder.parent / CONFIG).is_file()

    def _line(self, image: Tensor, text: str, rng: np.random.Generator) -> TokenLine:
        varied = coarse(cropped_and_recolored(sheared_and_relit(image, rng), rng), rng)
        tokens = [*self.begin_with, *self.base.encoded(text), self.base.special[2]]
        return TokenLine(self.base.preparation.squashed(_bytes(varied)), tokens)


def _spread(lines: LabeledLines, most: int) -> list[tuple[Tensor, str]]:
    """At most `most` lines, evenly spread."""
    return [lines[place] for place in evenly(len(lines), most)]


def _bytes(image: Tensor) -> np.ndarray:
    """`(3, H, W)` in [0, 1] as `(H, W, 3)` in bytes."""
    return (image.permute(1, 2, 0).clamp(0, 1) * 255).round().byte().numpy()
