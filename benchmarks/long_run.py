"""Measure long runs of `isotrope read`: what interruptions cost, and whether memory grows.

    python benchmarks/long_run.py [--crops 10000] [--pages 300] [--kills 2] [--jobs N]

Crops are the word and line images of `samples/`, each shifted by some pixels; pages are parts of
the sample page. One of a hundred is broken. Each set is read without interruption, then by a run
that is killed (SIGKILL) at equal shares of its way and goes on with `--resume`.

- "seconds", "killed_seconds": wall clock of the one, and of the other with all its starts;
  "throughput_kept" is their ratio.
- "rss_tenth_mb", "rss_end_mb": the resident memory of the uninterrupted run, or of all processes
  of it, once a tenth is done and at its end.
- "lost", "twice": good images that are not in the output of the killed run, or are there twice;
  "same" says whether both outputs are the same, byte for byte.

A row "listing" has the memory that looking through a folder of so many files takes. Writes
benchmarks/results/long-run-DATE.csv.
"""

from __future__ import annotations

import argparse
import json
import random
import signal
import subprocess
import sys
import tempfile
import time
import tracemalloc
from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass, field
from itertools import cycle, islice
from pathlib import Path

from PIL import Image

from measuring import write_csv

SAMPLES = Path(__file__).parents[1] / "samples"
EVERY = 100
"""One of so many images is broken."""


