"""Two processes train as one: the same gradients, nothing seen twice or skipped, one writes."""

from __future__ import annotations

import importlib.util
import os
import shutil
import subprocess
import sys
from pathlib import Path

import pytest
import torch

pytest.importorskip("lightning", reason="training runs on Lightning Fabric")

SCRIPT = Path(__file__).with_name("ranks_script.py")
pytestmark = pytest.mark.filterwarnings("ignore::UserWarning:lightning")


@pytest.fixture(scope="module")
def script():
    spec = importlib.util.spec_from_file_location("ranks_script", SCRIPT)
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


def two_ranks(examples: int, out: Path) -> None:
    environment = os.environ | {"CUDA_VISIBLE_DEVICES": "", "OMP_NUM_THREADS": "1"}
    command = [sys.executable, str(SCRIPT), "2", str(examples), str(out)]
    done = subprocess.run(command, env=environment, capture_output=True, text=True, timeout=120)
    assert done.returncode == 0, done.stderr


def seen(out: Path) -> list[float]:
    return [
        float(line) for path in out.glob("seen-*.txt") for line in path.read_text().splitlines()
    ]


def moments(out: Path) -> dict:
    state = torch.load(out / "checkpoint.pt", weights_only=True)
    return {"model": state["model"], "examples": state["progress"][0]} | {
        f"{number}.{name}": value
        for number, values in state["optimizer"]["state"].items()
        for name, value in values.items()
        if name != "step"
    }


@pytest.mark.slow
def test_two_ranks_train_as_one_and_hand_over(script, tmp_path):
    both, one = tmp_path / "both", tmp_path / "one"
    script.train(1, 16, both)  # groups 0 and 1
    shutil.copytree(both, one)
    two_ranks(48, both)  # groups 2 to 5, two at a time
    script.train(1, 48, one, pairs=True)

    # The moments are means of gradients, of which AdamW's steps alone would hide a factor.
    a, b = moments(both), moments(one)
    assert a.pop("examples") == b.pop("examples") == 48
    torch.testing.assert_close(a, b, rtol=1e-4, atol=1e-6)
    assert (both / "validated.txt").read_text() == "once\n" * 2, "rank 0 alone validates"
    assert {path.name for path in both.iterdir()} == {
        *("checkpoint.pt", "log.csv", "curve.png", "model", "validated.txt"),
        *("seen-0.txt", "seen-1.txt"),
    }

    script.train(1, 64, both, workers=2)  # groups 6 and 7
    stream = script.Points(tmp_path).stream(0, 0, 1)
    expected = [value for n in range(8) for b in stream.group(n).batches for value in b["x"][:, 0]]
    assert sorted(seen(both)) == pytest.approx(sorted(map(float, expected)), abs=1e-5)
