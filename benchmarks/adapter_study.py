"""Which adapter, at which learning rate? The study behind the defaults of `isotrope adapt`.

    python benchmarks/adapter_study.py --data fraktur=LINES.tar hand=FOLDER typescript=LINES.tar
    python benchmarks/adapter_study.py --draw      # the figure and the table from the CSV alone

Varies the method, the rank, the layers and the number of lines; the learning rate is tuned for each
setting before settings are compared: three values half a decade apart, and more while the best is
at an end. All runs of a comparison see the same number of lines. The stages (`adapter_stages.py`)
are in order of their use, so that the study can be ended at any time; settings that do best in a
short run get a long one.

The lines that `isotrope adapt` holds out (every tenth of a set) are left out of the study. Of the
others, one block of 20 in six is for validation. Scores are those at the end of a run, of weights
that were not chosen on the validation lines.

A row for each finished run is appended to benchmarks/results/adapter-study-DATE.csv (`--out`);
runs with a row are not repeated, so that a run that is killed costs its own time only. --base takes
the folder of a line recognizer; by default it is the published PP-OCRv6-small, which has seen none
of the sets.
"""

from __future__ import annotations

import argparse
import csv
import logging
import shutil
import time
import traceback
from dataclasses import asdict, dataclass
from datetime import date
from pathlib import Path

import torch
from PIL import Image

from adapter_report import draw, write_table
from adapter_stages import Done, Run, stages
from isotrope.data.lines import LABELS, LabeledLines
from isotrope.data.pages import load_lines
from isotrope.ocr.loading import shipped
from isotrope.ocr.recognition.published import find_published, load_published
from isotrope.ocr.recognition.store import load_model, save_model
from isotrope.training.adaptation import Adaptation
from isotrope.training.tasks.adaptation_recipe import LineAdaptationRecipe
from measuring import RESULTS, made_by

FOLDER = Path("runs/adapter-study")
HELD_OUT = 10  # as in `isotrope adapt`
BLOCK, EVERY = 20, 6  # one block of 20 lines in six is for validation: neighbors are alike
MOST_VALID = 120
MOST_FAILED = 5  # a run may fail without ending the study; more than this have a common reason
COLUMNS = (
    *("base", "set", "method", "rank", "targets", "learning_rate", "lines", "seen"),
    *("parameters", "train_lines", "valid_lines", "before", "cer", "wer", "best", "best_seen"),
    *("seconds", "commit", "machine", "command"),
)


