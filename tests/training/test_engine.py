"""The training engine: learning, resuming exactly, on another machine, and refusing to."""

from __future__ import annotations

import copy
import csv

import pytest
import torch
from torch import nn

pytest.importorskip("lightning", reason="training runs on Lightning Fabric")

from isotrope.data.stream import GroupStream
from isotrope.training.engine import Engine, RunConfig

pytestmark = pytest.mark.filterwarnings("ignore::UserWarning:lightning")


class Number:
    """A sample: one number, and what the model should make of it."""

    def __init__(self, value: float) -> None:
        self.value = self.extent = value


class Doubling:
    """Learns `y = 2 x + 1`; remembers which numbers it was shown."""

    def __init__(self, group: int = 8, parts: int = 2) -> None:
        torch.manual_seed(0)
        self.model = nn.Linear(1, 1)
        self.group, self.parts = group, parts
        self.seen: list[float] = []
        self.begun: list[int] = []
        self.saved: list[nn.Module] = []
        self.rates: list[float] = []

    def stream(self, start, rank, ranks):
        self.begun.append(start)
        return GroupStream(
            lambda rng: Number(float(rng.normal())),
            lambda samples: {"x": torch.tensor([[s.value] for s in samples])},
            self.group,
            self.parts,
            start=start,
            rank=rank,
            ranks=ranks,
        )

    def finish(self, batch):
        assert set(batch) == {"x"}  # once
        return batch | {"y": 2 * batch["x"] + 1}

    def loss(self, model, batch):
        self.seen += batch["x"].flatten().tolist()
        missed = (model(batch["x"]) - batch["y"]).square().mean()
        return {"loss": missed}

    def after_step(self, model, learning_rate):
        self.rates.append(learning_rate)

    @torch.no_grad()
    def validate(self, model):
        return {"score": -float((model.weight - 2).abs() + (model.bias - 1).abs())}

    def save(self, model, folder):
        self.saved.append(model)
        with torch.no_grad():
            model.weight.zero_()  # as if it were moved and rounded


def config(**changes) -> RunConfig:
    given = {"examples": 64, "learning_rate": 0.1, "workers": 0, "precision": "32-true"}
    return RunConfig(**(given | {"ema": 0.5, "validate_minutes": 1e9} | changes))


def run(out, task=None, recipe=None, **changes):
    task = task or Doubling()
    engine = Engine(task, config(**changes), out, recipe)
    engine.fit()
    return engine, task


def weights(engine) -> list[float]:
    return [float(p.detach()) for p in engine.task.model.parameters()]


def test_it_learns_and_writes_what_it_promises(tmp_path):
    engine, _ = run(tmp_path, examples=1600)
    assert engine.task.validate(engine.average.module)["score"] > -0.1
    assert {p.name for p in tmp_path.iterdir()} == {"checkpoint.pt", "log.csv"}
    with (tmp_path / "log.csv").open() as file:
        (row,) = csv.DictReader(file)
    assert int(row["examples"]) == engine.examples == 1600


def test_a_run_that_was_cut_off_ends_as_one_that_was_not(tmp_path):
    class Broken(Doubling):
        def loss(self, model, batch):
            if len(self.seen) == 36:  # within the fifth group
                raise KeyboardInterrupt
            return super().loss(model, batch)

    whole, shown = run(tmp_path / "whole")
    with pytest.raises(KeyboardInterrupt):
        run(tmp_path / "broken", Broken(), save_minutes=0)
    second, after = run(tmp_path / "broken")
    assert after.begun[-1] == 4
    assert after.seen == shown.seen[32:]
    assert weights(second) == weights(whole)
    assert second.examples == whole.examples == 64


