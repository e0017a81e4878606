"""The queue and its workers, with workers that are no processes."""

import threading
import time
from typing import ClassVar

import pytest

from isotrope.serve import queue as module
from isotrope.serve.job import Answer, Choice, File, Job, Setup
from isotrope.serve.limits import Limits, Refusal
from isotrope.serve.queue import WorkQueue
from isotrope.serve.worker import WorkerDied

from .conftest import until

JOB = Job([File("a.png", b"")], Choice("isotrope"))


class Fake:
    """A worker that answers when it may; `script` says how those that follow start."""

    script: ClassVar[list] = []
    made: ClassVar[list] = []

    def __init__(self, setup):
        self.lives, self.pid, self.may = True, 1, threading.Event()
        self.outcome = Answer(b"read", "text/plain")
        self.begins = Fake.script.pop(0) if Fake.script else None
        Fake.made.append(self)

    def wait(self):
        if self.begins is not None:
            self.lives = False
            raise self.begins

    def ask(self, job, seconds):
        self.may.wait(10)
        if isinstance(self.outcome, Exception):
            self.lives = isinstance(self.outcome, Refusal)
            raise self.outcome
        return self.outcome

    def end(self):
        self.lives, self.outcome = False, WorkerDied(-9)
        self.may.set()

    close = end


@pytest.fixture
def make(monkeypatch):
    """Queues of fake workers, closed at the end."""
    monkeypatch.setattr(module, "Worker", Fake)
    monkeypatch.setattr(module, "_PAUSES", (0, 0.01))
    monkeypatch.setattr(module, "_LOOK", 0.01)
    monkeypatch.setattr(Fake, "script", [])
    monkeypatch.setattr(Fake, "made", [])
    made = []

    def make(workers=1, script=(), **limits):
        Fake.script.extend(script)
        restarts = []
        queue = WorkQueue(
            Setup(Choice("isotrope"), Limits(**limits)), workers, lambda: restarts.append(1)
        )
        queue.restarts = restarts
        queue.start()
        made.append(queue)
        assert queue.wait(10)
        return queue

    yield make
    for queue in made:
        queue.close()


def test_a_request_is_answered(make):
    queue = make()
    future = queue.put(JOB)
    until(lambda: queue.busy == 1)
    Fake.made[0].may.set()
    assert future.result(10).body == b"read"
    assert queue.busy == 0
    assert queue.seconds > 0


def test_a_place_is_free_again_when_its_client_goes(make):
    queue = make(queue=2)
    queue.put(JOB)
    until(lambda: queue.busy == 1)
    waiting = [queue.put(JOB), queue.put(JOB)]
    with pytest.raises(Refusal) as refusal:
        queue.put(JOB)
    assert refusal.value.status == 503
    assert waiting[1].cancel()
    assert queue.waiting == 1
    last = queue.put(JOB)
    Fake.made[0].may.set()
    assert last.result(10) == waiting[0].result(10)


@pytest.mark.parametrize(("mean", "after"), [(0.001, 1), (3.0, 6), (1e6, 60)])
def test_when_to_come_back_is_how_long_those_take_who_wait(make, mean, after):
    queue = make(queue=2)
    queue.put(JOB)
    until(lambda: queue.busy == 1)
    queue.put(JOB)
    queue.put(JOB)
    queue.seconds = mean
    assert queue.busy_with("full").retry_after == after


@pytest.mark.parametrize(
    ("outcome", "status", "problem"),
    [
        (WorkerDied(-9), 503, "was ended by SIGKILL, as when memory runs out"),
        (WorkerDied(-11), 500, "was ended by SIGSEGV; its files may be broken"),
        (WorkerDied(3), 500, "ended with status 3; its files"),
        (TimeoutError(), 504, "took longer than 7 s"),
        (Refusal(422, "no image"), 422, "no image"),
    ],
)
def test_what_a_request_hears_of_its_worker(make, outcome, status, problem):
    queue = make(seconds=7)
    Fake.made[0].outcome = outcome
    Fake.made[0].may.set()
    error = queue.put(JOB).exception(10)
    assert error.status == status
    assert problem in error.problem
    until(lambda: len(Fake.made) == (1 if status == 422 else 2))
    Fake.made[-1].outcome = Answer(b"again", "text/plain")
    Fake.made[-1].may.set()
    assert queue.put(JOB).result(10).body == b"again"


def test_a_worker_that_ends_while_it_loads_is_started_again(make):
    queue = make(script=[WorkerDied(-9), WorkerDied(-9)])
    assert queue.problem is None
    assert (len(Fake.made), len(queue.restarts)) == (3, 2)


def test_a_reader_that_cannot_be_loaded_is_not_tried_again(make):
    queue = make(script=[ValueError("no weights")])
    assert str(queue.problem) == "no weights"
    assert len(Fake.made) == 1


def test_a_reader_that_was_loaded_once_is_tried_until_it_loads(make):
    queue = make()
    Fake.script.extend([OSError("no more processes")] * 3)
    Fake.made[0].end()
    until(lambda: len(Fake.made) == 5)
    Fake.made[-1].may.set()
    assert queue.put(JOB).result(10).body == b"read"
    assert queue.problem is None


def test_closing_turns_away_what_waits_and_ends_the_workers(make):
    queue = make(workers=2)
    running = [queue.put(JOB), queue.put(JOB)]
    until(lambda: queue.busy == 2)
    waiting = queue.put(JOB)
    began = time.monotonic()
    queue.close()
    assert time.monotonic() - began < 5
    assert waiting.cancelled()
    assert {future.exception().status for future in running} == {503}
    assert not any(worker.lives for worker in Fake.made)
    with pytest.raises(Refusal, match="stopping"):
        queue.put(JOB)


def test_the_other_workers_start_once_the_first_has_loaded(make, monkeypatch):
    may = threading.Event()
    monkeypatch.setattr(Fake, "wait", lambda self: may.wait(10))
    starting = threading.Thread(target=make, args=(3,))
    starting.start()
    until(lambda: Fake.made)
    time.sleep(0.1)
    assert len(Fake.made) == 1
    may.set()
    until(lambda: len(Fake.made) == 3)
    starting.join()


def test_a_queue_that_closes_before_any_worker_has_loaded(monkeypatch):
    monkeypatch.setattr(module, "Worker", Fake)
    monkeypatch.setattr(Fake, "script", [WorkerDied(1)] * 100)
    queue = WorkQueue(Setup(Choice("isotrope"), Limits()), 2)
    queue.start()
    queue.close()
    assert not any(thread.is_alive() for thread in queue._threads)
