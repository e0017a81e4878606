"""Train a translator: render and read lines, train in stages, keep the best."""

from __future__ import annotations

import hashlib
import json
import shutil
from functools import cached_property
from pathlib import Path
from typing import Any

import numpy as np
import torch
from tokenizers import Tokenizer

from isotrope.io.files import replacing
from isotrope.lora import add_adapter
from isotrope.lora.fit import BASE, CONFIG, WEIGHTS
from isotrope.ocr.loading import TRANSLATOR, shipped
from isotrope.ocr.recognition.store import load_model
from isotrope.ocr.translation.columns import ColumnReader
from isotrope.ocr.translation.config import TranslatorConfig
from isotrope.ocr.translation.files import TENSORS, write_base
from isotrope.ocr.translation.model import Translator
from isotrope.ocr.translation.store import load_translator
from isotrope.training.engine import Engine
from isotrope.training.tasks.translation import TranslationTask
from isotrope.training.tasks.translation_lines import LineTranslationTask, ReadingTranslator
from isotrope.training.tasks.translation_recipe import STAGES, Stage, TranslationRecipe
from isotrope.training.translation.reading import ReadLine
from isotrope.training.translation.samples import FeatureBank
from isotrope.training.translation.sources import LabeledImages, RenderedPairs, Report, Source
from isotrope.training.translation.vocabulary import learn_tokenizer, vocabulary


class Translation:
    """Trains a translator, and resumes a run in `out`.

    Writes each stage to a folder of its own in `out`, and the result to `out` itself, for `isotrope
    read --adapter`.

    Args:
        recipe: The recipe.
        data: A file of SOURCE<TAB>TARGET lines, or line images with a `labels.tsv` whose texts are
            translations.
        out: The folder of the run, which becomes the adapter's.
        base: The folder of the recognizer; None: the shipped one.

    Attributes:
        source: The lines.
        lines, held_out: Those that were read, after `read`.

    Raises:
        ValueError: The data or the base cannot be read, or there are too few sentences.
        FileNotFoundError: There are no fonts.
    """

    lines: list[ReadLine]
    held_out: list[ReadLine]

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
        given, seed = recipe.data, recipe.run.seed
        self.source: Source
        if self.data.suffix == ".tsv" and self.data.is_file():
            self.source = RenderedPairs(
                self.data, given.held_out, given.rendered, given.valid, seed
            )
        else:
            self.source = LabeledImages(self.data, given.held_out, given.valid)

    def read(self, report: Report = lambda done, count: None) -> None:
        """Read the lines, unless an earlier run has."""
        reader = ColumnReader(self.base)
        self.lines, self.held_out = self.source.read(reader, self.out / "read", report)

    @property
    def stages(self) -> list[Stage]:
        """The stages that the recipe has."""
        return [name for name in STAGES if not self.recipe.skips(name)]

    def engine(self, stage: Stage) -> Engine:
        """The engine of a stage; `read` and the stages before it come first."""
        torch.manual_seed(self.recipe.run.seed)
        task = self._line_task() if stage == "lines" else self.task(stage)
        task.made_of = {"pairs": _digest(self.source.train, self.source.valid)}
        if (folder := self._before(stage)) is not None:  # a longer run of it makes this one void
            start = hashlib.sha256((folder / TENSORS).read_bytes()).hexdigest()
            task.made_of |= {"start": start}
        return Engine(task, self.recipe.stage(stage), self.out / stage)

    def task(self, stage: Stage, plain: bool = False) -> TranslationTask:
        """The task of the stage `text` or `columns`; `plain` as in `TranslationTask`."""
        return TranslationTask(
            self.before(stage),
            *(self.source.train, self.bank, self.lines, self.held_out, self.source.valid),
            tokenizer=self.tokenizer,
            share=self.recipe.data.share if stage == "columns" else 0.0,
            plain=plain,
            seed=self.recipe.run.seed,
        )

    def before(self, stage: Stage) -> Translator:
        """The translator at the beginning of a stage: that of the last one before, or a new one."""
        if (folder := self._before(stage)) is not None:
            return load_translator(folder, self.recipe.model.dropout)
        sizes = self.recipe.model.model_dump(exclude={"dropout", "vocabulary"})
        width = self.lines[0].features.shape[1]
        config = TranslatorConfig(vocabulary(self.tokenizer), width, **sizes)
        return Translator(config, self.recipe.model.dropout)

    def finish(self) -> None:
        """Copy the result of the last stage to `out`."""
        folder = self.out / self.stages[-1] / "model"
        for name in (TRANSLATOR, TENSORS, CONFIG, WEIGHTS, BASE):
            if (folder / name).is_file():
                with replacing(self.out / name) as temporary:
                    shutil.copyfile(folder / name, temporary)
            else:
                (self.out / name).unlink(missing_ok=True)
        self._name()
        if not (self.out / BASE).is_file():
            write_base(self.out, self.base)

    def _before(self, stage: Stage) -> Path | None:
        """The folder of the translator of the last stage before, if there is one."""
        folders = (self.out / name / "model" for name in reversed(STAGES[: STAGES.index(stage)]))
        return next(filter(Path.is_dir, folders), None)

    def _name(self) -> None:
        path = self.out / TRANSLATOR
        values = json.loads(path.read_text(encoding="utf-8")) | {"names": self.recipe.names}
        with replacing(path) as temporary:
            temporary.write_text(json.dumps(values, ensure_ascii=False, indent=1), encoding="utf-8")

    @cached_property
    def bank(self) -> FeatureBank:
        """The features of characters in the training lines."""
        characters = "".join(line.text for line in self.lines)
        return FeatureBank(characters, np.concatenate([line.features for line in self.lines]))

    @cached_property
    def tokenizer(self) -> Tokenizer:
        """The tokenizer of the translations, learned once."""
        path = self.out / "tokenizer.json"
        if not path.is_file():
            texts = (target for several in self.source.train.values() for target in several)
            learn_tokenizer(texts, self.recipe.model.vocabulary).save(str(path))
        return Tokenizer.from_file(str(path))

    def _line_task(self) -> LineTranslationTask:
        chosen = self.recipe.adapter
        reader = add_adapter(
            load_model(self.base), chosen.targets, rank=chosen.rank, alpha=chosen.alpha
        )
        model = ReadingTranslator(reader, self.before("lines"))
        return LineTranslationTask(
            model, self.source, self.tokenizer, chosen.ctc, self.recipe.run.seed
        )


def _digest(*parts: Any) -> str:
    return hashlib.sha256(json.dumps(parts).encode()).hexdigest()
