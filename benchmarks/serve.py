"""Measure `isotrope serve` as its clients see it.

    python benchmarks/serve.py [--rate 20] [--seconds 30] [--starts 3] [--workers N]

- start: from running the command to the line with the address, and to the first text of a line
  that is asked for at once; the median of several starts.
- lines: one line of text at a time, sent at a fixed rate whatever the answers do ("open loop"), so
  that a slow answer delays those behind it as it would in use. From the planned moment of sending.
- page: the sample page, one after the other.
- overload: a hundred requests at the same moment: how many are read, how many are turned away (503
  with Retry-After), how fast, and whether the server reads afterwards.

Writes benchmarks/results/serve-DATE.csv: a row for each number. Client and server share the
machine's cores.
"""

from __future__ import annotations

import argparse
import http.client
import os
import statistics
import subprocess
import sys
import threading
import time
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from pathlib import Path
from typing import NamedTuple

SAMPLES = Path(__file__).parents[1] / "samples"
CROPS = "/v1/read?crops=true"
PAGES = "/v1/read"


class Answer(NamedTuple):
    status: int
    seconds: float
    retry_after: str | None


class Server:
    """The command, running."""

    def __init__(self, process: subprocess.Popen, port: int) -> None:
        self.process, self.port = process, port

    def ask(self, path: str, content: bytes | None = None, since: float | None = None) -> Answer:
        """Ask once, on a connection of its own."""
        began = time.perf_counter() if since is None else since
        client = http.client.HTTPConnection("127.0.0.1", self.port, timeout=120)
        try:
            method = "GET" if content is None else "POST"
            client.request(method, path, content, {"Content-Type": "image/png"} if content else {})
            reply = client.getresponse()
            reply.read()
        finally:
            client.close()
        return Answer(reply.status, time.perf_counter() - began, reply.getheader("retry-after"))

    def processor_seconds(self) -> float:
        """What the server and its workers have used so far."""
        return sum(map(_processor_seconds, [self.process.pid, *_children(self.process.pid)]))

    def megabytes(self) -> float:
        """What the server and its workers hold in memory, pages that they share counted twice."""
        return sum(map(_megabytes, [self.process.pid, *_children(self.process.pid)]))


@contextmanager
def running(options: Sequence[str]) -> Iterator[tuple[Server, float]]:
    """The command once it listens, and the seconds that took."""
    command = [sys.executable, "-m", "isotrope", "serve", "--port", "0", *options]
    began = time.perf_counter()
    process = subprocess.Popen(command, stderr=subprocess.PIPE, text=True)
    try:
        assert process.stderr is not None
        line = process.stderr.readline()
        seconds = time.perf_counter() - began
        threading.Thread(target=process.stderr.read, daemon=True).start()
        yield Server(process, int(line.split()[3].rpartition(":")[2])), seconds
    finally:
        process.terminate()
        process.wait()


def measure_start(options: Sequence[str], starts: int) -> dict[str, float]:
    """Seconds from running the command: to its address, and to the first text."""
    crop = crops()[0]
    listening, first = [], []
    for _ in range(starts):
        began = time.perf_counter()
        with running(options) as (server, seconds):
            listening.append(seconds)
            assert server.ask(CROPS, crop).status == 200
            first.append(time.perf_counter() - began)
    return {
        "start to address, s": statistics.median(listening),
        "start to first text, s": statistics.median(first),
    }


def measure_lines(server: Server, rate: float, seconds: float) -> dict[str, float]:
    """Ask for one line at a time, at a fixed rate."""
    number = round(rate * seconds)
    images = crops()
    began, used = time.perf_counter() + 0.1, server.processor_seconds()

    def ask(index: int) -> Answer:
        planned = began + index / rate
        time.sleep(max(0.0, planned - time.perf_counter()))
        return server.ask(CROPS, images[index % len(images)], planned)

    with ThreadPoolExecutor(64) as pool:
        answers = list(pool.map(ask, range(number)))
    used = server.processor_seconds() - used
    taken = sorted(1000 * answer.seconds for answer in answers)
    return {
        f"lines at {rate:g} a second, answered": sum(a.status == 200 for a in answers) / number,
        **{
            f"lines at {rate:g} a second, p{p}, ms": taken[min(number - 1, number * p // 100)]
            for p in (50, 95, 99)
        },
        f"lines at {rate:g} a second, processor time, ms each": 1000 * used / number,
    }


def measure_page(server: Server, times: int = 5) -> dict[str, float]:
    """Ask for the sample page, again and again."""
    page = (SAMPLES / "pages" / "weather-garden.png").read_bytes()
    taken = [server.ask(PAGES, page).seconds for _ in range(times)]
    return {
        "sample page, s": statistics.median(taken),
        "memory after pages, MB": server.megabytes(),
    }


def measure_overload(server: Server, number: int = 100) -> dict[str, float]:
    """Ask a hundred times at the same moment."""
    images = crops()
    with ThreadPoolExecutor(number) as pool:
        asked = (images[index % len(images)] for index in range(number))
        answers = list(pool.map(lambda image: server.ask(CROPS, image), asked))
    read = [answer for answer in answers if answer.status == 200]
    busy = [answer for answer in answers if answer.status == 503]
    later = server.ask(CROPS, crops()[0])
    return {
        f"{number} at once, read": len(read),
        f"{number} at once, turned away (503)": len(busy),
        f"{number} at once, turned away with Retry-After": sum(bool(a.retry_after) for a in busy),
        f"{number} at once, lost": number - len(read) - len(busy),
        f"{number} at once, last answer, s": max(answer.seconds for answer in answers),
        f"{number} at once, server reads afterwards": float(later.status == 200),
    }


def crops() -> list[bytes]:
    """The sample lines."""
    return [path.read_bytes() for path in sorted(SAMPLES.glob("*.png"))]


def _children(pid: int) -> list[int]:
    files = Path(f"/proc/{pid}/task").glob("*/children")
    return [int(number) for file in files for number in file.read_text().split()]


def _processor_seconds(pid: int) -> float:
    fields = Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()
    return (int(fields[11]) + int(fields[12])) / os.sysconf("SC_CLK_TCK")


def _megabytes(pid: int) -> float:
    pages = int(Path(f"/proc/{pid}/statm").read_text().split()[1])
    return pages * os.sysconf("SC_PAGE_SIZE") / 1e6


def main() -> None:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawTextHelpFormatter
    )
    parser.add_argument("--rate", type=float, default=20.0)
    parser.add_argument("--seconds", type=float, default=30.0)
    parser.add_argument("--starts", type=int, default=3)
    parser.add_argument("--workers", type=int)
    given = parser.parse_args()
    options = ["--workers", str(given.workers)] if given.workers else []
    found = measure_start(options, given.starts)
    with running(options) as (server, _):
        server.ask(CROPS, crops()[0])
        measures: list[Callable[[], dict[str, float]]] = [
            lambda: measure_lines(server, given.rate, given.seconds),
            lambda: measure_page(server),
            lambda: measure_overload(server),
        ]
        for measure in measures:
            found |= measure()
    rows = [{"measure": name, "value": round(value, 3)} for name, value in found.items()]
    for row in rows:
        print(f"{row['measure']:<50} {row['value']:>10}")

    from measuring import write_csv  # imports torch

    write_csv("serve", rows)


if __name__ == "__main__":
    main()
