"""Train a translator on text written in a recognizer's features, and on lines that it has read."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np
import torch
from sacrebleu.metrics.chrf import CHRF
from tokenizers import Tokenizer
from torch import Tensor
from torch.nn import functional

from isotrope.data.parallel import Pairs
from isotrope.data.stream import SkippedSample
from isotrope.ocr.translation.model import Translator
from isotrope.ocr.translation.pieces import gathered
from isotrope.ocr.translation.store import save_translator
from isotrope.training.task import GroupedTask
from isotrope.training.translation.reading import ReadLine
from isotrope.training.translation.samples import (
    IGNORED,
    FeatureBank,
    PieceSample,
    collate,
    curled,
    misread,
)

GROUP, PARTS = 1024, 8
"""Number of sentences in a group of the stream, and of batches in it."""

_TOGETHER = 64
"""Number of sentences to translate together in validation."""

SMOOTHING = 0.1


class TranslationTask(GroupedTask[Translator]):
    """Trains a translator by cross-entropy on two kinds of samples.

    A sentence of the pairs is written in the features of `bank`, with simulated reading errors; and
    a line of `lines` comes as it was read.

    Args:
        model: The translator.
        pairs: The translations of each key; those of `lines` are among the keys.
        bank: Features of characters.
        lines: Lines that were read.
        valid: Lines to validate on, and `references`, the translations of their keys.
        tokenizer: Splits translations.
        share: Share of the samples that are lines.
        plain: Write every sentence with the mean features and without errors, as a model of text
            gets it.
        group, parts, seed: As in `GroupedTask`.
    """

    def __init__(
        self,
        model: Translator,
        pairs: Pairs,
        bank: FeatureBank,
        lines: Sequence[ReadLine],
        valid: Sequence[ReadLine],
        references: Pairs,
        tokenizer: Tokenizer,
        share: float = 0.0,
        plain: bool = False,
        group: int = GROUP,
        parts: int = PARTS,
        seed: int = 0,
    ) -> None:
        super().__init__(model, group, parts, seed)
        self.pairs, self.bank, self.tokenizer, self.plain = pairs, bank, tokenizer, plain
        self.sources = list(pairs)
        self.lines = [line for line in lines if line.key in pairs]
        self.share = share if self.lines else 0.0
        self.valid, self.references = list(valid), references
        self._alphabet = "".join(bank.index)

    def draw(self, rng: np.random.Generator) -> PieceSample:
        """A line, or a sentence written in features."""
        if rng.random() < self.share:
            line = self.lines[int(rng.integers(len(self.lines)))]
            key, text, features = line.key, line.text, line.features
        else:
            key = text = self.sources[int(rng.integers(len(self.sources)))]
            text = curled(text, rng)
            if self.plain:
                features = self.bank.mean(text)
            else:
                text = misread(text, rng, self._alphabet)
                features = self.bank.draw(text, rng)
        several = self.pairs[key]
        target = several[int(rng.integers(len(several)))]
        pieces = gathered(features, text)
        tokens = self.tokenizer.encode(target).ids
        config = self.model.config
        if not 0 < len(pieces) <= config.most_pieces or len(tokens) >= config.most_tokens:
            raise SkippedSample
        return PieceSample(pieces, tokens)

    def collate(self, samples: Sequence[PieceSample]) -> dict[str, Tensor]:
        """Padded pieces and tokens."""
        return collate(samples)

    def loss(self, model: Translator, batch: dict[str, Tensor]) -> dict[str, Tensor]:
        """Cross-entropy per token, with smoothed labels."""
        logits = model(batch["pieces"], batch["present"], batch["tokens"])
        loss = functional.cross_entropy(
            logits.flatten(0, 1).float(),
            batch["labels"].flatten(),
            ignore_index=IGNORED,
            label_smoothing=SMOOTHING,
        )
        return {"loss": loss}

    def validate(self, model: Translator) -> dict[str, float]:
        """chrF of the greedy translations of the held-out lines."""
        written = translations(model, [self._validated(line) for line in self.valid])
        references = [self.references[line.key] for line in self.valid]
        value = chrf(written, references)
        return {"chrf": round(value, 3), "score": value}

    def save(self, model: Translator, folder: Path) -> None:
        """Write the translator."""
        save_translator(model, folder)

    def _validated(self, line: ReadLine) -> np.ndarray:
        if self.plain:
            return gathered(self.bank.mean(line.text), line.text)
        return gathered(line.features, line.text)


@torch.inference_mode()
def translations(model: Translator, lines: Sequence[np.ndarray], beams: int = 1) -> list[str]:
    """Translate lines, each given as its pieces; those of one length go together."""
    most = model.config.most_pieces
    by_length: dict[int, list[int]] = {}
    for place, pieces in enumerate(lines):
        by_length.setdefault(min(most, len(pieces)), []).append(place)
    written = [""] * len(lines)
    for length, places in by_length.items():
        for start in range(0, len(places) if length else 0, _TOGETHER):
            some = places[start : start + _TOGETHER]
            stacked = np.stack([lines[place][:most] for place in some]).astype(np.float32)
            texts = model.translate(torch.from_numpy(stacked), beams)
            for place, text in zip(some, texts, strict=True):
                written[place] = text
    return written


def chrf(written: Sequence[str], references: Sequence[Sequence[str]]) -> float:
    """chrF2 of a corpus (Popović 2015), from 0 to 100; each text has one or more references."""
    return float(CHRF().corpus_score(list(written), by_rank(references)).score)


def by_rank(references: Sequence[Sequence[str]]) -> list[list[Any]]:
    """Arrange references as sacrebleu takes them: the first of each text, the second of each..."""
    most = max(map(len, references), default=1)
    return [[own[n] if n < len(own) else None for own in references] for n in range(most)]
