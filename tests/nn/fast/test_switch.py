"""`isotrope.nn.plain()`: every layer by its plain twins, in one thread alone."""

import threading

import pytest
import torch

from isotrope.groups import DihedralGroup
from isotrope.models.config import EquivariantViTConfig, Stage
from isotrope.models.vit import EquivariantViT
from isotrope.nn import LiftingSelfAttention, plain
from isotrope.nn.fast import (
    bank,
    chunks,
    enabled,
    grouped,
    kept,
    patches,
    relative,
    rotation,
    turning,
)

FAST = {
    turning: "turns_by_one_product",
    grouped: "GroupedConv2d",
    relative: "relative_attention_in_runs",
    rotation: "rotated_by_one_product",
}
STAGES = {
    "convolutions": [Stage("plain", 1, 8), Stage("conv", 1, 8, stride=2), Stage("gcsa", 1, 8, 2)],
    "mlp": [Stage("gsa", 1, 8, 2, encoding="mlp")],
    "table": [Stage("gsa", 1, 8, 2, encoding="table")],
    "rotary": [Stage("gsa", 1, 24, 2, encoding="rotary"), Stage("gcsa", 1, 8, 2)],
}


def values_and_gradients(model, images):
    out = model(images)
    gradients = torch.autograd.grad(out.square().sum(), list(model.parameters()), allow_unused=True)
    return out, [g for g in gradients if g is not None]


@pytest.mark.parametrize("group", ["C4", "D4"])
@pytest.mark.parametrize("kind", STAGES)
def test_a_model_is_the_same_without_any_fast_form(kind, group, monkeypatch):
    torch.manual_seed(0)
    config = EquivariantViTConfig(group, patch=(4, 4, 0), stages=STAGES[kind])
    model = EquivariantViT(config).double()
    images = torch.randn(5, 3, 16, 32, dtype=torch.float64)
    fast = values_and_gradients(model, images)
    monkeypatch.setattr(chunks, "AT_ONCE", 100)
    with torch.no_grad():
        fast_inference = model(images)
    for module, name in FAST.items():
        monkeypatch.setattr(module, name, None)
    monkeypatch.setattr("isotrope.nn.conv.patches_by_filters", None)
    monkeypatch.setattr(torch.Tensor, "split", _no_chunks)
    monkeypatch.setattr(bank.KeptBank, "get", None)
    with plain():
        torch.testing.assert_close(values_and_gradients(model, images), fast, rtol=0, atol=1e-11)
        with torch.no_grad():
            torch.testing.assert_close(model(images), fast_inference, rtol=0, atol=1e-11)


split = torch.Tensor.split


def _no_chunks(tensor, size, dim=0):
    assert dim != 0, "the batch is taken in chunks"
    return split(tensor, size, dim)


@pytest.mark.parametrize("encoding", ["mlp", "rotary"])
def test_lifting_is_the_same(encoding):
    torch.manual_seed(0)
    group = DihedralGroup(4)
    layer = LiftingSelfAttention(3, 16, 2, group=group, encoding=encoding).double()
    images = torch.randn(2, 3, 4, 6, dtype=torch.float64)
    fast = layer(images)
    with plain():
        torch.testing.assert_close(layer(images), fast, rtol=0, atol=1e-11)


def test_the_switch_is_of_one_thread_and_falls_back():
    seen = {}
    with plain():
        assert not enabled()
        thread = threading.Thread(target=lambda: seen.update(other=enabled()))
        thread.start()
        thread.join()
        with plain():
            pass
        assert not enabled()
    assert enabled()
    assert seen == {"other": True}
    with pytest.raises(RuntimeError, match="of the caller"), plain():
        raise RuntimeError("of the caller")
    assert enabled()


def test_nothing_is_kept_when_plain():
    store, made = kept.Kept(), []
    with plain():
        for _ in range(2):
            store.get("key", lambda: made.append(1))
    assert len(made) == 2


def test_few_positions_are_those_of_the_whole_batch():
    lifted = torch.empty(2, 4, 8, 8, 1)
    assert patches.few_positions(lifted, stride=1)
    assert not patches.few_positions(torch.empty(3, 4, 8, 8, 1), stride=1)
    assert patches.few_positions(torch.empty(3, 4, 8, 8, 1), stride=2)
