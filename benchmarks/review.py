"""Error rates by the number of corrected lines, chosen by `isotrope adapt --review` or at random.

    python benchmarks/review.py --data testaments=LINES.tar letters-en=LINES.tar --base FOLDER
    python benchmarks/review.py --figure                 # docs/images/review.png from the CSV

Lines cut so badly that their text does not fit are left out, which is known only from the labels.
Every tenth line of a set is held out, and scores the runs. The others are a person's unread lines:
each method takes some of them, their labels stand for corrections, and `isotrope adapt` learns from
them as it would for a user, holding out a tenth of them to choose the best state. Methods:
`review`, the lines that `isotrope adapt --review` lists, from one reading by the base; `again`, the
same, listed anew by each adapter for the next larger number; `drawn`, drawn with probabilities
in proportion to their doubt; `random`. The last two are repeated for each of --seeds.

--base is a folder of a recognizer. --published makes one in runs/review/published of the published
PP-OCRv6-small, which none of the sets has trained (`pip install rapidocr`). Every run sees --seen
lines, but each line 4 to 40 times.

Runs are stored in runs/review/SET/METHOD-SEED/LINES and resumed there if interrupted; finished runs
are not repeated. After each run, benchmarks/results/review-DATE.csv is written with all runs
finished here: a line for each.
"""

from __future__ import annotations

import argparse
import json
import shutil
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field
from functools import cached_property
from pathlib import Path

import numpy as np

import review_figure
from isotrope.data.cutting import as_png
from isotrope.data.lines import LABELS, LabeledLines
from isotrope.data.pages import load_lines
from isotrope.io.files import replacing
from isotrope.ocr.loading import shipped
from isotrope.ocr.recognition.session import LineSession
from isotrope.text.metrics import cer, wer
from isotrope.training.adaptation import Adaptation
from isotrope.training.review.choosing import ReadLine, most_useful
from isotrope.training.tasks.adaptation import line_unfit
from isotrope.training.tasks.adaptation_recipe import LineAdaptationRecipe
from labeled import spread
from measuring import made_by, write_csv

RUNS, RESULT = Path("runs/review"), "result.json"
COLUMNS = ("set", "base", "method", "seed", "corrected")
"""Columns of the CSV that identify a run."""
REPEATED = ("random", "drawn")
HELD_OUT = 10
FEWEST, MOST = 4, 40
"""Least and most epochs."""


@dataclass
class Pool:
    """A labeled set: lines to correct, and held-out lines."""

    name: str
    path: Path
    base: Path
    test_lines: int
    lines: LabeledLines = field(init=False)
    test: LabeledLines = field(init=False)

    def __post_init__(self) -> None:
        every = load_lines(self.path)
        fit = every.keep(lambda i, text: bool(text) and not line_unfit(every, i))
        self.lines, held_out = fit.split(HELD_OUT)
        wanted = set(spread(len(held_out), self.test_lines))
        self.test = held_out.keep(lambda i, _: i in wanted)

    @cached_property
    def read_by_base(self) -> list[ReadLine]:
        return read(self.lines, self.base, None)

    @cached_property
    def score_of_base(self) -> dict[str, float]:
        return score(self.test, self.base, None)


@dataclass(frozen=True)
class Run:
    """One training: a set, a method, its seed, and a number of corrected lines."""

    pool: Pool
    method: str
    seed: int
    count: int

    @property
    def folder(self) -> Path:
        return RUNS / self.pool.name / f"{self.method}-{self.seed}" / str(self.count)


def read(lines: LabeledLines, base: Path, adapter: Path | None) -> list[ReadLine]:
    """What a model reads in the lines."""
    session, found = LineSession(base, 1, adapter), []
    for start in range(0, len(lines), 64):
        numbers = range(start, min(start + 64, len(lines)))
        for number, said in zip(numbers, session.decoded(images(lines, numbers)), strict=True):
            sure = session.calibration.applied(said)
            found.append(ReadLine.of(sure, lines.ratio(number), page(lines, number)))
    return found


def images(lines: LabeledLines, numbers: Iterable[int]) -> list[np.ndarray]:
    pixels = ((255 * lines[number][0]).round().byte() for number in numbers)
    return [np.ascontiguousarray(image.permute(1, 2, 0).numpy()) for image in pixels]


def page(lines: LabeledLines, number: int) -> str:
    """The page, as far as the name of a line's file shows it: all before the last hyphen."""
    return str(lines.items[number][0]).rpartition("-")[0]


def score(lines: LabeledLines, base: Path, adapter: Path | None) -> dict[str, float]:
    session = LineSession(base, 1, adapter)
    texts = [said.text for said in session.read(images(lines, range(len(lines))))]
    true = [text for _, text in lines.items]
    return {"cer": cer(texts, true), "wer": wer(texts, true)}


def chosen(run: Run, counts: list[int]) -> list[int]:
    """The lines that a method takes, of which those for a smaller number are the first."""
    pool = run.pool
    if run.method == "random":
        order = np.random.default_rng(run.seed).permutation(len(pool.lines))
        return order[: run.count].tolist()
    if run.method == "drawn":
        doubts = np.maximum([line.doubt for line in pool.read_by_base], 1e-6)
        gumbel = np.random.default_rng(run.seed).gumbel(size=len(doubts))
        return np.argsort(-(np.log(doubts) + gumbel))[: run.count].tolist()
    if run.method == "review":
        return most_useful(pool.read_by_base, run.count)
    smaller = [count for count in counts if count < run.count]
    if not smaller:
        return most_useful(pool.read_by_base, run.count)
    before = Run(pool, "again", run.seed, smaller[-1])
    taken = chosen(before, counts)
    readings = read(pool.lines, pool.base, before.folder / "adapter")
    known = set(taken)
    left = [number for number in range(len(readings)) if number not in known]
    more = most_useful([readings[number] for number in left], run.count - len(taken))
    return taken + [left[place] for place in more]


