"""The recipe of an adapter of a line recognizer as a value, and the run that it makes."""

from __future__ import annotations

import hashlib
import json
from dataclasses import dataclass, replace
from functools import cached_property
from pathlib import Path

from peft import PeftModel

from isotrope.data.lines import LabelledLines
from isotrope.data.pages import load_lines
from isotrope.lora import adapted_targets, add_adapter, load_adapter, weights_digest
from isotrope.ocr.loading import adapter_folder
from isotrope.ocr.recognition.model import LineRecognizer
from isotrope.ocr.recognition.store import load_model
from isotrope.training.engine import Engine
from isotrope.training.recipe import OptimizerConfig, Recipe, RunConfig, ScheduleConfig
from isotrope.training.tasks.adapting import (
    BATCH,
    AdaptingTask,
    HandLines,
    chosen,
    usable,
)

_SEEN, _EPOCHS, _MINUTES = 4000, (8, 40), 20.0


@dataclass(frozen=True)
class AdaptingRecipe:
    """What `isotrope adapt` makes of a line recognizer, and how.

    Args:
        targets, rank, alpha, dora: As `isotrope.lora.add_adapter` takes them.
        start: An adapter to go on from, its folder or a shipped one's name; its layers, rank and
            alpha then stand for those above.
        epochs: How often each line is seen; None: 8 times, or 4,000 lines in all, at most 40 times.
        minutes: The run ends sooner, with its schedule, after so many. None: 20, or as many as it
            takes where `epochs` is given.
        lines: So many lines, drawn by `seed`; None: all.
        held_out: Every so-many-th line, or page, is left out and validated on.
        workers: Processes that make batches.
    """

    targets: str = "all"
    rank: int = 8
    alpha: float | None = None
    dora: bool = False
    start: str | None = None
    epochs: int | None = None
    minutes: float | None = None
    lines: int | None = None
    held_out: int = 10
    learning_rate: float = 2e-3
    precision: str = "bf16-mixed"
    workers: int = 1
    seed: int = 0

    def __post_init__(self) -> None:
        least = {"rank": 1, "epochs": 1, "lines": 1, "held_out": 2}
        for name, value in least.items():
            given = getattr(self, name)
            if given is not None and given < value:
                raise ValueError(f"{name}={given} must be {value} or more")
        for name in ("learning_rate", "minutes"):
            given = getattr(self, name)
            if given is not None and given <= 0:
                raise ValueError(f"{name}={given} must be above 0")

    def run(self, lines: int) -> Recipe:
        """The run of so many training lines."""
        fewest, most = _EPOCHS
        epochs = self.epochs or min(most, max(fewest, round(_SEEN / lines)))
        examples = epochs * lines
        minutes = self.minutes or (None if self.epochs else _MINUTES)
        return Recipe(
            optimizer=OptimizerConfig(
                learning_rate=self.learning_rate,
                # The average reaches back over a twentieth of the run.
                ema=round(min(0.998, max(0.0, 1 - 20 * BATCH / examples)), 4),
            ),
            schedule=ScheduleConfig(examples=examples, minutes=minutes),
            run=RunConfig(
                precision=self.precision,
                workers=self.workers,
                validate_minutes=(minutes or _MINUTES) / 8,
                validate_first=True,
                seed=self.seed,
            ),
        )


class Adapting:
    """An adapter in the making, in `out`; a run there goes on.

    Writes to `out` the adapter of the lowest character error rate on the held-out lines,
    `log.csv` and `checkpoint.pt`.

    Args:
        data: As `load_lines` takes it.
        base: A folder that `recognition.store.save_model` wrote.

    Raises:
        ValueError: Data or a base that cannot be read, too few lines, a `start` that is no adapter
            of the base, or a checkpoint in `out` that is broken, of another base, other data or
            another recipe.
    """

    def __init__(
        self, recipe: AdaptingRecipe, data: str | Path, out: str | Path, base: str | Path
    ) -> None:
        self.recipe, self.data, self.out, self.base = recipe, Path(data), Path(out), Path(base)
        self.out.mkdir(parents=True, exist_ok=True)  # or this would fail after the lines are read
        model = load_model(base)
        given = load_lines(data)
        train, self.valid = usable(given, model.config.charset, recipe.held_out)
        self.left_out = len(given) - len(train) - len(self.valid)
        self.train = chosen(train, recipe.lines, recipe.seed)
        identity = {"base": weights_digest(model), "lines": _digest(self.train, self.valid)}
        self.adapted = self._adapted(model)
        task = AdaptingTask(self.adapted, HandLines(self.train, self.valid), recipe.seed)
        settings = ("targets", "rank", "alpha", "dora", "start")
        identity |= {name: getattr(self.recipe, name) for name in settings}
        self.engine = Engine(task, recipe.run(len(self.train)), out, identity)

    @property
    def epochs(self) -> float:
        """How often each line has been seen on average."""
        return self.engine.examples / len(self.train)

    @property
    def before(self) -> dict[str, float]:
        """The scores at the start: without the adapter, or with the one that it goes on from."""
        return self.engine.rows[0]

    @cached_property
    def best(self) -> dict[str, float]:
        """The scores of the adapter that was kept."""
        return self.engine.kept

    def _adapted(self, model: LineRecognizer) -> PeftModel:
        recipe = self.recipe
        if recipe.start is None:
            return add_adapter(
                model, recipe.targets, rank=recipe.rank, alpha=recipe.alpha, dora=recipe.dora
            )
        adapted = load_adapter(model, adapter_folder(recipe.start))
        adapted.set_adapter("default")  # to learn, which a loaded one does not
        own = adapted.peft_config["default"]
        targets = adapted_targets(model) or f"the layers of {recipe.start}"
        self.recipe = replace(
            recipe, targets=targets, rank=own.r, alpha=own.lora_alpha, dora=own.use_dora
        )
        return adapted


def _digest(*parts: LabelledLines) -> str:
    """Of the texts and their order."""
    texts = [[text for _, text in part.items] for part in parts]
    return hashlib.sha256(json.dumps(texts).encode()).hexdigest()
