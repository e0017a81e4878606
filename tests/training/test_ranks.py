"""Two processes train as one: the same gradients, nothing seen twice or skipped, one writes."""

from __future__ import annotations

import csv
import importlib.util
import os
import shutil
import subprocess
import sys
from pathlib import Path

import pytest
import torch
from torch import nn
from torch.distributed.tensor import DTensor

pytest.importorskip("lightning", reason="training runs on Lightning Fabric")

from isotrope.models.presets import preset
from isotrope.models.vit import EquivariantViT
from isotrope.training.ranks import (
    gathered,
    local,
    make_fabric,
    precision_of,
    scattered,
    scattered_moments,
    shard,
)
from isotrope.training.recipe import RunConfig

SCRIPT = Path(__file__).with_name("ranks_script.py")
TORCHRUN = (sys.executable, "-m", "torch.distributed.run", "--nproc-per-node", "2")
pytestmark = pytest.mark.filterwarnings("ignore::UserWarning:lightning")


@pytest.fixture(scope="module")
def script():
    spec = importlib.util.spec_from_file_location("ranks_script", SCRIPT)
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


@pytest.mark.parametrize(("gpu", "chosen"), [(True, "bf16-mixed"), (False, "32-true")])
def test_precision_goes_by_the_machine_unless_said(monkeypatch, gpu, chosen):
    monkeypatch.setattr(torch.accelerator, "is_available", lambda: gpu)
    assert precision_of(RunConfig(precision="auto")) == chosen
    assert precision_of(RunConfig(precision="64-true")) == "64-true"


@pytest.mark.parametrize("precision", ["16-mixed", "64-true"])
def test_precisions_that_cannot_be_sharded_are_refused(precision):
    run = RunConfig(precision=precision, strategy="fsdp", devices=2)
    with pytest.raises(ValueError, match=rf"precision='{precision}' is not for .*; use bf16-mixed"):
        make_fabric(run)


def start(examples: int, out: Path, *fields: str, launcher=(sys.executable,), ranks: int = 2):
    """Run the script; its exit status and what it wrote to stderr."""
    environment = os.environ | {"CUDA_VISIBLE_DEVICES": "", "OMP_NUM_THREADS": "1"}
    command = [*launcher, str(SCRIPT), str(ranks), str(examples), str(out), *fields]
    done = subprocess.run(command, env=environment, capture_output=True, text=True, timeout=400)
    return done.returncode, done.stderr


def two_ranks(examples: int, out: Path, *fields: str, **how) -> None:
    status, errors = start(examples, out, *fields, **how)
    assert status == 0, errors


def seen(out: Path) -> list[float]:
    return [
        float(line) for path in out.glob("seen-*.txt") for line in path.read_text().splitlines()
    ]


def shown(script, out: Path, groups: range) -> list[float]:
    """The examples of these groups."""
    stream = script.Points(out).stream(0, 0, 1)
    return sorted(float(v) for n in groups for b in stream.group(n).batches for v in b["x"][:, 0])


def moments(out: Path) -> dict:
    """The weights, their average and the optimizer's moments, which are means of gradients.

    AdamW's steps alone would hide a factor of the gradients.
    """
    state = torch.load(out / "checkpoint.pt", weights_only=True)
    names = {"model": state["model"], "average": state["average"], "examples": state["progress"][0]}
    return names | {
        f"{number}.{name}": value
        for number, values in state["optimizer"]["state"].items()
        for name, value in values.items()
    }


def log(out: Path) -> list[dict[str, str]]:
    with (out / "log.csv").open() as file:
        return [{k: v for k, v in row.items() if k != "hours"} for row in csv.DictReader(file)]


@pytest.mark.slow
@pytest.mark.parametrize("strategy", ["ddp", "fsdp"])
def test_two_ranks_train_as_one_and_hand_over(script, tmp_path, strategy):
    both, one = tmp_path / "both", tmp_path / "one"
    script.train(1, 16, both)  # groups 0 and 1
    shutil.copytree(both, one)
    two_ranks(48, both, f"strategy={strategy}")  # groups 2 to 5, two at a time
    script.train(1, 48, one, accumulate=2)

    a, b = moments(both), moments(one)
    assert a.pop("examples") == b.pop("examples") == 48
    torch.testing.assert_close(a, b, rtol=1e-5, atol=1e-6)
    rows, expected = log(both), log(one)
    for row in rows:
        row.pop("train_odd")  # of one rank alone
    for row, other in zip(rows, expected, strict=True):
        numbers, others = ({k: float(v) for k, v in r.items() if v} for r in (row, other))
        assert numbers == pytest.approx(others, abs=2e-5)
    weights = [torch.load(out / "model" / "weights.pt", weights_only=True) for out in (both, one)]
    torch.testing.assert_close(*weights, rtol=1e-5, atol=1e-6)
    assert (both / "validated.txt").read_text() == "once\n" * 2, "rank 0 alone validates"
    assert {path.name for path in both.iterdir()} == {
        *("checkpoint.pt", "log.csv", "curve.png", "model", "validated.txt"),
        *("seen-0.txt", "seen-1.txt"),
    }

    script.train(1, 64, both, workers=2)  # groups 6 and 7
    assert sorted(seen(both)) == pytest.approx(shown(script, tmp_path, range(8)), abs=1e-5)