def finish(run: Run, counts: list[int], seen: int) -> None:
    """Train and score a run unless its folder already has a result."""
    pool, ended = run.pool, run.folder / RESULT
    if ended.is_file():
        return
    row = {
        "set": pool.name,
        "base": pool.base.name,
        "method": run.method,
        "seed": run.seed,
        "corrected": run.count,
        "seen": seen,
        "test_lines": len(pool.test),
        "before_cer": pool.score_of_base["cer"],
        "before_wer": pool.score_of_base["wer"],
    }
    if run.count == 0:
        row |= {"characters": 0, "wrong": 0, "hours": 0.0} | pool.score_of_base
    else:
        row |= trained(run, chosen(run, counts), seen)
    run.folder.mkdir(parents=True, exist_ok=True)
    with replacing(ended) as temporary:
        temporary.write_text(json.dumps(row | made_by()))
    print(f"{run.folder}: CER {row['before_cer']:.4f} -> {row['cer']:.4f}", flush=True)


def trained(run: Run, numbers: list[int], seen: int) -> dict:
    """Correct these lines, adapt, and score the adapter on the held-out lines."""
    pool, corrected, out = run.pool, run.folder / "lines", run.folder / "adapter"
    # A user's lines come in the order of the pages, and the held-out tenth of them is no different.
    lines = pool.lines.keep(lambda i, _, wanted=frozenset(numbers): i in wanted)
    write(lines, corrected)
    epochs = min(MOST, max(FEWEST, seen / len(lines)))
    changes = {"schedule": {"epochs": epochs}, "run": {"seed": run.seed}}
    made = Adaptation(LineAdaptationRecipe.model_validate(changes), corrected, out, pool.base)
    made.fit()
    said = [pool.read_by_base[number].text for number in sorted(numbers)]
    true = [text for _, text in lines.items]
    characters = sum(map(len, true))
    row = {"characters": characters, "wrong": round(cer(said, true) * characters)}
    row |= {"hours": made.engine.seconds / 3600} | score(pool.test, pool.base, out)
    shutil.rmtree(corrected)
    (out / "checkpoint.pt").unlink(missing_ok=True)
    return row


def write(lines: LabeledLines, folder: Path) -> None:
    """Write lines as a folder that `isotrope adapt` takes."""
    folder.mkdir(parents=True, exist_ok=True)
    rows = []
    for number in range(len(lines)):
        image, text = lines[number]
        (folder / f"{number:04}.png").write_bytes(as_png(image))
        rows.append(f"{number:04}.png\t{text}\n")
    (folder / LABELS).write_text("".join(rows), encoding="utf-8")


def published() -> Path:
    """The folder of the published PP-OCRv6-small, with the shipped model's characters."""
    folder = RUNS / "published"
    if not (folder / "model.safetensors").is_file():
        from isotrope.ocr.recognition.published import find_published, load_published
        from isotrope.ocr.recognition.store import save_model

        config = json.loads((shipped("small") / "config.json").read_text(encoding="utf-8"))
        model = load_published(*find_published("small"), config["charset"])
        save_model(model, folder, calibration=config["calibration"])
    return folder


def runs(arguments: argparse.Namespace, base: Path) -> Iterator[Run]:
    """The runs, smallest numbers first, so that the curves of all sets grow together."""
    pools = []
    for named in arguments.data:
        name, _, path = named.partition("=")
        pools.append(Pool(name, Path(path), base, arguments.test_lines))
    for count in sorted(arguments.lines):
        for pool in pools:
            if count > len(pool.lines):
                continue
            for method in arguments.methods if count else ["review"]:
                for seed in range(arguments.seeds if method in REPEATED and count else 1):
                    yield Run(pool, method, seed, count)


def main() -> None:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawTextHelpFormatter
    )
    parser.add_argument("--data", nargs="+", default=[], metavar="NAME=PATH")
    base = parser.add_mutually_exclusive_group()
    base.add_argument("--base", type=Path, help="the shipped one if left out")
    base.add_argument("--published", action="store_true", help="PP-OCRv6-small as published")
    parser.add_argument("--lines", nargs="*", type=int, default=[0, 25, 50, 100, 200, 400])
    methods = ["review", "random", "drawn", "again"]
    parser.add_argument("--methods", nargs="*", default=methods[:2], choices=methods)
    parser.add_argument("--seeds", type=int, default=2, help="of random and drawn")
    parser.add_argument("--seen", type=int, default=2000, help="lines that a run sees")
    parser.add_argument("--test-lines", type=int, default=300, help="at most, spread evenly")
    parser.add_argument("--figure", action="store_true", help="only draw the figure")
    arguments = parser.parse_args()
    if not arguments.figure:
        base = published() if arguments.published else arguments.base or shipped("small")
        for run in runs(arguments, base):
            finish(run, sorted(arguments.lines), arguments.seen)
            ended = sorted(RUNS.glob(f"*/*/*/{RESULT}"))
            write_csv("review", [json.loads(path.read_text()) for path in ended], COLUMNS)
    review_figure.draw()


if __name__ == "__main__":
    main()
