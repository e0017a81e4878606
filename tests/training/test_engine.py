"""The training engine: learning, resuming exactly, on another machine, and refusing to."""

from __future__ import annotations

import copy
import csv
import math
from dataclasses import replace
from typing import ClassVar

import pytest
import torch
from torch import nn

pytest.importorskip("lightning", reason="training runs on Lightning Fabric")

from isotrope.models.presets import preset
from isotrope.models.vit import EquivariantViT
from isotrope.training.devices import synchronized
from isotrope.training.engine import Engine
from isotrope.training.recipe import Fields, Recipe
from isotrope.training.task import GroupedTask

pytestmark = pytest.mark.filterwarnings("ignore::UserWarning:lightning")


class Number:
    """A sample: one number, and what the model should make of it."""

    def __init__(self, value: float) -> None:
        self.value = self.extent = value


class Data(Fields):
    """`group` may change, `width` may not."""

    group: int = 8
    width: int = 3


class Small(Recipe):
    data: Data = Data()

    may_change: ClassVar = (*Recipe.may_change, "data.group")


class Doubling(GroupedTask):
    """Learns `y = 2 x + 1`; remembers which numbers it was shown."""

    def __init__(self, group: int = 8, parts: int = 2) -> None:
        torch.manual_seed(0)
        super().__init__(nn.Linear(1, 1), group, parts)
        self.seen: list[float] = []
        self.begun: list[int] = []
        self.written: list[nn.Module] = []
        self.rates: list[float] = []

    def stream(self, start, rank, ranks):
        self.begun.append(start)
        return super().stream(start, rank, ranks)

    def draw(self, rng):
        return Number(float(rng.normal()))

    def collate(self, samples):
        return {"x": torch.tensor([[s.value] for s in samples])}

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
        self.written.append(model)
        with torch.no_grad():
            model.weight.zero_()  # as if it were moved and rounded


GIVEN = {
    "optimizer.learning_rate": 0.1,
    "optimizer.ema": 0.5,
    "schedule.examples": 64,
    "run.workers": 0,
    "run.precision": "32-true",
    "run.validate_minutes": None,
}


def recipe(**changes) -> Small:
    """A recipe; `schedule_examples=3` is `schedule.examples=3`."""
    values: dict = {}
    given = GIVEN | {name.replace("_", ".", 1): value for name, value in changes.items()}
    for name, value in given.items():
        group, _, field = name.partition(".")
        values.setdefault(group, {})[field] = value
    return Small.model_validate(values)


def run(out, task=None, **changes):
    task = task or Doubling()
    engine = Engine(task, recipe(**changes), out)
    engine.fit()
    return engine, task


def weights(engine) -> list[float]:
    return [float(p.detach()) for p in engine.task.model.parameters()]


def test_it_learns_and_writes_what_it_promises(tmp_path):
    engine, _ = run(tmp_path, schedule_examples=1600)
    assert engine.task.validate(engine.average.module)["score"] > -0.1
    assert {p.name for p in tmp_path.iterdir()} == {"checkpoint.pt", "log.csv"}
    with (tmp_path / "log.csv").open() as file:
        (row,) = csv.DictReader(file)
    assert int(row["examples"]) == engine.examples == 1600


def test_some_parameters_learn_faster(tmp_path):
    """Adam's first step is as long as the learning rate."""
    begun = [float(p.detach()) for p in Doubling().model.parameters()]
    task = Doubling(parts=1)
    task.faster = {"bias": 3.0}
    engine, _ = run(tmp_path, task, schedule_examples=8, optimizer_clip=100.0)
    weight, bias = (
        abs(after - before) for after, before in zip(weights(engine), begun, strict=True)
    )
    assert bias == pytest.approx(3 * weight, rel=1e-3)


def test_a_run_that_was_cut_off_ends_as_one_that_was_not(tmp_path):
    class Broken(Doubling):
        def loss(self, model, batch):
            if len(self.seen) == 36:  # within the fifth group
                raise KeyboardInterrupt
            return super().loss(model, batch)

    whole, shown = run(tmp_path / "whole")
    with pytest.raises(KeyboardInterrupt):
        run(tmp_path / "broken", Broken(), run_save_minutes=0)
    second, after = run(tmp_path / "broken")
    assert after.begun[-1] == 4
    assert after.seen == shown.seen[32:]
    assert weights(second) == weights(whole)
    assert second.examples == whole.examples == 64


