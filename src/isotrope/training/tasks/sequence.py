"""The task of the papers' recognizer: an encoder-decoder writes the text of words and lines."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import asdict
from pathlib import Path
from typing import Any, Protocol, cast

import numpy as np
import torch
from peft import PeftModel
from torch import Tensor, nn
from torch.nn import functional

from isotrope.data.shape_stream import ShapeStream
from isotrope.ocr.gsanet.recognizer import Recognizer
from isotrope.training.alignment import FINE, AlignmentLoss, Seen, columns_loss
from isotrope.training.loop import keep_model
from isotrope.training.rendered import Rendered, painted, to_paint
from isotrope.training.task import GroupedTask
from isotrope.training.text_mix import ReaderSize, TextImage
from isotrope.training.validation import validate
from isotrope.training.variation import with_wrong_tokens


class Mix(Protocol):
    """A source of training images."""

    def draw(self, rng: np.random.Generator) -> TextImage:
        """One image; raises `SkippedSample` if it is unusable."""
        ...


class SequenceModel(nn.Module):
    """A `Recognizer`, with or without adapters, and the modules that only training needs.

    Args:
        places: Whether character positions are known for some images; the head `columns` learns
            them.

    Raises:
        ValueError: `places` for a recognizer without that head.
    """

    def __init__(self, recognizer: Recognizer | PeftModel, places: bool = True) -> None:
        super().__init__()
        self.recognizer = recognizer
        dim, base = self.base.config.encoder.hidden_size, self.base
        if places and base.columns is None:
            raise ValueError(
                "this recognizer has no head to learn the places of characters; make it with "
                "columns=True, or pass places=False"
            )
        self.alignment = AlignmentLoss(dim, base.group.order, base.space) if places else None

    @property
    def base(self) -> Recognizer:
        """The recognizer itself, with any adapters inside it."""
        if isinstance(self.recognizer, PeftModel):
            return cast("Recognizer", self.recognizer.get_base_model())
        return self.recognizer


class SequenceTask(GroupedTask):
    """Trains a `SequenceModel`.

    The loss is the cross-entropy of each token given the previous ones, plus `weights` times the
    losses of `AlignmentLoss`, or times `columns_loss` alone for a model without `places`.

    Args:
        mix: Draws the training images.
        held_out: Sets of upright images and their texts to validate on.
        weights: Weights of the losses "dense", "order", "look" and "ctc".
        noise: Share of the previous characters that are replaced at random for the decoder, so that
            it looks at the image instead of guessing what follows.
        label_smoothing: Label smoothing of the cross-entropy.
        turned: Whether to turn each batch by one of the four turns at random. For a model without
            `places`, `columns_loss` is then left out, because it needs upright images.
        group, parts: Number of images in a group of the stream, and of batches made from it.
    """

    kind_of_stream = ShapeStream

    def __init__(
        self,
        model: SequenceModel,
        mix: Mix,
        held_out: Mapping[str, list[tuple[Tensor, str]]],
        weights: Mapping[str, float],
        noise: float = 0.0,
        label_smoothing: float = 0.0,
        turned: bool = False,
        group: int = 512,
        parts: int = 16,
        seed: int = 0,
    ) -> None:
        super().__init__(model, group, parts, seed)
        self.mix, self.held_out, self.weights = mix, held_out, dict(weights)
        self.noise, self.label_smoothing, self.turned = noise, label_smoothing, turned
        self.size = ReaderSize.of(model.base)

    def draw(self, rng: np.random.Generator) -> TextImage:
        return self.mix.draw(rng)

    def collate(self, samples: Sequence[TextImage]) -> dict[str, Any]:
        """Images at the size of the middle one, in bytes, blue first; labels; centers."""
        size = self.size(samples[len(samples) // 2].size)
        pixels = torch.zeros(len(samples), 3, *size, dtype=torch.uint8)
        labels = self.model.base.encode_text([sample.text for sample in samples])
        centers = torch.zeros(*labels.shape, 2, dtype=torch.int32)
        for row, places, sample in zip(pixels, centers, samples, strict=True):
            if not isinstance(sample.pixels, Rendered):
                row[:] = _sized(sample.pixels, size)
            elif len(sample.text):
                found = torch.from_numpy(sample.centers).clamp(0, 1)
                places[: len(found)] = (found * FINE).round().int()
        rendered = [
            s.pixels.sized(size) if isinstance(s.pixels, Rendered) else None for s in samples
        ]
        return {
            "pixels": pixels,
            "labels": labels,
            "centers": centers,
            "known": torch.tensor([sample.rendered for sample in samples]),
            "quarters": samples[0].seed % 4 if self.turned else 0,
            **to_paint(rendered),
        }

    def finish(self, batch: dict[str, Any]) -> dict[str, Any]:
        """Paint the rendered images, and turn the batch."""
        batch = painted(batch)
        quarters = batch.pop("quarters")
        return batch | {"pixels": torch.rot90(batch["pixels"], quarters, (2, 3)).contiguous()}

    def loss(self, model: SequenceModel, batch: dict[str, Any]) -> dict[str, Tensor]:
        base, labels = model.base, batch["labels"]
        pixels = batch["pixels"].flip(1).float() / 255
        tokens = base.encoder(pixel_values=pixels).last_hidden_state
        written = base.prepare_decoder_input_ids_from_labels(labels)
        out = base.decoder(
            input_ids=with_wrong_tokens(written, self.noise, base.config.decoder.vocab_size),
            encoder_hidden_states=tokens,
            output_attentions=model.alignment is not None,
            use_cache=False,
        )
        losses = {
            "text": functional.cross_entropy(
                out.logits.float().flatten(0, 1),
                labels.flatten(),
                label_smoothing=self.label_smoothing,
            )
        }
        size = base.grid(pixels)
        if base.columns is not None and model.alignment is not None:
            seen = Seen(tokens, base.columns(tokens), out.cross_attentions[-1], size)
            losses |= model.alignment(seen, labels, batch["centers"], batch["known"])
        elif base.columns is not None and not self.turned:
            losses["ctc"] = columns_loss(base.columns(tokens), labels, size, base.space)
        extra = sum(self.weights[n] * loss for n, loss in losses.items() if n != "text")
        return {"loss": losses["text"] + extra, **losses}

    def validate(self, model: SequenceModel) -> dict[str, float]:
        """CER, accuracy and orientations found, by set and turn; `score` is minus the mean CER."""
        row = {}
        for name, pairs in self.held_out.items():
            for degrees, score in validate(model.base.eval(), pairs).items():
                for key, value in asdict(score).items():
                    row[f"{name}_{key}_{degrees}"] = round(value, 5)
        cers = [value for name, value in row.items() if "_cer_" in name]
        return row | {"score": -sum(cers) / len(cers)}

    def save(self, model: SequenceModel, folder: Path) -> None:
        keep_model(model.recognizer, folder)

    def panels(self, columns: Sequence[str]) -> dict[str, list[str]]:
        """Panels with the losses, and with word accuracies and CERs at the four turns."""
        return {
            "loss": [c for c in columns if c.startswith("train_")],
            "words read exactly": [c for c in columns if "_accuracy_" in c],
            "character error rate": [c for c in columns if "_cer_" in c],
        }


def _sized(image: Tensor, size: tuple[int, int]) -> Tensor:
    """`(3, H, W)` in [0, 1], resized, as bytes, blue first."""
    sized = functional.interpolate(image[None], size=size, mode="bilinear", antialias=True)[0]
    return (sized.flip(0).clamp(0, 1) * 255).round().byte()
