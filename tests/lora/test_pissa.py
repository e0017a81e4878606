"""PiSSA: what it starts at, what it trains, and what is saved of it."""

import pytest
import torch
from safetensors.torch import load_file
from torch import nn

from isotrope.lora import add_adapter, load_adapter, save_adapter
from isotrope.lora.pissa import leading

SIDES = {"q_proj": (20, 12), "filter": (8, 9), "wide": (6, 30)}
RANK = 4


class Net(nn.Module):
    """A linear map, a depthwise filter with fewer singular values than channels, a wide filter."""

    def __init__(self):
        super().__init__()
        torch.manual_seed(0)
        self.q_proj = nn.Linear(12, 20)
        self.filter = nn.Conv2d(8, 8, 3, groups=8)
        self.wide = nn.Conv1d(10, 6, 3)

    def weights(self):
        return {name: getattr(self, name).weight.flatten(1) for name in SIDES}


def adapted(rank=RANK):
    return add_adapter(Net().double(), "attention,filters", rank=rank, alpha=5, method="pissa")


def acting(model):
    """The weights with the adapter, by layer."""
    layers = {name: model.get_base_model().get_submodule(name) for name in SIDES}
    return {
        name: layer.base_layer.weight.flatten(1) + layer.get_delta_weight("default").flatten(1)
        for name, layer in layers.items()
    }


def shaken(model, scale=0.1):
    torch.manual_seed(1)
    for name, parameter in model.named_parameters():
        if ".lora_" in name:
            parameter.data.add_(scale * torch.randn_like(parameter))
    return model


@pytest.mark.parametrize("name", SIDES)
@pytest.mark.parametrize("rank", [1, 4, 16])
@torch.no_grad()
def test_its_trained_part_is_the_best_approximation_of_the_weight(name, rank):
    weight = Net().double().weights()[name].detach()
    layer = adapted(rank).get_base_model().get_submodule(name)
    up, down = layer.lora_B["default"].learned, layer.lora_A["default"].learned
    assert (up.shape, down.shape) == ((SIDES[name][0], rank), (rank, SIDES[name][1]))
    values = torch.linalg.svdvals(weight)
    missed = (weight - 5 / rank * up @ down).norm()
    assert float(missed) == pytest.approx(float(values[rank:].norm()), abs=1e-12)
    torch.testing.assert_close(acting(adapted(rank))[name], weight, rtol=0, atol=1e-12)


def test_a_leading_part_has_balanced_factors():
    up, down = leading(torch.diag(torch.tensor([9.0, 4.0, 1.0])), 2, 0.25)
    assert up.abs().tolist() == [[6, 0], [0, 4], [0, 0]]
    assert down.abs().tolist() == [[6, 0, 0], [0, 4, 0]]


def test_only_its_learned_half_is_trained_and_the_base_stays():
    model, before = adapted(), Net().double().weights()
    trained = {name: p for name, p in model.named_parameters() if p.requires_grad}
    assert {name.rpartition(".")[2] for name in trained} == {"learned"}
    assert sum(p.numel() for p in trained.values()) == sum(RANK * sum(s) for s in SIDES.values())
    optimizer = torch.optim.AdamW(model.parameters(), 0.1)
    started = {name: p.detach().clone() for name, p in trained.items()}
    fixed = {name: b.clone() for name, b in model.named_buffers()}
    sum(weight.square().sum() for weight in acting(model).values()).backward()
    optimizer.step()
    assert all(not torch.equal(p, started[name]) for name, p in trained.items())
    assert fixed
    assert all(torch.equal(b, fixed[name]) for name, b in model.named_buffers())
    for name, weight in before.items():
        layer = model.get_base_model().get_submodule(name)
        assert torch.equal(layer.base_layer.weight.flatten(1), weight)


def test_it_is_saved_as_a_lora_of_twice_the_rank_with_the_same_weights(tmp_path):
    model = shaken(adapted())
    save_adapter(model, tmp_path)
    tensors = load_file(tmp_path / "adapter_model.safetensors")
    for name, (rows, columns) in SIDES.items():
        assert tensors[f"base_model.model.{name}.lora_A.weight"].shape == (2 * RANK, columns)
        assert tensors[f"base_model.model.{name}.lora_B.weight"].shape == (rows, 2 * RANK)
    assert len(tensors) == 2 * len(SIDES)
    loaded = load_adapter(Net().double(), tmp_path)
    config = loaded.peft_config["default"]
    assert (config.r, config.lora_alpha, config.init_lora_weights) == (2 * RANK, 10, True)
    for name, weight in acting(model).items():
        torch.testing.assert_close(acting(loaded)[name], weight, rtol=0, atol=5e-3)  # in 16 bits


def test_in_16_bits_a_slight_change_of_the_weights_is_still_exact_to_a_thousandth(tmp_path):
    """The halves themselves, each rounded, would add the rounding of the leading part of `W`."""
    model = shaken(adapted(), 1e-4)
    save_adapter(model, tmp_path)
    loaded = load_adapter(Net().double(), tmp_path)
    for name in SIDES:
        mine, rounded = (
            m.get_base_model().get_submodule(name).get_delta_weight("default")
            for m in (model, loaded)
        )
        assert (rounded - mine).norm() < 1e-3 * mine.norm()
