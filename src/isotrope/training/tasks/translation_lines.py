"""Train a translator and a LoRA adapter of its recognizer together, on lines."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Any, cast

import numpy as np
import torch
from peft import PeftModel
from tokenizers import Tokenizer
from torch import Tensor, nn
from torch.nn import functional

from isotrope.data.parallel import Pairs
from isotrope.data.stream import SkippedSample
from isotrope.lora import save_adapter
from isotrope.ocr.recognition.constants import BLANK, STRIDE
from isotrope.ocr.recognition.ctc import Decoded, decode
from isotrope.ocr.recognition.model import LineRecognizer
from isotrope.ocr.translation.model import Translator
from isotrope.ocr.translation.pieces import SIZE, spans
from isotrope.ocr.translation.store import save_translator
from isotrope.text.tokens import BOS, EOS, PAD
from isotrope.training.mix import LineSample
from isotrope.training.task import GroupedTask
from isotrope.training.tasks.recognition import finished, line_batch, normalized
from isotrope.training.tasks.translation import SMOOTHING, chrf, translations
from isotrope.training.translation.samples import IGNORED
from isotrope.training.translation.sources import Source

BATCH, _PARTS = 12, 8


class ReadingTranslator(nn.Module):
    """A recognizer with an adapter, and the translator of its columns.

    Args:
        reader: A `LineRecognizer` with a LoRA adapter.
        translator: The translator.
    """

    def __init__(self, reader: PeftModel, translator: Translator) -> None:
        super().__init__()
        self.reader, self.translator = reader, translator

    @property
    def recognizer(self) -> LineRecognizer:
        """The recognizer, with its adapter."""
        return cast("LineRecognizer", self.reader.get_base_model())

    def read(self, pixels: Tensor, columns: Sequence[int]) -> tuple[Tensor, list[Tensor]]:
        """Logits of the characters `(B, W, classes)`, and the pieces of each line `(P, SIZE, F)`.

        Args:
            pixels: Lines `(B, 3, 48, W * 8)` in [-1, 1].
            columns: The number of columns of each line, without padding.
        """
        recognizer = self.recognizer
        features = recognizer.features(pixels)
        logits = recognizer.head(features)
        probabilities = logits.detach().float().softmax(-1).cpu().numpy()
        charset = recognizer.charset
        pieces = [
            assembled(own.float(), decode(rows[:count], charset))
            for own, rows, count in zip(features, probabilities, columns, strict=True)
        ]
        return logits, pieces


def assembled(features: Tensor, read: Decoded) -> Tensor:
    """Arrange columns `(W, F)` by what was read: `(P, SIZE, F)`, as `pieces.gathered` does."""
    found = spans(read.text)
    shares = torch.zeros(len(found) * SIZE, len(features))
    for piece, (start, end) in enumerate(found):
        for place in range(start, end):
            first, last = (int(column) for column in read.columns[place])
            shares[piece * SIZE + place - start, first : last + 1] = 1 / (last + 1 - first)
    return (shares.to(features) @ features).unflatten(0, (len(found), SIZE))


class LineTranslationTask(GroupedTask[ReadingTranslator]):
    """Trains both by the cross-entropy of the translation, and the recognizer by CTC besides.

    Args:
        model: Both.
        source: Draws lines.
        tokenizer: Splits translations.
        ctc: Weight of the loss that keeps the recognizer reading.
        seed: Seed of the stream.
    """

    def __init__(
        self,
        model: ReadingTranslator,
        source: Source,
        tokenizer: Tokenizer,
        ctc: float,
        seed: int = 0,
    ) -> None:
        super().__init__(model, BATCH * _PARTS, _PARTS, seed)
        self.source, self.tokenizer, self.ctc = source, tokenizer, ctc
        self._known = frozenset(model.recognizer.charset)
        self._valid: list[tuple[Tensor, str]] | None = None

    def draw(self, rng: np.random.Generator) -> LineSample:
        """A line of the source that the recognizer can write."""
        sample = self.source.draw(rng)
        if not self._known.issuperset(sample.text) or len(sample.text) >= sample.extent // STRIDE:
            raise SkippedSample
        return sample

    def collate(self, samples: Sequence[LineSample]) -> dict[str, Any]:
        """A batch as `RecognitionTask` makes it, with a translation of each line."""
        rng = np.random.default_rng([self.seed, *(len(sample.text) for sample in samples)])
        batch = line_batch(samples, self.model.recognizer.charset)
        most = self.model.translator.config.most_tokens - 1
        rows = [self._tokens(sample.text, rng)[:most] for sample in samples]
        longest = max(map(len, rows)) + 1
        tokens = torch.full((len(rows), longest), PAD)
        labels = torch.full((len(rows), longest), IGNORED)
        for place, row in enumerate(rows):
            tokens[place, : len(row) + 1] = torch.tensor([BOS, *row])
            labels[place, : len(row) + 1] = torch.tensor([*row, EOS])
        return {**batch, "tokens": tokens, "labels": labels}

    def finish(self, batch: dict[str, Any]) -> dict[str, Any]:
        """Paint the rendered lines."""
        return finished(batch)

    def loss(self, model: ReadingTranslator, batch: dict[str, Any]) -> dict[str, Tensor]:
        """Cross-entropy of the translation, and CTC per character."""
        model.recognizer.eval()  # its layers have no other mode, and an adapter needs this one
        logits, lines = model.read(normalized(batch["pixels"]), batch["columns"].tolist())
        lines = [pieces[: model.translator.config.most_pieces] for pieces in lines]
        most = max(1, *map(len, lines))
        pieces = torch.stack([functional.pad(p, (0, 0, 0, 0, 0, most - len(p))) for p in lines])
        lengths = torch.tensor([max(1, len(p)) for p in lines], device=pieces.device)
        present = torch.arange(most, device=pieces.device) < lengths[:, None]
        written = functional.cross_entropy(
            model.translator(pieces, present, batch["tokens"]).flatten(0, 1).float(),
            batch["labels"].flatten(),
            ignore_index=IGNORED,
            label_smoothing=SMOOTHING,
        )
        lost = functional.ctc_loss(
            logits.float().log_softmax(-1).transpose(0, 1),
            batch["targets"],
            batch["columns"],
            batch["lengths"],
            BLANK,
            reduction="none",
            zero_infinity=True,
        )
        read = (lost / batch["lengths"].clamp(min=1)).mean()
        return {"loss": written + self.ctc * read, "text": written.detach(), "ctc": read.detach()}

    @torch.inference_mode()
    def validate(self, model: ReadingTranslator) -> dict[str, float]:
        """chrF of the greedy translations of the held-out lines."""
        if self._valid is None:
            self._valid = self.source.held_out()
        model = model.eval()
        lines = []
        for pixels, _ in self._valid:
            _, found = model.read(normalized(pixels[None]), [pixels.shape[2] // STRIDE])
            lines.append(found[0].numpy())
        written = translations(model.translator, lines)
        value = chrf(written, [self.source.valid[key] for _, key in self._valid])
        return {"chrf": round(value, 3), "score": value}

    def save(self, model: ReadingTranslator, folder: Path) -> None:
        """Write the translator and the adapter."""
        folder.mkdir(parents=True, exist_ok=True)
        save_translator(model.translator, folder)
        save_adapter(model.reader, folder)

    def panels(self, columns: Sequence[str]) -> dict[str, list[str]]:
        """The losses apart from each other, since their scales differ."""
        return {"loss": ["train_text"], "ctc": ["train_ctc"], "chrF": ["chrf"]}

    def _tokens(self, key: str, rng: np.random.Generator) -> list[int]:
        pairs: Pairs = self.source.train
        several = pairs[key]
        return self.tokenizer.encode(several[int(rng.integers(len(several)))]).ids
