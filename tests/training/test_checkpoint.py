"""Checkpoints: kept to the bit, whole or not at all, and never run as code."""

import os
import pickle
import subprocess
import sys

import pytest
import torch

from isotrope.training.checkpoint import (
    learned_state,
    load_checkpoint,
    refuse_another,
    restore_state,
    save_checkpoint,
)


def test_tensors_numbers_and_rows_come_back(tmp_path):
    state = {"model": {"w": torch.rand(3)}, "progress": (3, 0.5), "rows": [{"loss": 1.0}]}
    save_checkpoint(tmp_path / "checkpoint.pt", state)
    back = load_checkpoint(tmp_path / "checkpoint.pt")
    assert torch.equal(back.pop("model")["w"], state.pop("model")["w"])
    assert back == state


def test_a_failed_write_leaves_the_last_one(tmp_path):
    path = tmp_path / "checkpoint.pt"
    save_checkpoint(path, {"step": 1})
    with pytest.raises((AttributeError, pickle.PicklingError)):
        save_checkpoint(path, {"step": 2, "closure": lambda: None})
    assert load_checkpoint(path) == {"step": 1}
    assert [file.name for file in tmp_path.iterdir()] == ["checkpoint.pt"]


def test_what_a_kill_left_goes_with_the_next_checkpoint(tmp_path):
    killed = (
        "import os, pathlib, torch\n"
        "from isotrope.training.checkpoint import save_checkpoint\n"
        "torch.save = lambda state, file: os.kill(os.getpid(), 9)\n"
        f"save_checkpoint(pathlib.Path({str(tmp_path / 'checkpoint.pt')!r}), {{'step': 1}})\n"
    )
    subprocess.run([sys.executable, "-c", killed], check=False)
    (left,) = tmp_path.iterdir()
    assert left.name.startswith(".isotrope-")
    (tmp_path / ".isotrope-abcd1234").mkdir()  # of a killed `filling`
    (tmp_path / ".isotrope-journal").touch()  # of `isotrope read --out`, which is no leftover
    save_checkpoint(tmp_path / "checkpoint.pt", {"step": 2})
    assert {file.name for file in tmp_path.iterdir()} == {"checkpoint.pt", ".isotrope-journal"}


def test_frozen_weights_may_be_left_out_and_no_others():
    module = torch.nn.Sequential(torch.nn.Linear(2, 2), torch.nn.BatchNorm1d(2))
    module[0].requires_grad_(False)
    state = learned_state(module)
    assert set(state) == {name for name in module.state_dict() if name.startswith("1.")}
    other = torch.nn.Sequential(torch.nn.Linear(2, 2), torch.nn.BatchNorm1d(2))
    other[0].requires_grad_(False)
    first = other[0].weight.clone()
    restore_state(other, state | {"1.weight": torch.tensor([3.0, 4.0])})
    assert other[1].weight.tolist() == [3.0, 4.0]
    assert torch.equal(other[0].weight, first)
    with pytest.raises(ValueError, match=r"1\.bias is missing or unknown"):
        restore_state(other, {name: state[name] for name in state if name != "1.bias"})
    with pytest.raises(ValueError, match="more is missing or unknown"):
        restore_state(other, state | {"more": torch.zeros(1)})


class Code:
    """Makes a folder when it is unpickled."""

    def __init__(self, path):
        self.path = path

    def __reduce__(self):
        return os.mkdir, (str(self.path),)


def test_code_in_a_checkpoint_is_not_run(tmp_path):
    torch.save({"model": Code(tmp_path / "ran")}, tmp_path / "checkpoint.pt")
    with pytest.raises(ValueError, match=r"checkpoint\.pt is broken .*; remove it to train from"):
        load_checkpoint(tmp_path / "checkpoint.pt")
    assert not (tmp_path / "ran").exists()


def test_what_is_no_checkpoint_is_named(tmp_path):
    torch.save([1, 2], tmp_path / "list.pt")
    with pytest.raises(ValueError, match=r"list\.pt is broken .*it holds a list"):
        load_checkpoint(tmp_path / "list.pt")


def test_each_difference_is_named_with_both_values(tmp_path):
    kept = {"run.seed": 0, "data.width": 3, "base": "a" * 64}
    refuse_another(tmp_path, kept, {"run.seed": 0})
    with pytest.raises(ValueError, match=r"data\.width was 3 and is 4, base was 'a+\.\.\. and is"):
        refuse_another(tmp_path, kept, {"run.seed": 0, "data.width": 4, "base": "b" * 64})


def test_the_rounding_of_another_processor_is_no_difference(tmp_path):
    kept = {"mean": [0.6864748258019684, 0.5], "classes": ["a", "b"]}
    refuse_another(tmp_path, kept, kept | {"mean": [0.6864748258019683, 0.5]})
    for other in ({"mean": [0.6864748, 0.5]}, {"mean": [0.6864748258019684]}, {"classes": ["a"]}):
        with pytest.raises(ValueError, match="is of another recipe or other data"):
            refuse_another(tmp_path, kept, kept | other)


def test_a_name_that_an_older_checkpoint_lacks_stands_for_its_default(tmp_path):
    kept, defaults = {"run.seed": 0}, {"run.seed": 1, "data.mixup": 0.0}
    refuse_another(tmp_path, kept, kept | {"data.mixup": 0.0}, defaults)
    with pytest.raises(ValueError, match=r"data\.mixup was 0\.0 and is 0\.8"):
        refuse_another(tmp_path, kept, kept | {"data.mixup": 0.8}, defaults)
    with pytest.raises(ValueError, match=r"data\.size was None and is 3"):
        refuse_another(tmp_path, kept, kept | {"data.size": 3}, defaults)