def write_images(folder: Path, pages: bool, count: int) -> set[str]:
    """Write images to a new folder; return the names of the good ones."""
    folder.mkdir()
    chance = random.Random(0)
    sources = sorted((SAMPLES / "pages" if pages else SAMPLES).glob("*.png"))
    images = cycle([Image.open(path).convert("L") for path in sources])
    good = set()
    for number, image in enumerate(islice(images, count)):
        path = folder / f"{number}.png"
        if pages:
            image = _part(image, chance)
        else:
            left, top = chance.randrange(6), chance.randrange(6)
            size = (image.width + left, image.height + top)
            image = image.transform(
                size, Image.Transform.EXTENT, (-left, -top, *image.size), fill=1
            )
        image.save(path, compress_level=1)
        if number % EVERY == min(EVERY, count) // 2:
            content = path.read_bytes()
            path.write_bytes(content[: len(content) // 2])
        else:
            good.add(path.name)
    return good


def _part(image: Image.Image, chance: random.Random) -> Image.Image:
    """A part of a page that is half as high and wide."""
    width, height = image.width // 2, image.height // 2
    left, top = chance.randrange(width), chance.randrange(height)
    return image.crop((left, top, left + width, top + height))


@dataclass
class Session:
    """A run that is watched; see `watch`.

    Args:
        seconds: Wall clock.
        memory: Resident megabytes by the number of files that were done.
    """

    seconds: float = 0.0
    memory: dict[int, float] = field(default_factory=dict)


def watch(options: list[str], out: Path, until: int | None = None) -> Session:
    """Run `isotrope read` to its end, or kill it once so many files are done."""
    command = [sys.executable, "-m", "isotrope", "read", *options, "--out", str(out), "--resume"]
    session, started = Session(), time.perf_counter()
    run = subprocess.Popen(command, stderr=subprocess.DEVNULL)
    journal = Journal(out)
    while run.poll() is None:
        time.sleep(0.05)
        if memory := resident(run.pid):  # none once it has ended
            session.memory[journal.done()] = memory
        if until is not None and journal.done() >= until:
            run.send_signal(signal.SIGKILL)
            run.wait()
    session.seconds = time.perf_counter() - started
    if until is None and run.returncode != 1:  # some are broken
        raise SystemExit(f"{' '.join(command)}: exit status {run.returncode}")
    return session


class Journal:
    """Counts the files in the journal of an output."""

    def __init__(self, out: Path) -> None:
        self.path, self.place, self.count = out.with_name(out.name + ".journal"), 0, 0

    def done(self) -> int:
        """The number of files that are done or failed."""
        if self.path.exists():
            with self.path.open("rb") as file:
                file.seek(self.place)
                for line in file:
                    if not line.endswith(b"\n"):
                        break
                    self.place += len(line)
                    row = json.loads(line)
                    self.count += len(row.get("done", ())) + len(row.get("failed", ()))
        return self.count


def resident(process: int) -> float:
    """Resident memory of a process and its children, in MB."""
    return sum(_resident(number) for number in [process, *_children(process)])


def _children(process: int) -> Iterator[int]:
    try:
        children = Path(f"/proc/{process}/task/{process}/children").read_text()
    except OSError:
        return
    for child in map(int, children.split()):
        yield child
        yield from _children(child)


def _resident(process: int) -> float:
    try:
        status = Path(f"/proc/{process}/status").read_text()
    except OSError:
        return 0.0
    found = [line.split()[1] for line in status.splitlines() if line.startswith("VmRSS")]
    return float(found[0]) / 1e3 if found else 0.0


def measure(folder: Path, pages: bool, count: int, kills: int, jobs: int | None) -> dict:
    """Read one set of images both ways."""
    name = "pages" if pages else "crops"
    images = folder / name
    good = write_images(images, pages, count)
    options = [str(images), *([] if pages else ["--crops"])]
    options += [] if jobs is None else ["--jobs", str(jobs)]
    whole, parts = folder / f"{name}-whole.jsonl", folder / f"{name}-parts.jsonl"
    plain = watch(options, whole)
    stops = [count * number // (kills + 1) for number in range(1, kills + 1)]
    sessions = [watch(options, parts, until) for until in [*stops, None]]
    killed = sum(session.seconds for session in sessions)
    rows = (json.loads(line) for line in parts.read_text().splitlines())
    times = Counter(Path(row["file"]).name for row in rows)
    tenth = min(done for done in plain.memory if done >= count / 10)
    return {
        "set": name,
        "files": count,
        "broken": count - len(good),
        "jobs": jobs or 0,
        "kills": kills,
        "seconds": round(plain.seconds, 1),
        "killed_seconds": round(killed, 1),
        "throughput_kept": round(plain.seconds / killed, 3),
        "a_second": round(count / plain.seconds, 2),
        "rss_tenth_mb": round(plain.memory[tenth]),
        "rss_end_mb": round(max(mb for done, mb in plain.memory.items() if done >= 0.9 * count)),
        "lost": len(good - set(times)),
        "twice": sum(number > 1 for number in times.values()),
        "same": whole.read_bytes() == parts.read_bytes(),
    }


def listing(folder: Path, count: int) -> dict:
    """Look through a folder of so many files."""
    from isotrope.jobs.inputs import Inputs
    from isotrope.jobs.survey import Survey

    images = folder / "listed"
    images.mkdir()
    for number in range(count):
        (images / f"{number}.png").touch()
    tracemalloc.start()
    started = time.perf_counter()
    survey = Survey(Inputs([images]), print)
    seconds = time.perf_counter() - started
    _, peak = tracemalloc.get_traced_memory()
    assert survey.count == count
    tracemalloc.stop()
    return {
        "set": "listing",
        "files": count,
        "seconds": round(seconds, 1),
        "rss_end_mb": round(peak / 1e6, 1),
    }


def main() -> None:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawTextHelpFormatter
    )
    parser.add_argument("--crops", type=int, default=10_000)
    parser.add_argument("--pages", type=int, default=300)
    parser.add_argument("--listed", type=int, default=100_000)
    parser.add_argument("--kills", type=int, default=2)
    parser.add_argument("--jobs", type=int)
    given = parser.parse_args()
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        rows = []
        for pages, count in {False: given.crops, True: given.pages}.items():
            rows += [measure(folder, pages, count, given.kills, given.jobs)] if count else []
            print(rows[-1:], flush=True)
        rows += [listing(folder, given.listed)] if given.listed else []
        print(rows[-1:])
    print(write_csv("long-run", rows))


if __name__ == "__main__":
    main()