@pytest.mark.parametrize(
    ("group", "parts", "start"), [(8, 4, 3), (16, 2, 2), (20, 4, 2), (512, 8, 1)]
)
def test_groups_of_another_size_go_on_behind_what_was_seen(tmp_path, group, parts, start):
    run(tmp_path, schedule_examples=24)
    engine, task = run(
        tmp_path,
        Doubling(group, parts),
        data_group=group,
        schedule_examples=24 + group,
        optimizer_learning_rate=0.2,
        optimizer_ema=0.9,
    )
    assert task.begun[-1] == start
    assert start * group >= 24
    assert engine.examples == 24 + group


def test_what_may_change_is_accepted_and_the_rest_refused(tmp_path):
    run(tmp_path)
    run(tmp_path, data_group=16, schedule_examples=96)
    with pytest.raises(ValueError, match=r"other data: data\.width was 3 and is 4;"):
        Engine(Doubling(), recipe(data_width=4), tmp_path)
    with pytest.raises(ValueError, match=r"optimizer\.clip was 1\.0 and is 2\.0; give those"):
        Engine(Doubling(), recipe(optimizer_clip=2.0), tmp_path)
    other = Doubling()
    other.made_of = {"images": "a7"}
    with pytest.raises(ValueError, match=r"images was None and is 'a7'"):
        Engine(other, recipe(), tmp_path)


def test_a_schedule_that_begins_anew_counts_from_there(tmp_path):
    run(tmp_path)
    ended, idle = run(tmp_path)
    assert ended.progress == 1
    assert idle.seen == []
    again, shown = run(tmp_path, schedule_anew=True, schedule_examples=32)
    assert len(shown.seen) == 32
    assert again.examples == 96
    # What is left of the second schedule is what a resume without `anew` trains.
    on, more = run(tmp_path, schedule_examples=48)
    assert len(more.seen) == 16
    assert on.pace.begun == (64, pytest.approx(on.pace.begun[1]))


def test_minutes_end_a_run_too(tmp_path):
    engine, task = run(tmp_path, schedule_examples=10**9, schedule_minutes=1e-9)
    assert len(task.seen) == 8  # a group
    assert engine.progress == 1


def test_reports_are_numbers_of_every_tenth_step(tmp_path):
    rows = []
    Engine(Doubling(8, 8), recipe(), tmp_path).fit(rows.append)
    assert [row["examples"] for row in rows] == [1, 11, 21, 31, 41, 51, 61]
    assert all(type(row["loss"]) is float for row in rows)


def test_saving_does_not_touch_the_average(tmp_path):
    engine, task = run(tmp_path)
    (saved,) = task.written
    assert saved is not engine.average.module
    assert saved.weight.item() == 0 != engine.average.module.weight.item()


def test_a_failed_validation_costs_no_step(tmp_path):
    class Failing(Doubling):
        def validate(self, model):
            raise RuntimeError("no exporter")

    with pytest.raises(RuntimeError, match="no exporter"):
        run(tmp_path, Failing())
    assert Engine(Doubling(), recipe(), tmp_path).examples == 64


def test_the_task_has_its_say_after_each_step(tmp_path):
    task = Doubling()
    run(tmp_path, task)
    assert len(task.rates) == 64 // 4
    assert 0 <= task.rates[-1] < max(task.rates) <= 0.1


@pytest.mark.parametrize("content", [b"", b"not a checkpoint"])
def test_a_broken_checkpoint_is_named(tmp_path, content):
    (tmp_path / "checkpoint.pt").write_bytes(content)
    with pytest.raises(ValueError, match=r"checkpoint\.pt is broken"):
        Engine(Doubling(), recipe(), tmp_path)


def test_moments_survive_a_resume(tmp_path):
    engine, _ = run(tmp_path)
    before = copy.deepcopy(engine.optimizer.state_dict()["state"])
    after = Engine(Doubling(), recipe(), tmp_path).optimizer.state_dict()["state"]
    for number, moments in before.items():
        for name, value in moments.items():
            assert torch.equal(torch.as_tensor(value), torch.as_tensor(after[number][name]))


def test_a_checkpoint_of_an_earlier_version_is_refused(tmp_path):
    torch.save({"model": {}, "config": {"clip": 1.0}}, tmp_path / "checkpoint.pt")
    with pytest.raises(ValueError, match="is of an earlier version of isotrope; remove it"):
        Engine(Doubling(), recipe(), tmp_path)


def test_a_checkpoint_may_come_without_moments(tmp_path):
    run(tmp_path)
    state = torch.load(tmp_path / "checkpoint.pt", weights_only=True)
    del state["optimizer"]
    torch.save(state, tmp_path / "checkpoint.pt")
    engine, task = run(tmp_path, schedule_anew=True)
    assert len(task.seen) == 64
    assert engine.examples == 128


