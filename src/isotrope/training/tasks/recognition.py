"""The line recognition task: CTC on labeled upright lines, without forgetting earlier training."""

from __future__ import annotations

import copy
from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import torch
from torch import Tensor, nn
from torch.nn import functional

from isotrope.ocr.recognition.constants import BLANK, HEIGHT, STRIDE
from isotrope.ocr.recognition.ctc import Decoded, decode
from isotrope.ocr.recognition.model import LineRecognizer
from isotrope.text.metrics import cer, word_accuracy
from isotrope.training.mix import LineMix, LineSample
from isotrope.training.rendered import Rendered, given_pixels, painted, to_paint
from isotrope.training.task import GroupedTask, channels_last

_STEP = 96
"""Batch widths are multiples of this, because oneDNN compiles new kernels for each width."""


class RecognitionTask(GroupedTask[LineRecognizer]):
    """Trains a `LineRecognizer`.

    The loss is CTC per character, plus `keep` times the divergence from the initial model,
    `KL(before || now)` per column, on samples whose source is `taught`: the published model reads
    these well and should keep doing so.

    Args:
        model: The model to train, with its initial weights.
        mix: Draws the training lines.
        keep: Weight of the divergence; 0: none.
        group, parts: As in `GroupedTask`.
        teacher: Another model to stay close to; None: a copy of `model`.
        anchor: A model of the same architecture. After each step, every weight except the head's
            moves a fraction `pull * learning_rate` of the way back to the anchor's, as weight decay
            moves it to 0 (L2-SP, Li et al. 2018, https://arxiv.org/abs/1802.01483). So the model
            forgets less of what the anchor knows.
        pull: Strength of the pull towards the anchor.
        labels: Weight in CTC of the labels of taught lines; 0: they are learned from the teacher
            alone, so that a drift towards the labels' own habits costs nothing elsewhere.
    """

    def __init__(
        self,
        model: LineRecognizer,
        mix: LineMix,
        keep: float = 0.5,
        group: int = 256,
        parts: int = 8,
        seed: int = 0,
        teacher: nn.Module | None = None,
        anchor: LineRecognizer | None = None,
        pull: float = 0.0,
        labels: float = 1.0,
    ) -> None:
        super().__init__(channels_last(model), group, parts, seed)
        self.mix, self.keep, self.labels = mix, keep, labels
        # In a list, so that it is not a submodule and the optimizer does not see it.
        kept = channels_last(teacher or copy.deepcopy(model))
        self._teacher: list[nn.Module] = [kept.eval().requires_grad_(False)]
        self.pull = pull if anchor else 0.0
        self._anchor: dict[str, Tensor] = dict(anchor.named_parameters()) if anchor else {}

    def draw(self, rng: np.random.Generator) -> LineSample:
        """A line from the mix."""
        return self.mix.draw(rng)

    def collate(self, samples: Sequence[LineSample]) -> dict[str, Any]:
        """See `line_batch`."""
        return line_batch(samples, self.model.charset)

    def finish(self, batch: dict[str, Any]) -> dict[str, Tensor]:
        """See `finished`."""
        return finished(batch)

    def loss(self, model: LineRecognizer, batch: dict[str, Tensor]) -> dict[str, Tensor]:
        """CTC, and the divergence from the teacher."""
        pixels = normalized(batch["pixels"])
        logits = model(pixels).float()
        taught = batch["taught"]
        read = self._read_loss(logits, batch, taught)
        if not self.keep or not len(taught):
            return {"loss": read, "ctc": read.detach(), "kept": read.detach() * 0}
        teacher = self._teacher[0] = self._teacher[0].to(pixels.device)
        # In multiples of 8, because oneDNN compiles new kernels for each number of lines.
        eights = torch.arange(-(-len(taught) // 8) * 8, device=taught.device) % len(taught)
        with torch.no_grad():
            before = teacher(pixels[taught[eights]]).float()[: len(taught)].log_softmax(-1)
        kept = functional.kl_div(
            logits[taught].log_softmax(-1), before, log_target=True, reduction="sum"
        ) / (before.shape[0] * before.shape[1])
        return {"loss": read + self.keep * kept, "ctc": read.detach(), "kept": kept.detach()}

    def _read_loss(self, logits: Tensor, batch: dict[str, Tensor], taught: Tensor) -> Tensor:
        """CTC per character, the weighted mean over lines."""
        lost = functional.ctc_loss(
            logits.log_softmax(-1).transpose(0, 1),
            batch["targets"],
            batch["columns"],
            batch["lengths"],
            BLANK,
            reduction="none",
            zero_infinity=True,
        )
        weights = torch.ones_like(lost)
        weights[taught] = self.labels
        return (weights * lost / batch["lengths"].clamp(min=1)).sum() / weights.sum().clamp(min=1)

    @torch.no_grad()
    def after_step(self, model: LineRecognizer, learning_rate: float) -> None:
        """Pull the weights back to the anchor's."""
        if not self.pull:
            return
        for name, parameter in model.named_parameters():
            if not name.startswith("head."):
                anchor = self._anchor[name] = self._anchor[name].to(parameter)
                parameter.lerp_(anchor, self.pull * learning_rate)

    @torch.inference_mode()
    def validate(self, model: LineRecognizer) -> dict[str, float]:
        """CER and accuracy on each set's held-out lines; `score` is minus the mean CER."""
        row: dict[str, float] = {}
        for name, samples in self.mix.held_out().items():
            texts = [read_one(model, sample) for sample in samples]
            true = [sample.text for sample in samples]
            row[f"{name}_cer"] = round(cer(texts, true), 5)
            row[f"{name}_accuracy"] = round(word_accuracy(texts, true), 5)
        cers = [value for name, value in row.items() if name.endswith("_cer")]
        return row | {"score": -sum(cers) / len(cers)}

    def save(self, model: LineRecognizer, folder: Path) -> None:
        """Write the weights, the config and the ONNX graph."""
        from isotrope.ocr.recognition.store import save_model

        save_model(model, folder)


def line_batch(samples: Sequence[LineSample], charset: str) -> dict[str, Any]:
    """Lines padded on the right to the widest, and their classes, concatenated."""
    classes = {c: i + 1 for i, c in enumerate(charset)}
    widest = -(-max(sample.extent for sample in samples) // _STEP) * _STEP
    shape = (len(samples), 3, HEIGHT, widest)
    pixels = torch.full(shape, 128, dtype=torch.uint8)
    for row, sample in zip(pixels, samples, strict=True):
        if not isinstance(sample.pixels, Rendered):
            row[:, :, : sample.extent] = sample.pixels
    targets = [[classes[c] for c in sample.text] for sample in samples]
    return {
        "pixels": pixels,
        "columns": torch.tensor([s.extent // STRIDE for s in samples]),
        "targets": torch.tensor([c for target in targets for c in target]),
        "lengths": torch.tensor([len(target) for target in targets]),
        # Indices, not a mask: counting a mask would force a synchronization with the GPU.
        "taught": torch.tensor([i for i, s in enumerate(samples) if s.taught]).long(),
        **to_paint([s.pixels if isinstance(s.pixels, Rendered) else None for s in samples]),
    }


def finished(batch: dict[str, Any]) -> dict[str, Any]:
    """Paint the rendered lines, and pad them like the others."""
    batch = painted(batch)
    pixels = batch["pixels"]
    places = torch.arange(pixels.shape[3], device=pixels.device)
    beyond = places >= STRIDE * batch["columns"][:, None]
    pixels.masked_fill_(beyond[:, None, None], 128)
    return batch


def normalized(pixels: Tensor) -> Tensor:
    """Bytes from 0 to 255 scaled to [-1, 1]; the padding, 128, becomes about 0."""
    return pixels.float() / 127.5 - 1


@torch.no_grad()
def decoded_lines(
    model: LineRecognizer, samples: Sequence[LineSample], batch_size: int = 16
) -> list[Decoded]:
    """Lines read by the best path, batched by width and padded as in training."""
    device = next(model.parameters()).device
    order = sorted(range(len(samples)), key=lambda n: samples[n].extent)
    found: dict[int, Decoded] = {}
    for start in range(0, len(order), batch_size):
        places = order[start : start + batch_size]
        unlabeled = [replace(samples[n], text="") for n in places]  # labels may have any character
        batch = finished(line_batch(unlabeled, model.charset))
        logits = model(normalized(batch["pixels"].to(device))).float()
        for place, columns, row in zip(places, batch["columns"].tolist(), logits, strict=True):
            rows = row[:columns].softmax(-1).cpu().numpy()
            found[place] = decode(rows, model.charset)
    return [found[place] for place in range(len(samples))]


def read_one(model: LineRecognizer, sample: LineSample) -> str:
    """The text of one line by the best path."""
    device = next(model.parameters()).device
    logits = model(normalized(given_pixels(sample.pixels)[None]).to(device))[0].float()
    return decode(logits.softmax(-1).cpu().numpy(), model.charset).text
