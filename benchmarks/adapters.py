"""Error rates of adapters by number of training lines, compared with full fine-tuning.

    python benchmarks/adapters.py --data fraktur=LINES.tar typescript=LINES.tar --rank 2
    python benchmarks/adapters.py --data fraktur=LINES.tar --lines 100 500 --methods lora full
    python benchmarks/adapters.py --data fraktur=LINES.tar --base runs/plain/model --methods turned

Methods: `lora`; `more`, continued from the shipped adapter named like the set; `turned`, a LoRA
trained on lines at random quarter turns; `full`, all weights. Every run sees --seen lines, or 40
epochs if those are fewer, and keeps its best validation. All are scored on the held-out lines
(every tenth of the set) at four turns, with four beams, as in readers with an adapter. `full` is
also scored on the lines of --keep, which were not used for training, to measure what the base has
forgotten.

Runs are stored in runs/adapters/BASE/METHOD/SET and resumed there if interrupted; finished runs are
not repeated. After each run, benchmarks/results/adapters-DATE.csv is written with all runs finished
here and those of the newest CSV: a line for each turn.
"""

from __future__ import annotations

import argparse
import json
from collections.abc import Iterator
from dataclasses import asdict, dataclass
from itertools import product
from pathlib import Path

from isotrope.data.lines import LabeledLines
from isotrope.groups import TURNS
from isotrope.io.files import replacing
from isotrope.lora import count_parameters
from isotrope.ocr.engines.gsanet import BEAMS
from isotrope.ocr.gsanet.loading import load_recognizer
from isotrope.training.adaptation import Adaptation
from isotrope.training.card import write_card
from isotrope.training.tasks.sequence_adaptation_recipe import SequenceAdaptationRecipe
from isotrope.training.validation import LineScore, score_lines
from measuring import made_by, write_csv

RUNS, RESULT = Path("runs/adapters"), "result.json"
METHODS = {
    "lora": {},
    # Lower, so as not to lose first what has been learned.
    "more": {"optimizer": {"learning_rate": 2.5e-3}},
    "turned": {"data": {"turned": True}},
    "full": {"adapter": {"full": True}, "optimizer": {"learning_rate": 3e-4}},
}
COLUMNS = ("set", "base", "method", "targets", "rank", "train_lines")
"""Columns of the CSV that identify a run."""
MOST_EPOCHS = 40
VALIDATIONS = 2  # and one before; the held-out lines of the whole set outnumber a hundred


@dataclass(frozen=True)
class Run:
    """One training: a set, a number of its lines (`None`: all), a method, a base."""

    name: str
    data: Path
    base: Path | None
    method: str
    lines: int | None
    rank: int
    targets: str

    @property
    def folder(self) -> Path:
        base = self.base.parent.name if self.base else "shipped"
        size = self.lines or "all"
        how = self.method if self.method == "full" else f"{self.method}-{self.targets}-{self.rank}"
        return RUNS / base / f"{how}-{size}" / self.name  # a card names the adapter by its folder

    def recipe(self, seen: int) -> SequenceAdaptationRecipe:
        count = self.lines or 9 * len(LabeledLines(self.data)) // 10
        epochs = max(1, min(MOST_EPOCHS, round(seen / count)))
        how = METHODS[self.method]
        adapter = {"rank": self.rank, "targets": self.targets}
        adapter |= {"start": self.name} if self.method == "more" else {}
        return SequenceAdaptationRecipe.model_validate(
            {
                "adapter": adapter | how.get("adapter", {}),
                "data": {"lines": self.lines} | how.get("data", {}),
                "optimizer": how.get("optimizer", {}),
                "schedule": {"epochs": epochs},
                "run": {"validate_epochs": max(1, epochs // VALIDATIONS)},
            }
        )


def finish(run: Run, seen: int, keep: LabeledLines | None) -> None:
    """Train and score a run unless its folder already has a result."""
    ended = run.folder / RESULT
    if ended.is_file():
        return
    made = Adaptation(run.recipe(seen), run.data, run.folder, run.base)
    made.fit(lambda row: print(f"\r{run.folder} {row['examples']}", end="", flush=True))
    scores = made.score(TURNS)
    rows = [row | made_by() for row in lines_of(run, made, scores, keep)]
    if not made.full:
        write_card(made, scores)
    with replacing(ended) as temporary:
        temporary.write_text(json.dumps(rows))
    print(f"\r{run.folder}: CER {rows[0]['before_cer']:.4f} -> {rows[0]['cer']:.4f}", flush=True)


def lines_of(
    run: Run,
    made: Adaptation,
    scores: dict[int, LineScore],
    keep: LabeledLines | None,
) -> Iterator[dict]:
    """Make a line for each turn."""
    base = load_recognizer(made.base)
    before = score_lines(base, made.valid, (0,), BEAMS)[0]
    whole = sum(p.numel() for p in base.parameters())
    own, whole = (whole, whole) if made.full else count_parameters(made.adapted)
    kept_cer = score_lines(made.kept, keep, (0,))[0].cer if keep and made.full else None
    common = {
        "set": run.name,
        "base": run.folder.parent.parent.name,
        "method": run.method,
        "targets": run.targets,
        "rank": run.rank,
        "parameters": own,
        "share": own / whole,
        "train_lines": len(made.train),
        "valid_lines": len(made.valid),
        "epochs": made.recipe.schedule.epochs,
        "best_epoch": made.best["epochs"],
        "hours": made.engine.rows[-1]["hours"],
        "before_cer": before.cer,
        "before_wer": before.wer,
        "kept_cer": kept_cer,  # without its adapter, the base is unchanged
    }
    for turn, score in scores.items():
        yield common | {"angle": turn} | asdict(score)


def main() -> None:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawTextHelpFormatter
    )
    parser.add_argument("--data", nargs="+", required=True, metavar="NAME=PATH")
    parser.add_argument("--lines", nargs="*", default=["all"], help="numbers, or all")
    parser.add_argument("--methods", nargs="*", default=["lora"], choices=list(METHODS))
    parser.add_argument("--base", type=Path, help="the shipped one if left out")
    parser.add_argument("--keep", type=Path, help="lines that are not trained on")
    parser.add_argument("--rank", type=int, default=2)
    parser.add_argument("--targets", default="all")
    parser.add_argument("--seen", type=int, default=12_000)
    arguments = parser.parse_args()
    keep = LabeledLines(arguments.keep) if arguments.keep else None
    sizes = [None if size == "all" else int(size) for size in arguments.lines]
    for size, method, named in product(sizes, arguments.methods, arguments.data):
        name, _, path = named.partition("=")
        rank, targets = arguments.rank, arguments.targets
        run = Run(name, Path(path), arguments.base, method, size, rank, targets)
        finish(run, arguments.seen, keep)
        ended = sorted(RUNS.glob(f"*/*/*/{RESULT}"))
        rows = [row for path in ended for row in json.loads(path.read_text())]
        write_csv("adapters", rows, COLUMNS)


if __name__ == "__main__":
    main()
