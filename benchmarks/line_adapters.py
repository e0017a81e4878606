"""Adapters of `small` from few lines and from all, against full fine-tuning and PP-OCRv6-small.

    python benchmarks/line_adapters.py --data DATA --sets fraktur hands --methods none ppocr shipped
    python benchmarks/line_adapters.py --data DATA --sets fraktur hands --lines 100 500 \\
        --methods lora full published

The sets, and their held-out lines, are those of recipes/adapters/SET.toml; DATA is as described in
recipes/adapters/README.md. Methods:

    none       `small` as shipped
    ppocr      PP-OCRv6-small as published, run by rapidocr
    shipped    the adapter in runs/adapter/SET, which `make adapters` makes from all lines
    lora       an adapter of `small` from --lines lines, drawn at random
    full       all weights of `small` instead
    published  an adapter of the weights that `small` was trained from, which saw none of these

Trainings see ten times their lines from 100 and six times from 500, or as often as the recipe says.
Lines are read as in `Reader`, tidied where that reads surer, but by PP-OCR as they are. `parts` has
the number of lines and the error rates of each source. `none` and `full` are also scored on UW3,
IIIT5K and the held-out lines of the other sets, at most 100 of each: what full fine-tuning forgets,
and an adapter that is off does not.

Runs are stored in runs/line-adapters/METHOD-LINES/SET and resumed there; finished runs are not
repeated. After each run, benchmarks/results/line-adapters-DATE.csv is written with all of them.
"""

from __future__ import annotations

import argparse
import json
from collections.abc import Iterator
from dataclasses import dataclass
from itertools import product
from pathlib import Path
from typing import Any

from isotrope.data.joined import Place
from isotrope.data.lines import LabeledLines
from isotrope.io.files import replacing
from isotrope.ocr.engines.isotrope import Isotrope
from isotrope.ocr.engines.rapidocr import RapidOCR
from isotrope.ocr.loading import shipped
from isotrope.ocr.onnx.session import CONFIG
from isotrope.ocr.recognition.store import load_model, save_model
from isotrope.ocr.tidy import read_tidied
from isotrope.text.metrics import cer, wer
from isotrope.training.adaptation import Adaptation
from isotrope.training.line_sets import evenly
from isotrope.training.line_sources import gather
from isotrope.training.recipe_file import load_recipe
from isotrope.training.relabel import as_bytes
from isotrope.training.tasks.adaptation import LineAdaptation
from isotrope.training.tasks.adaptation_recipe import AdapterConfig, LineAdaptationRecipe
from isotrope.training.tasks.start import published
from measuring import made_by, write_csv

ROOT = Path(__file__).parents[1]
RUNS, ADAPTERS, RESULT = Path("runs/line-adapters"), Path("runs/adapter"), "result.json"
SETS = ("fraktur", "typescript", "hands", "receipts", "early-print", "testaments", "letters")
FOLLOWING = ("testaments", "letters")
"""Their recipes start from the adapter for hands, which has seen all their lines."""
OTHERS = tuple(name for name in SETS if name != "letters")
"""Scored for what is forgotten. The letters are among the lines of `hands`."""
KEPT = {"uw3": "ocr-lines-uw3-dev.tar", "iiit5k": "ocr-words-iiit5k-train.tar"}
TRAINED = ("lora", "full", "published")
EPOCHS = {100: 10, 500: 6}
MOST = 100  # lines of a set, to measure what is forgotten
FULL_RATE = 3e-4
COLUMNS = ("set", "method", "train_lines")


class FullConfig(AdapterConfig, frozen=True):
    """No adapter: all weights are trained."""

    full: bool = True


class FullTask(LineAdaptation):
    """Trains all weights on the same lines."""

    def save(self, model: Any, folder: Path) -> None:
        save_model(model, folder)

    def saved(self, folder: Path) -> bool:
        return (folder / CONFIG).is_file()


class FullRecipe(LineAdaptationRecipe, frozen=True):
    """The recipe of an adapter, for all weights."""

    adapter: FullConfig = FullConfig()

    def task(self, model: Any, train: LabeledLines, valid: LabeledLines) -> FullTask:
        return FullTask(model, train, valid, self.run.seed)


@dataclass(frozen=True)
class Run:
    """One row: a set, a method, a number of lines to train on (`None`: all)."""

    name: str
    method: str
    lines: int | None

    @property
    def folder(self) -> Path:
        return RUNS / f"{self.method}-{self.lines or 'all'}" / self.name

    def recipe(self) -> LineAdaptationRecipe:
        changes: dict[str, Any] = {}
        if self.lines is not None:
            epochs = EPOCHS[self.lines]
            changes = {"schedule.epochs": epochs, "run.validate_epochs": epochs}
        changes |= {"data.lines": self.lines}
        if self.method == "full":
            more = {"optimizer.learning_rate": FULL_RATE, "data.new_characters": 0}
            given = load_recipe(LineAdaptationRecipe, _recipe(self.name), changes | more)
            fields = given.model_dump(exclude_unset=True, exclude={"adapter"})
            return FullRecipe.model_validate(fields)
        return load_recipe(LineAdaptationRecipe, _recipe(self.name), changes)


def _recipe(name: str) -> Path:
    return ROOT / f"recipes/adapters/{name}.toml"