@dataclass(frozen=True)
class Sets:
    """The sets of the study, each cut into lines to train on and to validate on."""

    paths: dict[str, Path]

    def folders(self, name: str) -> tuple[Path, Path]:
        """The folders of lines to train on and to validate on, which are written once."""
        both = FOLDER / "sets" / name / "train", FOLDER / "sets" / name / "valid"
        if not all((folder / LABELS).is_file() for folder in both):
            lines = load_lines(self.paths[name])
            used = lines.keep(lambda i, _: i % HELD_OUT != 0)
            valid = used.keep(lambda i, _: i // BLOCK % EVERY == EVERY - 1)
            some = len(valid) / MOST_VALID
            kept = {int(i * some) for i in range(MOST_VALID)} if some > 1 else range(len(valid))
            _write(used.keep(lambda i, _: i // BLOCK % EVERY != EVERY - 1), both[0])
            _write(valid.keep(lambda i, _: i in kept), both[1])
        return both


def _write(lines: LabeledLines, folder: Path) -> None:
    """Copy lines to a folder; its labels last, so that a folder with labels is complete."""
    folder.mkdir(parents=True, exist_ok=True)
    labels = []
    for number in range(len(lines)):
        try:
            image, text = lines[number]
        except ValueError:  # a broken image
            continue
        pixels = (image * 255).round().byte().permute(1, 2, 0).numpy()
        Image.fromarray(pixels).save(folder / f"{number:05d}.png", compress_level=1)
        labels.append(f"{number:05d}.png\t{text}\n")
    (folder / LABELS).write_text("".join(labels), encoding="utf-8")


def published() -> Path:
    """The folder of PP-OCRv6-small, with those of the shipped model's characters that it has."""
    folder = FOLDER / "bases" / "published"
    if not folder.is_dir():
        path, theirs = find_published("small")
        charset = "".join(c for c in load_model(shipped("small")).config.charset if c in theirs)
        partial = folder.with_suffix(".partial")
        save_model(load_published(path, theirs, charset), partial)
        partial.rename(folder)
    return folder


class Study:
    """The finished runs, and how to make one more.

    Args:
        sets: The sets.
        bases: The bases by name.
        path: The CSV.
    """

    def __init__(self, sets: Sets, bases: dict[str, Path], path: Path) -> None:
        self.sets, self.bases, self.path = sets, bases, path
        self.done = read(path)
        self.failed: set[Run] = set()
        self.spent = [0.0, 0]  # seconds, lines

    def finished(self, run: Run) -> bool:
        return run in self.failed or run in self.done

    def do(self, run: Run) -> None:
        """Train one adapter, and append its row."""
        started, folder = time.monotonic(), FOLDER / "runs" / self.path.stem
        shutil.rmtree(folder, ignore_errors=True)
        train, valid = self.sets.folders(run.set)
        starts = {(other.base, other.set): row["before"] for other, row in self.done.items()}
        before = starts.get((run.base, run.set))
        recipe = LineAdaptationRecipe.model_validate(run.recipe(before is None))
        made = Adaptation(recipe, train, folder, self.bases[run.base], valid)
        # Without the language model of `made.fit`, whose scores would hide those of the adapter.
        made.engine.fit(lambda row: print(f"\r{run} {row['examples']}   ", end="", flush=True))
        self._append(run, made, before, time.monotonic() - started)
        shutil.rmtree(folder, ignore_errors=True)

    def _append(self, run: Run, made: Adaptation, before: str | None, seconds: float) -> None:
        logged = [row for row in made.engine.rows if row["examples"]]
        last, best = logged[-1], min(logged, key=lambda row: row["cer"])
        row = asdict(run) | {
            "parameters": sum(p.numel() for p in made.adapted.parameters() if p.requires_grad),
            "train_lines": len(made.train),
            "valid_lines": len(made.valid),
            "before": before or made.before["cer"],
            "cer": last["cer"],
            "wer": last["wer"],
            "best": best["cer"],
            "best_seen": best["examples"],
            "seconds": round(seconds),
        }
        row = {name: str(value) for name, value in (row | made_by()).items()}
        new = not self.path.is_file()
        self.path.parent.mkdir(parents=True, exist_ok=True)
        with self.path.open("a", newline="") as file:
            writer = csv.DictWriter(file, COLUMNS)
            if new:
                writer.writeheader()
            writer.writerow(row)
        self.done[run] = row
        self.spent = [self.spent[0] + seconds, self.spent[1] + run.seen]

    def seconds_for(self, runs: list[Run]) -> float:
        """Estimated time of these runs."""
        spent, seen = self.spent if self.spent[1] else (60.0, 256)
        return sum(run.seen for run in runs) * spent / seen


def read(path: Path) -> Done:
    """The finished runs of a CSV; none if there is no such file."""
    if not path.is_file():
        return {}
    with path.open(newline="") as file:
        return {Run.of(row): row for row in csv.DictReader(file) if row["command"]}


def follow(study: Study, plan) -> None:
    """Make all runs that are missing, stage by stage; later stages depend on the earlier ones."""
    for number, stage in enumerate(plan):
        later = {run for other in plan[number + 1 :] for run in other(study.done)}
        while todo := [run for run in stage(study.done) if not study.finished(run)]:
            missing = [run for run in later.difference(todo) if not study.finished(run)]
            here, whole = study.seconds_for(todo) / 60, study.seconds_for(todo + missing) / 3600
            print(
                f"stage {number + 1} of {len(plan)}, {stage.__doc__.split('.')[0]}: at least "
                f"{len(todo)} runs, {here:.0f} min; all stages {whole:.1f} h",
                flush=True,
            )
            try:
                study.do(todo[0])
            except Exception:
                study.failed.add(todo[0])  # until the next start
                if len(study.failed) > MOST_FAILED:
                    raise
                traceback.print_exc()
                continue
            row = study.done[todo[0]]
            print(
                f"\r{todo[0]}: CER {float(row['before']):.2%} -> {float(row['cer']):.2%}, "
                f"{row['seconds']} s",
                flush=True,
            )


def newest() -> Path:
    """The newest results, or today's file if there are none."""
    older = sorted(RESULTS.glob("adapter-study-20??-??-??.csv"))
    return older[-1] if older else RESULTS / f"adapter-study-{date.today()}.csv"


def main() -> None:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawTextHelpFormatter
    )
    parser.add_argument("--data", nargs="+", default=[], metavar="NAME=PATH")
    parser.add_argument("--tune", nargs="*", default=[], metavar="NAME", help="sets to tune on")
    parser.add_argument("--base", type=Path, help="default: the published PP-OCRv6-small")
    parser.add_argument("--out", type=Path, default=newest(), help="the CSV")
    parser.add_argument("--short", type=int, default=512, help="lines seen in a short run")
    parser.add_argument("--long", type=int, default=2048, help="lines seen in a long run")
    parser.add_argument("--lines", type=int, default=400, help="lines to train on in most runs")
    parser.add_argument("--threads", type=int, default=2)
    parser.add_argument("--draw", action="store_true", help="draw the CSV, train nothing")
    arguments = parser.parse_args()
    if arguments.draw:
        done = read(arguments.out)
        draw(done)
        write_table(done, arguments.out)
    else:
        torch.set_num_threads(arguments.threads)
        logging.disable(logging.WARNING)  # of lines left out, at each run
        paths = {name: Path(path) for name, _, path in (d.partition("=") for d in arguments.data)}
        if missing := [str(path) for path in paths.values() if not path.exists()] or not paths:
            parser.error(f"--data: NAME=PATH of existing sets is needed, not {missing}")
        base = arguments.base or published()
        study = Study(Sets(paths), {base.name: base}, arguments.out)
        first = Run(base.name, "", lines=str(arguments.lines), seen=arguments.short)
        tune = arguments.tune or list(paths)[:3]
        follow(study, stages(first, tune, list(paths), arguments.long))


if __name__ == "__main__":
    main()
