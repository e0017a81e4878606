"""A journal, and an output that grows: cut anywhere, each file is there once in the end."""

import json
import os
import shutil
import subprocess
import sys

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from isotrope.jobs.appended import part_of
from isotrope.jobs.errors import JournalError
from isotrope.jobs.journal import Journal

NAMES = [f"{number}{'x' if number % 5 == 2 else ''}.png" for number in range(12)]
GOOD = [name for name in NAMES if "x" not in name]


def whole(run):
    return json.loads(run.target.read_text())


def test_a_run_without_interruption(made_up):
    run = made_up(*NAMES)
    run.run()
    assert whole(run) == GOOD
    assert run.report.problems == ["2x.png: bad", "7x.png: bad"]
    assert not part_of(run.target).exists()
    assert run.made.journal.failures == 2


@settings(
    max_examples=60, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture]
)
@given(
    until=st.integers(1, 11),
    size=st.integers(1, 5),
    cut=st.floats(0, 1),
    more=st.integers(0, 60),
    junk=st.sampled_from([b"", b"\0" * 7, b'{"done": ["0.png', b'"half']),
)
def test_cut_at_any_byte_each_file_is_there_once(tmp_path, made_up, until, size, cut, more, junk):
    for path in tmp_path.iterdir():
        path.unlink()
    run = made_up(*NAMES, size=size)
    run.run(until=until)
    journal, part = tmp_path / "out.json.journal", part_of(run.target)
    # Anything after what a line of the journal speaks of may be lost, in both files.
    kept = round(cut * journal.stat().st_size)
    os.truncate(journal, kept)
    lines = journal.read_bytes().split(b"\n")[:-1]
    offset = json.loads(lines[-1]).get("offset", 0) if lines else 0
    os.truncate(part, min(part.stat().st_size, offset + more))
    for path in (journal, part):
        with path.open("ab") as file:
            file.write(junk)
    if not lines and junk and not b'{"isotrope": '.startswith(journal.read_bytes()[:13]):
        return  # a file that starts otherwise is not known to be ours
    run.run(resume=True)
    assert whole(run) == GOOD
    done = [name for line in lines[1:] for name in map(os.path.basename, json.loads(line)["done"])]
    failed = [os.path.basename(n) for line in lines[1:] for n, _ in json.loads(line)["failed"]]
    assert sorted(done + failed + run.asked) == sorted(NAMES), "each is read once"


def test_an_output_that_has_lost_its_end_is_read_again(made_up):
    run = made_up(*NAMES)
    run.run(until=9)
    part = part_of(run.target)
    os.truncate(part, part.stat().st_size // 2)
    run.run(resume=True)
    assert whole(run) == GOOD
    assert 3 < len(run.asked) < 12


def test_files_are_known_by_their_place(made_up, tmp_path, monkeypatch):
    run = made_up(*NAMES)
    run.run(until=9)
    (tmp_path / "below").mkdir()
    monkeypatch.chdir("below")
    run.names = [tmp_path / "below" / ".." / name for name in NAMES]
    run.run(resume=True)
    assert whole(run) == GOOD


def test_failed_files_are_passed_over_or_read_again(made_up):
    run = made_up(*NAMES)
    run.run()
    run.run(resume=True)
    assert run.asked == []
    assert run.made.journal.failures == 2
    run.run(resume=True, retry=True)
    assert run.asked == ["2x.png", "7x.png"]
    assert run.made.journal.failures == 2
    assert whole(run) == GOOD
    run.bad = "7"
    run.run(resume=True, retry=True)
    assert run.made.journal.failures == 1
    assert whole(run) == [*GOOD, "2x.png"]
    run.run(resume=True, retry=True)
    assert run.asked == ["7x.png"]


def test_new_files_are_added_to_a_finished_output(made_up):
    run = made_up(*NAMES)
    run.run()
    before = run.target.read_bytes()
    run.run(resume=True)
    assert run.target.read_bytes() == before
    run.names = ["a.png", *NAMES, "b.png"]
    run.run(resume=True)
    assert run.asked == ["a.png", "b.png"]
    assert whole(run) == [*GOOD, "a.png", "b.png"]


def test_a_kill_between_the_end_and_the_move(made_up):
    run = made_up(*NAMES)
    run.run()
    shutil.move(run.target, part_of(run.target))
    run.run(resume=True)
    assert whole(run) == GOOD
    assert run.asked == []


def test_what_is_refused(made_up, tmp_path):
    run = made_up(*NAMES)
    run.run(until=9)
    path = tmp_path / "out.json.journal"
    with pytest.raises(JournalError, match=r"interrupted; go on with it by --resume, or delete it"):
        run.run()
    with pytest.raises(JournalError, match="was started with --format json, not --format text"):
        Journal(path, {"--format": "text"}, resume=True)
    with pytest.raises(JournalError, match=r"started with no --turns, not --turns; give the same"):
        Journal(path, {"--format": "json", "--turns": True}, resume=True)
    part_of(run.target).unlink()
    with pytest.raises(JournalError, match=r"out.json.part: is gone, with what was read; delete"):
        run.run(resume=True)
    path.write_text("a letter to my aunt\n")
    with pytest.raises(JournalError, match="not a journal of isotrope; move it elsewhere"):
        run.run()
    assert path.read_text() == "a letter to my aunt\n"


def test_a_finished_output_that_was_changed_is_refused(made_up):
    run = made_up(*NAMES)
    run.run()
    with run.target.open("a") as file:
        file.write("mine\n")
    with pytest.raises(JournalError, match="was changed after it was finished; delete"):
        run.run(resume=True)


def test_a_plain_run_starts_anew_after_a_finished_one(made_up):
    run = made_up(*NAMES)
    run.run()
    run.run()
    assert whole(run) == GOOD
    assert len(run.asked) == 12


def test_two_processes_on_one_journal(made_up, tmp_path):
    code = (
        "import sys; from pathlib import Path; from isotrope.jobs.journal import Journal; "
        "journal = Journal(Path('j'), {}); print('locked', flush=True); sys.stdin.read()"
    )
    other = subprocess.Popen(
        [sys.executable, "-c", code], stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True
    )
    with other:
        assert other.stdout.readline() == "locked\n"
        with pytest.raises(JournalError, match="j: another process is at work with this journal"):
            Journal(tmp_path / "j", {}, resume=True)
        other.stdin.close()
    Journal(tmp_path / "j", {}, resume=True).remove()
    assert not (tmp_path / "j").exists()
