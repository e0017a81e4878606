"""Shared by the benchmarks: interleaved timing, peak memory, FLOPs, and dated CSV results."""

from __future__ import annotations

import csv
import ctypes
import gc
import platform
import statistics
import subprocess
import sys
import time
from collections.abc import Callable, Iterable, Iterator, Sequence
from contextlib import contextmanager
from datetime import date
from functools import cache
from pathlib import Path

import torch
from torch.nn.attention import SDPBackend, sdpa_kernel
from torch.utils.flop_counter import FlopCounterMode

from isotrope.io.files import replacing

_TRIM_THRESHOLD, _MMAP_THRESHOLD = -1, -3  # M_TRIM_THRESHOLD and M_MMAP_THRESHOLD of malloc.h

RESULTS = Path(__file__).parent / "results"
Call = Callable[[], object]


def milliseconds(calls: dict[str, Call], passes: int = 5) -> dict[str, float]:
    """Measure the median wall-clock time of each call, warmed up, then timed in turn each pass.

    Temporary slowdowns of the machine then affect all calls alike and keep their ratios.
    """
    for call in calls.values():
        call()
    times: dict[str, list[float]] = {name: [] for name in calls}
    for _ in range(passes):
        for name, call in calls.items():
            _wait()
            started = time.perf_counter()
            call()
            _wait()
            times[name].append(1000 * (time.perf_counter() - started))
    return {name: statistics.median(column) for name, column in times.items()}


def _wait() -> None:
    if torch.cuda.is_available():
        torch.cuda.synchronize()


def peak_megabytes(call: Call) -> float:
    """Measure the peak memory of a call beyond what was in use before it, in MB."""
    gc.collect()
    if torch.cuda.is_available():
        held = torch.cuda.memory_allocated()
        torch.cuda.reset_peak_memory_stats()
        call()
        return (torch.cuda.max_memory_allocated() - held) / 1e6
    # Memory that malloc keeps for reuse would hide the next allocations.
    ctypes.CDLL(None).malloc_trim(0)
    Path("/proc/self/clear_refs").write_text("5")  # reset the peak
    held = _status("VmRSS")
    call()
    return (_status("VmHWM") - held) / 1e3


@contextmanager
def returning_memory() -> Iterator[None]:
    """Let malloc return what is freed at once, so that `peak_megabytes` is what tensors take.

    Else its heap keeps up to a fifth more, in pieces that depend on all that was allocated before.
    So use it before large tensors have been made; and not for times, which it makes longer.
    """
    libc = ctypes.CDLL(None)
    libc.mallopt(_MMAP_THRESHOLD, 1 << 18)
    try:
        yield
    finally:  # what glibc itself comes to in a process that uses large tensors
        libc.mallopt(_MMAP_THRESHOLD, 1 << 25)
        libc.mallopt(_TRIM_THRESHOLD, 1 << 26)


def _status(field: str) -> float:
    """Read a field of `/proc/self/status`, in kB."""
    for line in Path("/proc/self/status").read_text().splitlines():
        if line.startswith(field):
            return float(line.split()[1])
    raise LookupError(f"/proc/self/status has no {field}")


def gigaflops(call: Call) -> float:
    """Count multiplications and additions of a call's products, filters and attention, in 10^9."""
    with sdpa_kernel(SDPBackend.MATH), FlopCounterMode(display=False) as counter:
        call()
    return counter.get_total_flops() / 1e9


def gigaflops_a_second(side: int = 1024, dtype: torch.dtype = torch.float32) -> float:
    """Measure this machine's rate on a large matrix product, which bounds every time from below."""
    a = torch.randn(side, side, device=device(), dtype=dtype)
    return 2 * side**3 / 1e6 / milliseconds({"product": lambda: a @ a}, passes=15)["product"]


def recipes(folder: Path) -> list[Path]:
    """List the recipes of a folder by name, without their base recipe."""
    return sorted(path for path in folder.glob("*.toml") if path.name != "base.toml")


def device() -> str:
    return "cuda" if torch.cuda.is_available() else "cpu"


def machine() -> str:
    if torch.cuda.is_available():
        return torch.cuda.get_device_name()
    for line in Path("/proc/cpuinfo").read_text().splitlines():
        if line.startswith("model name"):
            name = line.partition(":")[2].strip()
            return f"{name}, {platform.machine()}, {torch.get_num_threads()} threads"
    return platform.machine()


@cache  # the code that runs stays what it was when it was started
def commit() -> str:
    done = subprocess.run(
        ["git", "rev-parse", "--short", "HEAD"], capture_output=True, text=True, check=False
    )
    return done.stdout.strip()


def made_by() -> dict[str, str]:
    """Provenance recorded in every row of a result."""
    return {"commit": commit(), "machine": machine(), "command": " ".join(map(_named, sys.argv))}


def _named(word: str) -> str:
    """Shorten an argument `PATH` or `NAME=PATH`: data outside the project keeps its name only."""
    name, equals, path = word.rpartition("=")
    elsewhere = Path(path).is_absolute() or ".." in Path(path).parts
    return f"{name}{equals}{Path(path).name}" if elsewhere else word


def newest_path(study: str) -> Path:
    """The newest `results/STUDY-DATE.csv`.

    Raises:
        FileNotFoundError: The study has not been run.
    """
    paths = sorted(RESULTS.glob(f"{study}-20??-??-??.csv"))
    if not paths:
        raise FileNotFoundError(f"there is no {RESULTS / study}-DATE.csv; run its benchmark first")
    return paths[-1]


def newest(study: str) -> list[dict[str, str]]:
    """Read the lines of the newest `results/STUDY-DATE.csv`; raises as `newest_path` does."""
    with newest_path(study).open(newline="") as file:
        return list(csv.DictReader(file))


def table(header: Sequence[str], body: Iterable[Sequence[str]]) -> str:
    """A table in Markdown."""
    lines = [header, ["---"] * len(header), *body]
    return "\n".join("| " + " | ".join(line) + " |" for line in lines)


def todays(study: str) -> list[dict[str, str]]:
    """Read the lines of today's results; none if there are no such results yet."""
    path = _today(study)
    if not path.is_file():
        return []
    with path.open(newline="") as file:
        return list(csv.DictReader(file))


def _today(study: str) -> Path:
    return RESULTS / f"{study}-{date.today()}.csv"


def write_csv(study: str, rows: list[dict], runs: Sequence[str] = ()) -> Path:
    """Write `results/STUDY-DATE.csv`, adding commit, machine and command to rows without them.

    Args:
        runs: Columns that identify a run. If given, runs of the newest results that were not
            repeated are written first, because not every machine has the folders of all runs.
    """
    here = made_by()
    earlier = _not_again(study, rows, runs) if runs else []
    RESULTS.mkdir(exist_ok=True)
    path = _today(study)
    with replacing(path) as temporary, temporary.open("w", newline="") as file:
        writer = csv.DictWriter(file, list(rows[0] | here))
        writer.writeheader()
        writer.writerows(here | row for row in earlier + rows)
    return path


def _not_again(study: str, rows: list[dict], runs: Sequence[str]) -> list[dict]:
    try:
        earlier = newest(study)
    except FileNotFoundError:
        return []
    again = {tuple(str(row[name]) for name in runs) for row in rows}
    return [row for row in earlier if tuple(row[name] for name in runs) not in again]
