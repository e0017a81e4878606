"""A run of `isotrope read` that is killed again and again: nothing is lost, nothing is twice."""

import json
import os
import random
import resource
import signal
import subprocess
import sys
import time
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

SLOW = "0.03"
"""Seconds an image, so that even on a busy machine the set is not done before the last kill."""

HELD = {"SLOW_ENGINE_SECONDS": "0.01", "SLOW_ENGINE_HOLD": "300"}
"""A run that waits half way for a file `go`, so that it is not done before it is stopped."""

ENGINE = Path(__file__).with_name("slow_engine.py")


def pictures(folder, count):
    """Images whose first two pixels are their number; every hundredth is broken."""
    folder.mkdir()
    for number in range(count):
        pixels = np.full((4, 8), 128, np.uint8)
        pixels[0, :2] = divmod(number, 256)
        Image.fromarray(pixels).save(folder / f"{number}.png")
    bad = range(7, count, 100)
    for number in bad:
        (folder / f"{number}.png").write_bytes(b"broken")
    return [number for number in range(count) if number not in bad], list(bad)


def start(*options, **environment):
    command = [sys.executable, str(ENGINE), "read", "--crops", "set", "--batch-size", "4"]
    return subprocess.Popen(
        [*command, "--out", "out.jsonl", "--resume", *options],
        stderr=subprocess.PIPE,
        text=True,
        env=os.environ | environment,
        preexec_fn=lambda: signal.signal(signal.SIGINT, signal.SIG_DFL),  # ignored behind `&`
    )


def kill_at_random(chance, times, *options):
    """Start the run and kill it, so many times; return how often results had been recorded."""
    journal, grown = Path("out.jsonl.journal"), 0
    for _ in range(times):
        before = size(journal)
        run = start(*options, SLOW_ENGINE_SECONDS=SLOW)
        # Most kills come while it reads, one of five while it starts, however long that takes.
        early = chance.random() < 0.2
        while not early and run.poll() is None and size(journal) <= max(before, 200):
            time.sleep(0.002)
        time.sleep(chance.uniform(0, 1 if early else 0.1))
        run.send_signal(chance.choice([signal.SIGKILL] * 8 + [signal.SIGINT, signal.SIGTERM]))
        _, said = run.communicate(timeout=60)
        # Before it listens to signals, they end it as any process.
        assert run.returncode in (-9, -15, -2, 130, 143, 1), said
        assert "Traceback" not in said or size(journal) == before
        grown += size(journal) > before
    print(f"{grown} of {times} runs had recorded something")
    return grown


def size(path):
    return path.stat().st_size if path.exists() else 0


def check(good, bad):
    """Each good image is in the output once, and in order; each bad one is in the journal."""
    rows = [json.loads(line) for line in Path("out.jsonl").read_text().splitlines()]
    assert [int(row["text"]) for row in rows] == good
    assert [Path(row["file"]).stem for row in rows] == [str(number) for number in good]
    journal = [json.loads(line) for line in Path("out.jsonl.journal").read_text().splitlines()]
    done = [int(Path(name).stem) for row in journal[1:] for name in row["done"]]
    failed = [int(Path(name).stem) for row in journal[1:] for name, _ in row["failed"]]
    assert (done, failed) == (good, bad)
    assert not Path("out.jsonl.part").exists()


@pytest.mark.parametrize("options", [(), ("--jobs", "2")])
def test_a_few_kills(tmp_path, monkeypatch, options):
    monkeypatch.chdir(tmp_path)
    good, bad = pictures(tmp_path / "set", 200)
    assert kill_at_random(random.Random(1), 5 if not options else 2, *options) >= 1
    last = start(*options)
    _, said = last.communicate()
    assert last.returncode == 1
    assert " failed" in said
    check(good, bad)


@pytest.mark.slow
@pytest.mark.timeout(3600)  # two minutes on a quiet machine
def test_a_hundred_kills(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    good, bad = pictures(tmp_path / "set", 2000)
    chance = random.Random(2)
    grown = kill_at_random(chance, 90) + kill_at_random(chance, 10, "--jobs", "2")
    assert grown > 50
    start().communicate()
    check(good, bad)


@pytest.mark.parametrize(("number", "status"), [(signal.SIGINT, 130), (signal.SIGTERM, 143)])
def test_a_signal_lets_the_batch_end(tmp_path, monkeypatch, number, status):
    monkeypatch.chdir(tmp_path)
    good, bad = pictures(tmp_path / "set", 300)
    run = start(**HELD)
    while size(Path("out.jsonl.journal")) < 300:
        time.sleep(0.01)
    run.send_signal(number)
    Path("go").touch()
    _, said = run.communicate(timeout=60)
    assert run.returncode == status
    last = said.splitlines()[-1]
    assert last.startswith("isotrope: stopped: ")
    assert last.endswith("; the same command with --resume goes on")
    part = Path("out.jsonl.part").read_bytes()
    _header, *lines = map(json.loads, Path("out.jsonl.journal").read_text().splitlines())
    assert lines[-1]["offset"] == len(part), "all that was written is recorded"
    start().communicate()
    check(good, bad)


def test_two_runs_into_one_output(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    good, bad = pictures(tmp_path / "set", 200)
    first = start(**HELD)
    while size(Path("out.jsonl.journal")) < 300:
        time.sleep(0.01)
    first.send_signal(signal.SIGSTOP)
    second = start()
    _, said = second.communicate()
    first.send_signal(signal.SIGCONT)
    Path("go").touch()
    assert "out.jsonl.journal: another process is at work with this journal; wait" in said
    assert second.returncode == 2
    first.communicate()
    check(good, bad)


def test_a_full_disk_is_one_line_and_the_run_goes_on(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    good, bad = pictures(tmp_path / "set", 200)
    soft, hard = resource.getrlimit(resource.RLIMIT_FSIZE)
    try:
        resource.setrlimit(resource.RLIMIT_FSIZE, (10_000, hard))
        full = start()
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, (soft, hard))
    _, said = full.communicate()
    problems = [line for line in said.splitlines() if "7.png" not in line]
    (line,) = [line for line in problems if " files read" not in line]
    assert line.startswith(f"isotrope: {tmp_path}/out.jsonl.part: cannot be written (File too la")
    assert line.endswith("; free some space, then --resume goes on")
    assert full.returncode == 1
    start().communicate()
    check(good, bad)
