"""What adapters learn: error rates before and after, by number of lines, beside full fine-tuning.

    python benchmarks/adapters.py --data fraktur=LINES.tar typescript=LINES.tar --rank 2
    python benchmarks/adapters.py --data fraktur=LINES.tar --lines 100 500 --methods lora full
    python benchmarks/adapters.py --data fraktur=LINES.tar --base runs/plain/model --methods turned

Methods: `lora`; `more`, going on from the shipped adapter of the set's name; `turned`, a LoRA
learned on lines at random quarter turns; `full`, all weights. Every run sees --seen lines, or as
many of them in 40 epochs, and keeps the best of its validations. All are scored on the lines held
out (every tenth of the set) at four turns, with four texts of each followed, as readers with an
adapter do; `full` also on the lines of --keep, which it has not been trained on: what training has
cost of what the base could read.

A run lives in runs/adapters/BASE/METHOD/SET and is resumed there after a kill; one that has ended
is not run again. Writes benchmarks/results/adapters-DATE.csv after each, of all that have ended
here and of those of the newest CSV: a line for each turn.
"""

from __future__ import annotations

import argparse
import json
from collections.abc import Iterator
from dataclasses import asdict, dataclass
from itertools import product
from pathlib import Path

from isotrope.data.lines import LabelledLines
from isotrope.groups import TURNS
from isotrope.io.files import replacing
from isotrope.lora import count_parameters
from isotrope.training.adaptation import AdaptationTrainer
from isotrope.training.adaptation_config import AdaptationConfig
from isotrope.training.card import write_card
from isotrope.training.validation import LineScore, score_lines
from measuring import made_by, write_csv

RUNS, RESULT = Path("runs/adapters"), "result.json"
METHODS = {
    "lora": {},
    "more": {"learning_rate": 2.5e-3},  # lower: what has been learned is not to be lost first
    "turned": {"turned": True},
    "full": {"full": True, "learning_rate": 3e-4},
}
COLUMNS = ("set", "base", "method", "targets", "rank", "train_lines")
"""Of the CSV: what tells one run from another."""
MOST_EPOCHS = 40
VALIDATIONS = 2  # and one before: the held-out lines of the whole set outnumber a hundred


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

    def config(self, seen: int) -> AdaptationConfig:
        count = self.lines or 9 * len(LabelledLines(self.data)) // 10
        epochs = max(1, min(MOST_EPOCHS, round(seen / count)))
        pause = max(1, epochs // VALIDATIONS)
        start = self.name if self.method == "more" else None
        changes = {"rank": self.rank, "targets": self.targets, "start": start}
        changes |= METHODS[self.method]
        return AdaptationConfig(epochs=epochs, validate_every=pause, lines=self.lines, **changes)


def finish(run: Run, seen: int, keep: LabelledLines | None) -> None:
    """Trains and scores a run unless it has ended; its result lies in its folder then."""
    ended = run.folder / RESULT
    if ended.is_file():
        return
    trainer = AdaptationTrainer(run.config(seen), run.data, run.folder, run.base)
    trainer.fit(lambda row: print(f"\r{run.folder} {row['samples']}", end="", flush=True))
    scores = trainer.score(TURNS)
    rows = [row | made_by() for row in lines_of(run, trainer, scores, keep)]
    if run.method != "full":
        write_card(trainer, scores)
    with replacing(ended) as temporary:
        temporary.write_text(json.dumps(rows))
    print(f"\r{run.folder}: CER {rows[0]['before_cer']:.4f} -> {rows[0]['cer']:.4f}", flush=True)


def lines_of(
    run: Run,
    trainer: AdaptationTrainer,
    scores: dict[int, LineScore],
    keep: LabelledLines | None,
) -> Iterator[dict]:
    """A line for each turn."""
    recognizer, before, full = trainer.recognizer.eval(), trainer.before, trainer.config.full
    whole = sum(p.numel() for p in recognizer.parameters())
    own, whole = (whole, whole) if full else count_parameters(trainer.adapted)
    common = {
        "set": run.name,
        "base": run.folder.parent.parent.name,
        "method": run.method,
        "targets": run.targets,
        "rank": run.rank,
        "parameters": own,
        "share": own / whole,
        "train_lines": len(trainer.train),
        "valid_lines": len(trainer.valid),
        "epochs": trainer.config.epochs,
        "best_epoch": trainer.best["epoch"],
        "hours": trainer.rows[-1]["hours"],
        "before_cer": before.cer,
        "before_wer": before.wer,
        # An adapter is switched off for them, and the base is what it was.
        "kept_cer": score_lines(recognizer, keep, (0,))[0].cer if keep and full else None,
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
    keep = LabelledLines(arguments.keep) if arguments.keep else None
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
