"""Train a translator in stages: read the pairs, render lines and read them, train, keep the best."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Callable
from functools import cached_property
from pathlib import Path
from typing import Any

import numpy as np
import torch
from tokenizers import Tokenizer

from isotrope.data.parallel import Pairs, load_pairs, split_pairs
from isotrope.ocr.loading import shipped
from isotrope.ocr.translation.columns import ColumnReader
from isotrope.ocr.translation.config import TranslatorConfig
from isotrope.ocr.translation.model import Translator
from isotrope.ocr.translation.store import load_translator
from isotrope.training.engine import Engine
from isotrope.training.tasks.translation import TranslationTask
from isotrope.training.tasks.translation_recipe import Stage, TranslationRecipe
from isotrope.training.translation.reading import ReadLine, read_lines
from isotrope.training.translation.rendering import RenderedSentences
from isotrope.training.translation.samples import FeatureBank
from isotrope.training.translation.vocabulary import learn_tokenizer, vocabulary


class Translation:
    """Trains a translator, and resumes a run in `out`.

    Args:
        recipe: The recipe.
        data: A file of SOURCE<TAB>TARGET lines.
        out: The folder of the run, which becomes the adapter's.
        base: The folder of the recognizer; None: the shipped one.

    Attributes:
        train, valid: The pairs to train on, and the held-out pairs.

    Raises:
        ValueError: The data or the base cannot be read, or there are too few sentences.
        FileNotFoundError: There are no fonts.
    """

    def __init__(
        self,
        recipe: TranslationRecipe,
        data: str | Path,
        out: str | Path,
        base: str | Path | None = None,
    ) -> None:
        self.recipe, self.data, self.out = recipe, Path(data), Path(out)
        self.base = Path(base) if base is not None else shipped("small")
        self.out.mkdir(parents=True, exist_ok=True)
        self.train, self.valid = split_pairs(load_pairs(self.data), recipe.data.held_out)
        if not self.train or not self.valid:
            raise ValueError(
                f"{self.data}: {len(self.train)} source sentences to train on and "
                f"{len(self.valid)} held out; give more pairs"
            )
        self.made_of = {"pairs": _digest(self.train, self.valid)}

    def read(self, report: Callable[[int, int], None] = lambda done, count: None) -> None:
        """Render sentences and read them, unless an earlier run has.

        Args:
            report: Called with the number of lines that are read, and of all.
        """
        counts = len(self._chosen(self.valid)), len(self._chosen(self.train))
        whole = sum(counts)
        self.held_out = self._read("valid", self.valid, lambda done: report(done, whole))
        self.lines = self._read("train", self.train, lambda done: report(counts[0] + done, whole))
        characters = "".join(line.text for line in self.lines)
        self.bank = FeatureBank(characters, np.concatenate([line.features for line in self.lines]))

    def engine(self, stage: Stage) -> Engine:
        """The engine of the stage `text` or `columns`; `read` comes before."""
        torch.manual_seed(self.recipe.run.seed)
        model = self._text_model() if stage == "text" else self.after("text")
        task = self.task(model, 0.0 if stage == "text" else self.recipe.data.share)
        return Engine(task, self.recipe.stage(stage), self.out / stage)

    def task(self, model: Translator, share: float, plain: bool = False) -> TranslationTask:
        """A task on these sentences, with this share of lines."""
        task = TranslationTask(
            *(model, self.train, self.bank, self.lines, self.held_out, self.valid),
            tokenizer=self.tokenizer,
            share=share,
            plain=plain,
            seed=self.recipe.run.seed,
        )
        task.made_of = self.made_of
        return task

    def after(self, stage: Stage) -> Translator:
        """The translator at the end of a stage, or of the last one before it that was run."""
        for name in ("columns", "text"):
            folder = self.out / name / "model"
            if folder.is_dir() and not (stage == "text" and name == "columns"):
                return load_translator(folder, self.recipe.model.dropout)
        return self._text_model()

    @cached_property
    def tokenizer(self) -> Tokenizer:
        """The tokenizer of the translations, learned once."""
        path = self.out / "tokenizer.json"
        if not path.is_file():
            texts = (target for several in self.train.values() for target in several)
            learn_tokenizer(texts, self.recipe.model.vocabulary).save(str(path))
        return Tokenizer.from_file(str(path))

    def _text_model(self) -> Translator:
        sizes = self.recipe.model.model_dump(exclude={"dropout", "vocabulary"})
        width = self.lines[0].features.shape[1]
        config = TranslatorConfig(vocabulary(self.tokenizer), width, **sizes)
        return Translator(config, self.recipe.model.dropout)

    def _chosen(self, pairs: Pairs) -> list[str]:
        """The sentences to render."""
        valid = pairs is self.valid
        most = self.recipe.data.valid if valid else self.recipe.data.rendered
        sentences = list(pairs)
        order = np.random.default_rng(self.recipe.run.seed).permutation(len(sentences))
        return [sentences[place] for place in order[:most]]

    def _read(self, part: str, pairs: Pairs, report: Callable[[int], None]) -> list[ReadLine]:
        sentences = self._chosen(pairs)
        rendered = RenderedSentences(sentences, part, self.recipe.run.seed)

        def draw(number: int) -> tuple[np.ndarray, str] | None:
            try:
                return rendered.image(number, sentences[number]), sentences[number]
            except (ValueError, FileNotFoundError):  # no font has its characters
                return None

        folder = self.out / "read" / part
        return read_lines(self._reader, draw, len(sentences), folder, report)

    @cached_property
    def _reader(self) -> ColumnReader:
        return ColumnReader(self.base)


def _digest(*parts: Any) -> str:
    return hashlib.sha256(json.dumps(parts).encode()).hexdigest()