@pytest.mark.slow
@pytest.mark.parametrize("strategy", ["ddp", "fsdp"])
def test_ranks_that_accumulate_train_as_one_too(script, tmp_path, strategy):
    """Two ranks of two batches a step, and one of four; blocks are computed twice on the way."""
    both, one = tmp_path / "both", tmp_path / "one"
    both.mkdir()
    one.mkdir()
    two_ranks(64, both, f"strategy={strategy}", "accumulate=2", "recompute=true", launcher=TORCHRUN)
    script.train(1, 64, one, accumulate=4, recompute=True)
    torch.testing.assert_close(moments(both), moments(one), rtol=1e-5, atol=1e-6)
    assert sorted(seen(both)) == sorted(seen(one))


@pytest.mark.slow
@pytest.mark.parametrize("strategy", ["ddp", "fsdp"])
def test_a_rank_that_dies_ends_the_run_and_the_next_start_goes_on(script, tmp_path, strategy):
    broken, whole = tmp_path / "broken", tmp_path / "whole"
    broken.mkdir()
    whole.mkdir()
    status, errors = start(64, broken, f"strategy={strategy}", "die=20", launcher=TORCHRUN)
    assert status not in (0, None)
    assert "SIGKILL" in errors
    assert moments(broken)["examples"] in (16, 32)  # rank 1 dies in its third group
    script.train(1, 64, whole, accumulate=2)
    if strategy == "ddp":
        script.train(1, 64, broken, accumulate=2)
    else:
        two_ranks(64, broken, "strategy=ddp")
    torch.testing.assert_close(moments(broken), moments(whole), rtol=1e-5, atol=1e-6)
    assert set(seen(broken)) == set(seen(whole))


@pytest.mark.slow
def test_a_dead_child_of_the_first_rank_ends_the_run(tmp_path):
    """Without torchrun the first rank starts the others; it must not wait for a dead one."""
    status, _ = start(64, tmp_path, "die=20")
    assert status != 0


@pytest.fixture
def mesh(tmp_path):
    """One process that is a group of its own."""
    torch.distributed.init_process_group(
        "gloo", rank=0, world_size=1, init_method=f"file://{tmp_path}/store"
    )
    yield torch.distributed.device_mesh.init_device_mesh("cpu", (1,))
    torch.distributed.destroy_process_group()


def test_sharded_states_are_made_whole_and_sharded_again(mesh):
    """On one rank; the tests of two are slow."""
    torch.manual_seed(0)
    model = nn.Sequential(nn.Linear(3, 4), nn.BatchNorm1d(4))
    before = {name: value.clone() for name, value in model.state_dict().items()}
    shard(model, [model[0]], mesh, "32-true")
    assert {type(p) for p in model.parameters()} == {DTensor}
    whole = gathered(model.state_dict())
    assert whole.keys() == before.keys()
    assert all(torch.equal(whole[name], before[name]) for name in before)
    assert gathered({"a": [model[0].weight, 3]}, keep=False) == {"a": [None, 3]}

    model(torch.randn(5, 3)).square().sum().backward()
    optimizer = torch.optim.AdamW(model.parameters())
    optimizer.step()
    moments = gathered(optimizer.state_dict())
    back = scattered_moments(moments, optimizer)["state"][0]
    assert isinstance(back["exp_avg"], DTensor)
    assert torch.equal(back["exp_avg"].full_tensor(), moments["state"][0]["exp_avg"])
    assert torch.equal(back["step"], moments["state"][0]["step"])
    model.load_state_dict(scattered(before, model.state_dict()))
    assert torch.equal(gathered(model.state_dict())["0.weight"], before["0.weight"])
    assert local(model[0].weight).data_ptr() == local(model[0].weight.detach()).data_ptr()


@pytest.mark.parametrize("name", ["gcsa", "vit"])
def test_a_sharded_vit_computes_in_bfloat16(mesh, name):
    """Weights are gathered in bfloat16 and gradients summed in float32."""
    config = preset(name, "ti", layer_scale=1e-4)
    config.stages[0].depth = 1
    model, images = EquivariantViT(config), torch.rand(2, 3, 32, 64)
    with torch.autocast("cpu", torch.bfloat16):
        expected = model(images)
    shard(model, list(model.stages[0]), mesh, "bf16-mixed")
    with torch.autocast("cpu", torch.bfloat16):
        logits = model(images)
    torch.testing.assert_close(logits, expected, rtol=0, atol=0.02)
    logits.float().square().mean().backward()
    assert {p.grad.dtype for p in model.parameters()} == {torch.float32}
