"""Files are read by several processes, of which some die."""

import os
import signal
import subprocess
import sys
import time
from contextlib import closing
from pathlib import Path

import pytest

from isotrope.jobs.work import Item
from isotrope.jobs.workers import AHEAD, Workers, cores

ROOT = Path(__file__).parents[2]


@pytest.fixture
def fake_work(monkeypatch, tmp_path):
    """Makes work that other processes can import."""
    monkeypatch.syspath_prepend(ROOT)
    from tests.jobs.fakes import FakeWork

    return lambda **options: FakeWork(tmp_path, **options)


def items(*names):
    return (Item(Path(name), Path(name)) for name in names)


def read(work, count, *names):
    """The results and problems of each file, in order."""
    files = []
    with closing(Workers(work, count, lambda _: None)) as workers:
        for answer in workers.answers(items(*names)):
            if answer is None:
                continue
            item, event = answer
            if not files or files[-1][0] != str(item.path):
                files.append((str(item.path), []))
            if event.kind != "end":
                files[-1][1].append(event.value)
    return files


def plain(*names):
    return [(name, [f"{name} 0"]) for name in names]


def test_results_are_in_the_order_of_the_files(fake_work, tmp_path):
    names = [f"{number}{'slow' if number % 7 == 0 else ''}" for number in range(40)]
    assert read(fake_work(), 3, *names) == plain(*names)
    started = list(tmp_path.glob("pid-*"))
    assert 1 <= len(started) <= 3
    assert {path.read_text() for path in started} == {str(max(1, cores() // 3))}


def test_a_file_that_kills_its_process_is_tried_twice(fake_work, tmp_path):
    names = ["a", "b", "deadly", "c", *"defghijk"]
    files = dict(read(fake_work(), 2, *names))
    (problem,) = files.pop("deadly")
    assert problem.startswith("deadly: reading it has twice ended the process (SIGKILL); it may")
    assert list(files.items()) == plain(*(name for name in names if name != "deadly"))
    assert (tmp_path / "deadly").read_text() == "xx"


def test_a_file_whose_process_dies_once_is_read(fake_work):
    names = ["a", "once-1", "b", "book-once", "c"]
    files = dict(read(fake_work(size=1), 2, *names))
    assert files["once-1"] == ["once-1 0"]
    assert files["book-once"] == [f"book-once {page}" for page in range(300)], "each page once"
    assert list(files) == names


def test_an_error_of_the_engine_is_raised_in_its_turn(fake_work):
    with closing(Workers(fake_work(size=1), 2, lambda _: None)) as workers:
        answers = workers.answers(items("slow", "error", "b"))
        first = [next(answers) for _ in range(3)]
        assert [answer and str(answer[0].path) for answer in first] == ["slow", "slow", None]
        with pytest.raises(ValueError, match="error: the engine is broken"):
            next(answers)


def test_what_cannot_be_loaded_is_raised(fake_work):
    with pytest.raises(ModuleNotFoundError, match="skia"):
        read(fake_work(ending="error"), 2, "a")
    with pytest.raises(ValueError, match=r"process to read with has ended at its start \(SIGKILL"):
        read(fake_work(ending="kill"), 2, "a")


def test_few_files_are_taken_ahead_and_a_book_waits(fake_work):
    taken, left = [], []

    def source():
        for item in items("slow", *(f"book-{number}" for number in range(50))):
            taken.append(item)
            yield item

    with closing(Workers(fake_work(size=1), 2, lambda _: None)) as workers:
        for answer in workers.answers(source()):
            if answer is None:
                left.append(1)
                assert len(taken) - len(left) <= AHEAD * 2
                held = [len(task.events) for task in workers._queue if not task.done]
                assert sum(held) < 700
    assert len(left) == 51


def test_workers_end_with_a_parent_that_is_killed(fake_work, tmp_path):
    code = (
        "from pathlib import Path; from isotrope.jobs.work import Item; import sys\n"
        "from isotrope.jobs.workers import Workers; from tests.jobs.fakes import FakeWork\n"
        "items = (Item(Path(f'slow-{n}'), Path('x')) for n in range(10**6))\n"
        "work = FakeWork(Path(sys.argv[1]), 100)\n"
        "for _ in Workers(work, 2, lambda _: None).answers(items): pass\n"
    )
    path = os.pathsep.join([str(ROOT), *filter(None, [os.environ.get("PYTHONPATH")])])
    command = [sys.executable, "-c", code, str(tmp_path)]
    parent = subprocess.Popen(command, env=os.environ | {"PYTHONPATH": path})
    try:
        pids = _until(lambda: [p.name[4:] for p in tmp_path.glob("pid-*")], 2)
    finally:
        parent.send_signal(signal.SIGKILL)
        parent.wait()
    _until(lambda: [pid for pid in pids if not _lives(pid)], 2)


def _lives(pid):
    try:
        return "State:\tZ" not in Path(f"/proc/{pid}/status").read_text()
    except (FileNotFoundError, ProcessLookupError):  # it goes before the file is opened, or after
        return False


def _until(ask, count, seconds=60):
    end = time.monotonic() + seconds
    while len(found := ask()) < count:
        assert time.monotonic() < end
        time.sleep(0.05)
    return found
