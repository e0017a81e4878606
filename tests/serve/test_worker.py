"""A worker, as its server sees it."""

import os
import signal

import pytest

from isotrope.serve.job import Choice, File, Job, PictureJob, Setup
from isotrope.serve.limits import Limits, Refusal
from isotrope.serve.worker import Worker, WorkerDied

from .conftest import CROP, TEXT, image, until

SETUP = Setup(Choice("isotrope"), Limits(pixels=100_000))
JOB = Job([File("a.png", CROP.read_bytes())], Choice("isotrope"), "text", crops=True)


@pytest.fixture(scope="module")
def worker():
    worker = Worker(SETUP)
    worker.wait()
    yield worker
    worker.close()


def test_it_answers_one_request_after_the_other(worker):
    for _ in range(2):
        answer = worker.ask(JOB, 60)
        assert (answer.body.decode(), answer.name, answer.pages) == (f"{TEXT}\n", "a.txt", 1)
    picture = worker.ask(PictureJob(image()), 60)
    assert (picture.media_type, picture.of) == ("image/png", 1)


def test_it_goes_on_after_a_refusal(worker):
    with pytest.raises(Refusal) as refusal:
        worker.ask(PictureJob(image((400, 400))), 60)
    assert refusal.value.status == 422
    with pytest.raises(Refusal, match="nope: no such adapter") as refusal:
        worker.ask(Job(JOB.files, Choice("isotrope", "nope")), 60)
    assert refusal.value.status == 422
    assert worker.ask(JOB, 60).pages == 1


def test_a_failure_of_the_reader_is_a_refusal(worker, capfd):
    with pytest.raises(Refusal) as refusal:
        worker.ask(Job(None, Choice("isotrope")), 60)  # no files at all
    assert refusal.value.status == 500
    assert refusal.value.problem == "the reader failed (TypeError); report it"


def test_one_that_takes_too_long_is_ended():
    worker = Worker(SETUP)
    try:
        worker.wait()
        assert worker.pid
        os.kill(worker.pid, signal.SIGSTOP)
        large = Job([File("a.png", bytes(4 << 20))], Choice("isotrope"))  # more than a pipe holds
        with pytest.raises(TimeoutError):
            worker.ask(large, 0.3)
        until(lambda: not worker.lives)
    finally:
        worker.close()


def test_how_one_has_ended_is_told_though_another_thread_was_told_first(monkeypatch):
    wait, calls = os.waitpid, []

    def told(*given):
        calls.append(given)
        if len(calls) <= 3:
            raise ChildProcessError
        return wait(*given)

    worker = Worker(SETUP)
    try:
        worker.wait()
        monkeypatch.setattr(os, "waitpid", told)
        worker.end()
        with pytest.raises(WorkerDied, match="SIGKILL"):
            worker.ask(JOB, 60)
    finally:
        worker.close()


def test_one_that_cannot_load_says_why():
    worker = Worker(Setup(Choice("isotrope", "nope"), Limits()))
    try:
        with pytest.raises(ValueError, match="nope: no such adapter"):
            worker.wait()
    finally:
        worker.close()


@pytest.mark.parametrize(
    ("status", "line"),
    [
        (-9, "was ended by SIGKILL"),
        (1, "ended with status 1"),
        (-999, "ended with status -999"),
        (None, "ended with status None"),
    ],
)
def test_what_is_said_of_one_that_died(status, line):
    assert str(WorkerDied(status)) == line