def test_batch_norms_are_synchronized_between_gpus():
    def norms(ranks, device):
        config = preset("cnn", 28, "C4", in_channels=1, classes=2)
        model = EquivariantViT(replace(config, norm="batch"))
        state = list(model.state_dict())
        model = synchronized(model, ranks, torch.device(device))
        assert list(model.state_dict()) == state
        return {type(m) for m in model.modules() if isinstance(m, nn.modules.batchnorm._BatchNorm)}

    assert norms(2, "cuda") == {nn.SyncBatchNorm}
    for ranks, device in ((1, "cuda"), (2, "cpu")):
        assert nn.SyncBatchNorm not in norms(ranks, device)


def test_a_run_may_be_validated_before_its_first_step_and_by_count(tmp_path):
    engine, _ = run(tmp_path, run_validate_first=True, run_validate_examples=32)
    assert [row["examples"] for row in engine.rows] == [0, 32, 64]
    assert "train_loss" not in engine.rows[0]


def test_a_run_that_does_not_get_better_ends(tmp_path):
    class Stuck(Doubling):
        def validate(self, model):
            return {"score": -1.0}

    engine, task = run(tmp_path, Stuck(), run_validate_examples=8, run_patience=2)
    assert [row["examples"] for row in engine.rows] == [8, 16, 24]
    assert len(task.seen) == 24
    again, idle = run(tmp_path, Stuck(), run_validate_examples=8, run_patience=2)
    assert idle.seen == []
    assert again.rows == engine.rows


def test_the_logged_loss_is_the_mean_since_the_last_validation_and_survives_a_kill(tmp_path):
    class Broken(Doubling):
        def after_step(self, model, learning_rate):
            super().after_step(model, learning_rate)
            if len(self.rates) == 12:
                raise KeyboardInterrupt

    whole, _ = run(tmp_path / "whole", run_validate_examples=64)
    with pytest.raises(KeyboardInterrupt):
        run(tmp_path / "broken", Broken(), run_save_minutes=0)
    resumed, _ = run(tmp_path / "broken")
    assert resumed.rows[0]["train_loss"] == whole.rows[0]["train_loss"]


def test_dropout_is_the_same_after_a_resume(tmp_path):
    class Dropping(Doubling):
        def __init__(self):
            super().__init__()
            self.drawn = []

        def loss(self, model, batch):
            self.drawn.append(float(torch.rand(())))
            return super().loss(model, batch)

    _, whole = run(tmp_path / "whole", Dropping())
    run(tmp_path / "part", Dropping(), schedule_examples=32)
    _, rest = run(tmp_path / "part", Dropping())
    assert rest.drawn == whole.drawn[8:]
    assert len(set(whole.drawn)) == 16


def test_the_time_left_is_reported(tmp_path):
    rows = []
    Engine(Doubling(8, 8), recipe(schedule_minutes=5.0), tmp_path).fit(rows.append)
    assert all(0 <= row["left"] <= 300 for row in rows)
    assert rows[-1]["progress"] > rows[0]["progress"]


def test_batches_that_are_accumulated_make_one_step(tmp_path):
    plain, shown = run(tmp_path / "plain")
    engine, task = run(tmp_path / "more", run_accumulate=2)
    assert sorted(task.seen) == sorted(shown.seen)
    assert len(task.rates) == 8
    assert engine.examples == plain.examples == 64
    rest, after = run(tmp_path / "more", run_accumulate=4, schedule_examples=96)
    assert rest.examples == 96
    assert len(after.seen) == 32


def test_a_task_without_blocks_is_not_treated_block_by_block(tmp_path):
    for field, value in (("compile", True), ("recompute", True), ("strategy", "fsdp")):
        with pytest.raises(ValueError, match=rf"run\.{field}=.* block by block, .*; leave it out"):
            Engine(Doubling(), recipe(**{f"run_{field}": value}), tmp_path)


def test_a_loss_that_is_lost_ends_the_run_and_spares_the_checkpoint(tmp_path):
    class Lost(Doubling):
        def loss(self, model, batch):
            missed = super().loss(model, batch)["loss"]
            return {"loss": missed * float("nan") if len(self.seen) > 32 else missed}

    with pytest.raises(ValueError, match=r"loss is nan after 40 examples; .*learning_rate"):
        run(tmp_path, Lost(), run_save_minutes=0)
    resumed, _ = run(tmp_path)
    assert all(map(math.isfinite, weights(resumed)))
