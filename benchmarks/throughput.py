"""Measure what a user sees: time to the first result, words per second, resident memory.

    python benchmarks/throughput.py [--data PATH] [--count 300] [--runtimes torch onnx]

For each runtime with 1 and 2 threads, a new process reads one word ("first_s", from the start of
the process), then all words one by one ("ms_a_word", process time, median of five passes), then all
in batches of 32 ("words_a_second", wall clock, median of five passes); "peak_mb" is its peak
memory. PATH is a folder or tar of images with labels.tsv, by default `samples/`. Writes
benchmarks/results/throughput-DATE.csv.
"""

from __future__ import annotations

import argparse
import json
import os
import resource
import statistics
import subprocess
import sys
import time
from pathlib import Path

SAMPLES = Path(__file__).parents[1] / "samples"


def words(data: Path, count: int) -> list:
    """Load images spread over the whole set."""
    from isotrope.data.images import load_image
    from isotrope.data.lines import LabeledLines
    from isotrope.io.images import find_images

    if data == SAMPLES:
        return [load_image(path) for path in find_images(data)]
    lines = LabeledLines(data)
    return [lines[i][0] for i in range(0, len(lines), max(1, len(lines) // count))][:count]


def measure(runtime: str, threads: int, data: Path, count: int, started: float) -> dict:
    import torch

    from isotrope import Reader

    torch.set_num_threads(threads)
    reader = Reader.from_pretrained(engine="gsanet", runtime=runtime)
    images = words(SAMPLES, 1)
    reader.read(images[0])
    first = time.time() - started
    images = words(data, count)

    def one_by_one() -> float:
        before = time.process_time()
        for image in images:
            reader.read(image)
        return 1000 * (time.process_time() - before) / len(images)

    def in_batches() -> float:
        before = time.perf_counter()
        reader.read(images)
        return len(images) / (time.perf_counter() - before)

    one_by_one(), in_batches()
    return {
        "runtime": runtime,
        "threads": threads,
        "words": len(images),
        "first_s": round(first, 2),
        "ms_a_word": round(statistics.median(one_by_one() for _ in range(5)), 2),
        "words_a_second": round(statistics.median(in_batches() for _ in range(5)), 1),
        "peak_mb": round(resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1e3),
    }


def main() -> None:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawTextHelpFormatter
    )
    parser.add_argument("--data", type=Path, default=SAMPLES)
    parser.add_argument("--count", type=int, default=300)
    parser.add_argument("--runtimes", nargs="*", default=["torch", "onnx"])
    parser.add_argument("--one", nargs=3, metavar=("RUNTIME", "THREADS", "STARTED"), help="inner")
    arguments = parser.parse_args()
    if arguments.one:
        runtime, threads, started = arguments.one
        found = measure(runtime, int(threads), arguments.data, arguments.count, float(started))
        print(json.dumps(found))
        return
    from measuring import write_csv

    rows = []
    for runtime in arguments.runtimes:
        for threads in (1, 2):
            again = [sys.executable, __file__, "--data", str(arguments.data)]
            again += ["--count", str(arguments.count)]
            again += ["--one", runtime, str(threads), str(time.time())]
            environment = os.environ | {"OMP_NUM_THREADS": str(threads)}
            done = subprocess.run(
                again, env=environment, stdout=subprocess.PIPE, text=True, check=True
            )
            rows.append(json.loads(done.stdout))
            print(rows[-1])
    print(write_csv("throughput", rows))


if __name__ == "__main__":
    main()