@pytest.mark.parametrize(
    ("group", "parts", "start"), [(8, 4, 3), (16, 2, 2), (20, 4, 2), (512, 8, 1)]
)
def test_groups_of_another_size_go_on_behind_what_was_seen(tmp_path, group, parts, start):
    run(tmp_path, examples=24)
    engine, task = run(
        tmp_path,
        Doubling(group, parts),
        {"group": group, "parts": parts},
        examples=24 + group,
        learning_rate=0.2,
        ema=0.9,
        workers=0,
    )
    assert task.begun[-1] == start
    assert start * group >= 24
    assert engine.examples == 24 + group


def test_what_may_change_is_accepted_and_the_rest_refused(tmp_path):
    run(tmp_path, recipe={"group": 8, "width": 3})
    run(tmp_path, recipe={"group": 16, "width": 3}, examples=96)
    with pytest.raises(ValueError, match="width differs"):
        Engine(Doubling(), config(), tmp_path, {"group": 8, "width": 4})
    with pytest.raises(ValueError, match="clip differs"):
        Engine(Doubling(), config(clip=2.0), tmp_path, {"group": 8, "width": 3})


def test_a_schedule_that_begins_anew_counts_from_there(tmp_path):
    run(tmp_path)
    ended, idle = run(tmp_path)
    assert ended.progress == 1
    assert idle.seen == []
    again, shown = run(tmp_path, anew=True, examples=32)
    assert len(shown.seen) == 32
    assert again.examples == 96
    # What is left of the second schedule is what a resume without `anew` trains.
    on, more = run(tmp_path, examples=48)
    assert len(more.seen) == 16
    assert on.begun == (64, pytest.approx(on.begun[1]))


def test_minutes_end_a_run_too(tmp_path):
    engine, task = run(tmp_path, examples=10**9, minutes=1e-9)
    assert len(task.seen) == 8  # a group
    assert engine.progress == 1


def test_reports_are_numbers_of_every_tenth_step(tmp_path):
    rows = []
    Engine(Doubling(8, 8), config(), tmp_path).fit(rows.append)
    assert [row["examples"] for row in rows] == [1, 11, 21, 31, 41, 51, 61]
    assert all(type(row["loss"]) is float for row in rows)


def test_saving_does_not_touch_the_average(tmp_path):
    engine, task = run(tmp_path)
    (saved,) = task.saved
    assert saved is not engine.average.module
    assert saved.weight.item() == 0 != engine.average.module.weight.item()


def test_a_failed_validation_costs_no_step(tmp_path):
    class Failing(Doubling):
        def validate(self, model):
            raise RuntimeError("no exporter")

    with pytest.raises(RuntimeError, match="no exporter"):
        run(tmp_path, Failing())
    assert Engine(Doubling(), config(), tmp_path).examples == 64


def test_the_task_has_its_say_after_each_step(tmp_path):
    task = Doubling()
    run(tmp_path, task)
    assert len(task.rates) == 64 // 4
    assert 0 <= task.rates[-1] < max(task.rates) <= 0.1


@pytest.mark.parametrize("content", [b"", b"not a checkpoint"])
def test_a_broken_checkpoint_is_named(tmp_path, content):
    (tmp_path / "checkpoint.pt").write_bytes(content)
    with pytest.raises(ValueError, match=r"checkpoint\.pt is broken"):
        Engine(Doubling(), config(), tmp_path)


def test_moments_survive_a_resume(tmp_path):
    engine, _ = run(tmp_path)
    before = copy.deepcopy(engine.optimizer.state_dict()["state"])
    after = Engine(Doubling(), config(), tmp_path).optimizer.state_dict()["state"]
    for number, moments in before.items():
        for name, value in moments.items():
            assert torch.equal(torch.as_tensor(value), torch.as_tensor(after[number][name]))


def test_a_checkpoint_may_come_without_moments(tmp_path):
    run(tmp_path)
    state = torch.load(tmp_path / "checkpoint.pt", weights_only=True)
    del state["optimizer"]
    torch.save(state, tmp_path / "checkpoint.pt")
    engine, task = run(tmp_path, anew=True)
    assert len(task.seen) == 64
    assert engine.examples == 128
