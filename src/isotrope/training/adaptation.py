"""Train an adapter: read the data and the base, train with the engine, keep the best."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Sequence
from functools import cached_property
from pathlib import Path
from typing import cast

import torch
from peft import LoraConfig, PeftModel
from torch import Tensor, nn

from isotrope.data.lines import LabeledLines
from isotrope.data.pages import load_lines
from isotrope.lora import (
    adapted_targets,
    add_adapter,
    add_characters,
    load_adapter,
    method_of,
    weights_digest,
)
from isotrope.lora.characters import added_characters
from isotrope.ocr.adapter_names import AUTO, NONE
from isotrope.ocr.engines.gsanet import BEAMS
from isotrope.ocr.gsanet.recognizer import Recognizer
from isotrope.ocr.loading import adapter_folder, shipped
from isotrope.ocr.recognition.model import LineRecognizer
from isotrope.text.alike import alike
from isotrope.training.engine import Engine, Report
from isotrope.training.first_adapter import first_adapter
from isotrope.training.language import write_language
from isotrope.training.line_sets import chosen
from isotrope.training.line_sources import gather
from isotrope.training.tasks.adaptation_recipe import AdaptationRecipe, LineAdaptationRecipe
from isotrope.training.validation import LineScore, score_lines


class Adaptation:
    """Adapts a model, and resumes a run in `out`.

    Writes to `out` the adapter with the lowest character error rate on the held-out lines, for
    `isotrope read --adapter` (with `adapter.full`, the whole model to `out/model`), `log.csv`,
    `curve.png` and `checkpoint.pt`.

    Args:
        recipe: A recipe of the kind that fits the base.
        data: A data set for `load_lines`; or, if the recipe has sources, the folder of them all.
        base: The folder of a saved model; None: the recipe's shipped model.
        valid: A data set to hold out. None: a part of `data`.

    Attributes:
        recipe: The recipe, completed with values that follow from the data and `adapter.start`.
        train, valid: The lines to train on, and the held-out lines.
        new: Characters that the adapter adds to the model's, besides those of `adapter.start`.
        left_out: Number of lines that cannot be opened or that the model cannot write.
        adapted: The model to train.
        language: Error rates with the adapter's language model, as in `write_language`, after
            `fit`; None without one.

    Raises:
        ValueError: Data or a base that cannot be read, too few lines, an `adapter.start` that is
            not an adapter of the base, or a checkpoint in `out` that is broken or belongs to
            another base, other data or another recipe.
    """

    def __init__(
        self,
        recipe: AdaptationRecipe,
        data: str | Path,
        out: str | Path,
        base: str | Path | None = None,
        valid: str | Path | None = None,
    ) -> None:
        self.data, self.out = Path(data), Path(out)
        self.base = Path(base) if base is not None else None
        self.out.mkdir(parents=True, exist_ok=True)  # fail now, not after reading the lines
        torch.manual_seed(recipe.run.seed)
        model = recipe.load(self.base)
        given, apart = self._given(recipe, model, valid)
        recipe, start = self._start(recipe, given)
        more = added_characters(start)
        train, self.new = recipe.labels(given, model, more)
        more += self.new
        if apart is not None:
            apart, _ = recipe.labels(apart, model, more, learn=False)
        train, self.valid = recipe.split(train, model, more, apart)
        total = len(given) + (len(apart) if apart is not None else 0)
        self.left_out = total - len(train) - len(self.valid)
        self.train = chosen(train, recipe.data.lines, recipe.run.seed)
        made_of = {"base": weights_digest(model), "lines": _digest(self.train, self.valid)}
        self.recipe = recipe.completed(len(self.train))
        self.adapted = self._adapted(model, start)
        task = self.recipe.task(self.adapted, self.train, self.valid)
        self._begun = {n: p.detach().clone() for n, p in _learned(task.model).items()}
        task.made_of = made_of
        task.frozen_known = True  # by the digest of the base
        task.faster = {"lora_B": self.recipe.optimizer.loraplus}
        self.engine = Engine(task, self.recipe, self.out)
        self.language: dict[str, float] | None = None

    @property
    def full(self) -> bool:
        """Whether all weights are trained."""
        return not isinstance(self.adapted, PeftModel)

    @property
    def before(self) -> dict[str, float]:
        """The scores at the start: without an adapter, or with the one in `adapter.start`."""
        return self.engine.rows[0]

    @property
    def best(self) -> dict[str, float]:
        """The scores of the kept weights."""
        return self.engine.kept

    def fit(self, report: Report = lambda row: None) -> None:
        """Train to the end; `report` as in `Engine.fit`. Only rank 0 fits a language model."""
        self.engine.fit(report)
        self._try_mean()
        if not self.engine.fabric.is_global_zero:
            return
        if isinstance(self.recipe, LineAdaptationRecipe) and not self.full:
            base = self.base or shipped(self.recipe.name)
            self.language = write_language(base, self.out, self.train, self.valid)

    @cached_property
    def kept(self) -> nn.Module:
        """The kept model, loaded the way users load it."""
        if self.full:
            return self.recipe.load(self.out / "model").eval()
        return load_adapter(self.recipe.load(self.base), self.out).eval()

    def score(self, turns: Sequence[int]) -> dict[int, LineScore]:
        """The scores of a kept `Recognizer` on the held-out lines at each turn, in degrees."""
        model = self.kept
        if isinstance(model, PeftModel):
            model = model.get_base_model()
        if not isinstance(model, Recognizer):
            raise ValueError("a recognizer of upright lines is not scored at turns; use `best`")
        return score_lines(model, self.valid, turns, BEAMS)

    def _given(
        self, recipe: AdaptationRecipe, model: nn.Module, valid: str | Path | None
    ) -> tuple[LabeledLines, LabeledLines | None]:
        """The given lines, and the held-out ones if they are a set of their own."""
        sources = recipe.data.source
        if not sources:
            unseen = recipe.data.unseen
            given = load_lines(self.data, unseen=unseen)
            return given, None if valid is None else load_lines(valid, unseen=unseen)
        if valid is not None or not isinstance(model, LineRecognizer):
            raise ValueError(
                "data.source says what is held out, for a recognizer of upright lines; leave out "
                "--valid, or data.source"
            )
        return gather(sources, self.data, model)

    def _adapted(self, model: nn.Module, start: Path | None) -> nn.Module:
        asked = self.recipe.adapter
        if getattr(asked, "full", False):
            return model.requires_grad_(True)
        if start is None:
            options = {"rank": asked.rank, "alpha": asked.alpha, "method": asked.method}
            adapted = add_adapter(model, asked.targets, **options)
        else:
            adapted = load_adapter(model, start)
            own = cast("LoraConfig", adapted.peft_config["default"])
            same = {"rank": own.r, "alpha": own.lora_alpha, "method": method_of(own)}
            targets = adapted_targets(model) or f"the layers of {asked.start}"
            adapter = asked.model_copy(update=same | {"targets": targets})
            self.recipe = self.recipe.model_copy(update={"adapter": adapter})
        if self.new:
            add_characters(adapted, self.new, alike)
        adapted.set_adapter("default")  # a loaded adapter is frozen; this makes it trainable
        return adapted

    def _start(
        self, recipe: AdaptationRecipe, lines: LabeledLines
    ) -> tuple[AdaptationRecipe, Path | None]:
        """The recipe with the adapter to start from, and its folder; None: from nothing."""
        base, start = self.base or shipped(recipe.name), recipe.adapter.start
        folder = None
        if start == AUTO:
            # What is asked of the adapter may differ from that of the shipped ones.
            free = recipe.adapter.model_fields_set <= {"start", "license"}
            upright = isinstance(recipe, LineAdaptationRecipe)
            folder = first_adapter(base, lines) if free and upright else None
            start = None if folder is None else folder.name
        elif start == NONE:
            start = None
        elif start is not None:
            name = base.name if base == shipped(base.name) else recipe.name
            folder = adapter_folder(start, name)
        adapter = recipe.adapter.model_copy(update={"start": start})
        return recipe.model_copy(update={"adapter": adapter}), folder

    def _try_mean(self) -> None:
        """Score the mean of the initial and the trained adapter.

        Such a model soup (Wortsman et al. 2022) is often better than both. It is not the last state
        of a run, so a recipe that keeps that one has none.
        """
        engine = self.engine
        tried = any(row.get("mean") and row["examples"] == engine.examples for row in engine.rows)
        if self.recipe.adapter.start is None or self.recipe.run.keep == "last" or tried:
            return
        with torch.no_grad():
            for name, parameter in _learned(engine.average.module).items():
                parameter.lerp_(self._begun[name].to(parameter), 0.5)
        engine.validate(mean=1)


def _learned(model: nn.Module) -> dict[str, Tensor]:
    return {name: p for name, p in model.named_parameters() if p.requires_grad}


def _digest(*parts: LabeledLines) -> str:
    """Digest of the texts, in order."""
    texts = [[text for _, text in part.items] for part in parts]
    return hashlib.sha256(json.dumps(texts).encode()).hexdigest()
