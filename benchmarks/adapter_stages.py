"""The stages of the adapter study: which runs each needs, given the runs that are finished."""

from __future__ import annotations

import math
from collections.abc import Callable, Iterable
from dataclasses import dataclass, fields, replace

METHODS = ("lora", "dora", "rslora", "pissa", "lora+")
RANKS = (1, 2, 4, 8, 16, 32)
TARGETS: tuple[str, ...] = (
    "all",
    "attention,mlp",
    "filters",
    "blocks.10,blocks.11,blocks.12,neck",
    "neck",
)
"""The fourth is the last stage of `small` and its neck. The head has new rows where a set has new
characters, and is not adapted otherwise."""
LORAPLUS = 16  # as its authors advise
FIRST_RATE = 1e-3
"""The middle of the first three learning rates; at 1e-2 most settings diverge."""
_MOST_RATES = 7

Row = dict[str, str]
Done = dict["Run", Row]
Stage = Callable[[Done], list["Run"]]


@dataclass(frozen=True)
class Run:
    """One training.

    Args:
        base, set: Their names.
        lines: Number of lines to train on, or "all".
        seen: Number of lines that are seen, with repetitions.
    """

    base: str
    set: str
    method: str = "lora"
    rank: int = 8
    targets: str = "all"
    learning_rate: float = FIRST_RATE
    lines: str = "400"
    seen: int = 512

    def __str__(self) -> str:
        what = f"{self.method}-{self.rank}-{self.targets}"
        return f"{self.base} {self.set} {what} {self.learning_rate:g} {self.lines}/{self.seen}"

    @classmethod
    def of(cls, row: Row) -> Run:
        """The run of a row."""
        kinds = {"rank": int, "learning_rate": float, "seen": int}
        names = (field.name for field in fields(cls))
        return cls(**{name: kinds.get(name, str)(row[name]) for name in names})

    def recipe(self, validate_first: bool) -> dict:
        """The fields of the recipe of `isotrope adapt`."""
        plus = self.method == "lora+"
        return {
            "adapter": {
                "method": "lora" if plus else self.method,
                "rank": self.rank,
                "targets": self.targets,
            },
            "data": {"lines": None if self.lines == "all" else int(self.lines)},
            "optimizer": {
                "learning_rate": self.learning_rate,
                "loraplus": LORAPLUS if plus else 1.0,
            },
            "schedule": {"examples": self.seen},
            "run": {
                "validate_first": validate_first,
                "validate_minutes": None,
                "validate_examples": max(512, self.seen // 4),
                "patience": None,
                "save_minutes": 60,
            },
        }


def stages(first: Run, tune: list[str], sets: list[str], seen: int) -> list[Stage]:
    """The plan.

    Args:
        first: A run with the base, the number of lines and the length of short runs.
        tune: Sets on which settings are compared in short runs.
        sets: All sets, for long runs.
        seen: Length of long runs.
    """

    def short(done: Done, runs: Iterable[Run]) -> list[Run]:
        return [run for setting in runs for run in tuned(done, setting, tune)]

    def methods(done: Done) -> list[Run]:
        """The methods at rank 8. Their learning rates."""
        return short(done, (replace(first, method=method) for method in METHODS))

    def ranks(done: Done) -> list[Run]:
        """The ranks of LoRA. Their learning rates."""
        return short(done, (replace(first, rank=rank) for rank in (2, 32, 1, 4, 16)))

    def layers(done: Done) -> list[Run]:
        """The layers. Their learning rates."""
        return short(done, (replace(first, targets=targets) for targets in TARGETS))

    def best(done: Done, count: int) -> list[Run]:
        """LoRA of rank 8 and the best settings, for long runs."""
        chosen = [first, *ranking(done, first, tune)[:count]]
        return [replace(setting, seen=seen) for setting in dict.fromkeys(chosen)]

    def long(done: Done) -> list[Run]:
        """The best settings in long runs. At the tuned rate, and half a decade below."""
        return [
            replace(setting, set=name, learning_rate=rate)
            for setting in best(done, 3)
            for rate in around(best_rate(done, replace(setting, seen=first.seen), tune))[1::-1]
            for name in tune
        ]

    def everywhere(done: Done) -> list[Run]:
        """All sets. LoRA of rank 8 and the best setting, in long runs."""
        return [
            replace(setting, set=name, learning_rate=best_rate(done, setting, tune))
            for name in sets
            for setting in best(done, 1)
        ]

    def fewer(done: Done) -> list[Run]:
        """The number of lines. LoRA of rank 8 and the best setting, in long runs."""
        return [
            replace(setting, set=name, learning_rate=best_rate(done, setting, tune), lines=lines)
            for lines in ("100", "all")
            for setting in best(done, 1)
            for name in tune
        ]

    def extremes(done: Done) -> list[Run]:
        """The other methods at rank 2 and 32. Their learning rates."""
        return other(done, (2, 32))

    def others(done: Done) -> list[Run]:
        """The other methods at the other ranks. Their learning rates."""
        return other(done, (16, 4, 1))

    def other(done: Done, wanted: tuple[int, ...]) -> list[Run]:
        settings = (replace(first, method=m, rank=rank) for rank in wanted for m in METHODS[1:])
        return short(done, settings)

    again = [long, everywhere]
    return [methods, ranks, long, layers, everywhere, fewer, extremes, *again, others, *again]


def tuned(done: Done, setting: Run, tune: list[str]) -> list[Run]:
    """The runs that find the best learning rate of a setting, as far as is known by now."""
    at_eight = replace(setting, rank=8)
    rates = around(FIRST_RATE if setting == at_eight else best_rate(done, at_eight, tune))
    while len(rates) < _MOST_RATES:
        scores = {rate: score(done, replace(setting, learning_rate=rate), tune) for rate in rates}
        if any(math.isnan(value) for value in scores.values()):
            break
        best = min(scores, key=scores.__getitem__)
        if best == rates[0]:
            rates = [rung(best, -1), *rates]
        elif best == rates[-1]:
            rates = [*rates, rung(best, 1)]
        else:
            break
    return [replace(setting, set=name, learning_rate=rate) for rate in rates for name in tune]


def rung(rate: float, steps: int) -> float:
    """A learning rate some half-decades away: 1e-3, 3e-3, 1e-2, ..."""
    halves = round(2 * math.log10(rate)) + steps
    return float(f"{10 ** (halves / 2):.0e}")


def around(rate: float) -> list[float]:
    """A learning rate and its neighbors."""
    return [rung(rate, -1), rung(rate, 0), rung(rate, 1)]


def score(done: Done, run: Run, tune: list[str]) -> float:
    """Mean over the sets of the log of the error left, of the error at the start; NaN: not known.

    A thousandth is added to each, so that a set with hardly an error does not decide all.
    """
    logs = []
    for name in tune:
        row = done.get(replace(run, set=name))
        if row is None:
            return math.nan
        cer, before = float(row["cer"]), float(row["before"])
        logs.append(math.log((cer + 1e-3) / (before + 1e-3)))
    return sum(logs) / len(logs)


def best_rate(done: Done, setting: Run, tune: list[str]) -> float:
    """The learning rate with the best score; a guess where none is known."""
    known = {
        rate: score(done, replace(setting, learning_rate=rate), tune)
        for rate in {run.learning_rate for run in done}
    }
    known = {rate: value for rate, value in known.items() if not math.isnan(value)}
    return min(known, key=known.__getitem__) if known else FIRST_RATE


def ranking(done: Done, first: Run, tune: list[str]) -> list[Run]:
    """The settings of short runs, each at its best learning rate, best first."""
    settings = {
        replace(first, method=run.method, rank=run.rank, targets=run.targets) for run in done
    }
    scored = {}
    for setting in sorted(settings, key=str):
        run = replace(setting, learning_rate=best_rate(done, setting, tune))
        if not math.isnan(value := score(done, run, tune)):
            scored[setting] = value
    return sorted(scored, key=scored.__getitem__)