def held_out(name: str, data: Path) -> LabeledLines:
    """The held-out lines of a set, those too that an adapter's own validation leaves out."""
    recipe = load_recipe(LineAdaptationRecipe, _recipe(name))
    return gather(recipe.data.source, data, load_model(shipped("small")))[1]


def finish(run: Run, data: Path) -> None:
    """Train, if the method trains, and score, unless the run's folder already has a result."""
    ended = run.folder / RESULT
    if ended.is_file():
        return
    run.folder.mkdir(parents=True, exist_ok=True)
    row: dict[str, Any] = {"set": run.name, "method": run.method, "train_lines": 0}
    row |= {"seen": 0, "minutes": 0.0}
    if run.method in TRAINED:
        base = _published() if run.method == "published" else None
        made = Adaptation(run.recipe(), data, run.folder, base)
        made.fit(lambda step: print(f"\r{run.folder} {step['examples']}", end="", flush=True))
        row |= {"train_lines": len(made.train), "seen": made.engine.examples}
        row |= {"minutes": round(made.engine.seconds / 60, 1)}
    elif run.method == "shipped":
        row |= {"train_lines": "all"}
    reader = engine(run)
    row |= scores(reader, held_out(run.name, data))
    row |= {f"{name}_cer": None for name in (*KEPT, *OTHERS)}
    if run.method in ("none", "full"):
        row |= dict(forgotten(reader, run.name, data))
    with replacing(ended) as temporary:
        temporary.write_text(json.dumps(row | made_by()))
    print(f"\r{run.folder}: CER {row['cer']:.4f}", flush=True)


def engine(run: Run) -> Any:
    """What reads the lines."""
    if run.method == "ppocr":
        return RapidOCR.from_pretrained()
    if run.method == "full":
        return Isotrope.from_pretrained(run.folder / "model")
    if run.method == "published":
        return Isotrope.from_pretrained(_published(), run.folder)
    adapter = {"none": None, "shipped": ADAPTERS / run.name}.get(run.method, run.folder)
    return Isotrope.from_pretrained(adapter=adapter)


def scores(reader: Any, lines: LabeledLines, most: int | None = None) -> dict[str, Any]:
    """Error rates on lines, at most `most` of them, evenly spread; with case and without."""
    places = evenly(len(lines), most or len(lines))
    items = [lines.items[place] for place in places]
    true = [text for _, text in items]
    images = [as_bytes(lines[place][0]) for place in places]
    alone = isinstance(reader, RapidOCR)  # as published
    found = reader.read(images) if alone else read_tidied([reader] * len(images), images)
    read = [each.text for each in found]
    cased, caseless = character_errors(read, true)
    sources = [name.name.partition(": ")[0] for name, _ in items if isinstance(name, Place)]
    return {
        "valid_lines": len(places),
        "cer": cased,
        "wer": round(wer(read, true), 5),
        "cer_without_case": caseless,
        "parts": json.dumps(by_source(sources, read, true)) if sources else "",
    }


def character_errors(read: list[str], true: list[str]) -> tuple[float, float]:
    """The character error rate, and that without case."""
    lower = [[text.casefold() for text in texts] for texts in (read, true)]
    return round(cer(read, true), 5), round(cer(*lower), 5)


def by_source(
    sources: list[str], read: list[str], true: list[str]
) -> dict[str, tuple[int, float, float]]:
    """Of each source: its lines, their character error rate, and that without case."""
    found = {}
    for source in dict.fromkeys(sources):
        own = [place for place, other in enumerate(sources) if other == source]
        texts = ([each[place] for place in own] for each in (read, true))
        found[source] = len(own), *character_errors(*texts)
    return found


def forgotten(reader: Any, name: str, data: Path) -> Iterator[tuple[str, float]]:
    """Character error rates on sets that the run did not train on."""
    for kept, path in KEPT.items():
        yield f"{kept}_cer", scores(reader, LabeledLines(data / path), MOST)["cer"]
    for other in OTHERS:
        if other != name:
            yield f"{other}_cer", scores(reader, held_out(other, data), MOST)["cer"]


def _published() -> Path:
    """The folder of the published weights, in the form of a saved model."""
    folder = RUNS / "published"
    if not (folder / CONFIG).is_file():
        save_model(published("small"), folder)
    return folder


def main() -> None:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawTextHelpFormatter
    )
    parser.add_argument("--data", type=Path, required=True, metavar="FOLDER")
    parser.add_argument("--sets", nargs="*", default=list(SETS), choices=SETS)
    parser.add_argument("--methods", nargs="*", default=["none", "ppocr", "shipped"])
    parser.add_argument("--lines", nargs="*", default=["all"], choices=["100", "500", "all"])
    given = parser.parse_args()
    sizes = [None if size == "all" else int(size) for size in given.lines]
    for size in sizes:
        for method, name in product(given.methods, given.sets):
            if name in FOLLOWING if method in TRAINED else size is not None:
                continue
            finish(Run(name, method, size), given.data)
            ended = sorted(RUNS.glob(f"*/*/{RESULT}"))
            write_csv("line-adapters", [json.loads(path.read_text()) for path in ended], COLUMNS)


if __name__ == "__main__":
    main()
