"""Weighted sums of adapters: the same in numpy and in torch, and what the equation says."""

import numpy as np
import pytest
import torch
from safetensors.torch import save_file
from torch import nn

from isotrope.groups import CyclicGroup
from isotrope.io.tensors import load_tensors
from isotrope.lora import add_adapter, load_adapter, save_adapter
from isotrope.lora.adapters import arrays, description
from isotrope.lora.summing import sum_adapters
from isotrope.lora.sums import summed_characters, summed_weights
from isotrope.nn import LiftingConv


class Net(nn.Module):
    """Layers of every kind: a turned filter, a plain one, a linear map."""

    def __init__(self):
        super().__init__()
        self.lift = LiftingConv(3, 6, 4, 2, 1, group=CyclicGroup(4))
        self.plain = nn.Conv2d(6, 8, 3, padding=1)
        self.fc1 = nn.Linear(8, 8)

    def forward(self, image):
        lifted = self.lift(image).mean(1).permute(0, 3, 1, 2)
        return self.fc1(self.plain(lifted).mean((2, 3)))


def net():
    torch.manual_seed(0)
    return Net().eval()


def saved(folder, seed, **options):
    model = add_adapter(net(), rank=2, **options)
    torch.manual_seed(seed)
    with torch.no_grad():
        for name, parameter in model.named_parameters():
            if ".lora_" in name:
                parameter.add_(0.3 * torch.randn_like(parameter))
    save_adapter(model, folder)
    return folder


def weights_of(terms):
    model = net()
    made = description(model)
    return summed_weights(made["model"], made["charset"], arrays(model), terms)


def test_the_equation(tmp_path):
    a, b = saved(tmp_path / "a", 1), saved(tmp_path / "b", 2)
    summed, base = weights_of(((0.7, a), (0.3, b))), arrays(net())
    for name in ("lift", "plain", "fc1"):
        expected = base[f"{name}.weight"].astype(np.float64)
        for weight, folder in ((0.7, a), (0.3, b)):
            parts = load_tensors(folder / "adapter_model.safetensors")
            down, up = (parts[f"base_model.model.{name}.lora_{x}.weight"] for x in "AB")
            up, down = (part.reshape(len(part), -1).astype(np.float64) for part in (up, down))
            expected = expected + weight * 2.0 * (up @ down).reshape(expected.shape)
        np.testing.assert_allclose(summed[f"{name}.weight"], expected, atol=1e-5)


def test_one_of_weight_one_is_itself_bit_for_bit_and_zero_is_the_base(tmp_path):
    a, b = saved(tmp_path / "a", 1), saved(tmp_path / "b", 2)
    alone, beside = weights_of(((1.0, a),)), weights_of(((1.0, a), (0.0, b)))
    nothing, base = weights_of(((0.0, a), (0.0, b))), arrays(net())
    for name, weight in alone.items():
        np.testing.assert_allclose(beside[name], weight, atol=1e-6)
        assert np.array_equal(nothing[name], base[name])
    model = load_adapter(net(), a)
    model.merge_adapter()
    np.testing.assert_allclose(alone["fc1.weight"], model.get_base_model().fc1.weight, atol=1e-6)


def test_every_kind_can_be_added(tmp_path):
    """The lengths of DoRA act on one adapter alone: `W + sum_i w_i (W_i - W)`."""
    a, b = saved(tmp_path / "a", 1, method="dora"), saved(tmp_path / "b", 2)
    first, second = (weights_of(((1.0, folder),)) for folder in (a, b))
    summed, base = weights_of(((0.5, a), (2.0, b))), arrays(net())
    for name, weight in summed.items():
        w = base[name]
        expected = w + 0.5 * (first[name] - w) + 2 * (second[name] - w)
        np.testing.assert_allclose(weight, expected, atol=1e-5)


def test_in_torch_without_touching_whom_it_shares_with(tmp_path):
    a, b = saved(tmp_path / "a", 1), saved(tmp_path / "b", 2)
    base, shared = net(), net()
    for name, parameter in shared.named_parameters():
        parameter.data = dict(base.named_parameters())[name].data
    image = torch.rand(1, 3, 12, 16)
    with torch.no_grad():
        before = base(image)
        sum_adapters(shared, ((1.0, a), (1.0, b)))
        assert torch.equal(base(image), before)
        assert (shared(image) - before).abs().max() > 1e-2
    expected = weights_of(((1.0, a), (1.0, b)))
    for name, parameter in shared.named_parameters():
        assert np.array_equal(parameter.detach().numpy(), expected.get(name, arrays(base)[name]))


def test_one_that_does_not_fit_is_named(tmp_path):
    a = saved(tmp_path / "a", 1)
    (tmp_path / "b").mkdir()
    with pytest.raises(FileNotFoundError, match=r"b has no adapter_config\.json"):
        weights_of(((0.5, a), (0.5, tmp_path / "b")))


def with_rows(folder, characters, start):
    """New characters, whose rows count up from `start`."""
    rows = torch.arange(start, start + 2 * len(characters)).float()
    tensors = {"weight": rows.view(-1, 2), "bias": -rows[::2].contiguous()}
    folder.mkdir()
    save_file(tensors, folder / "characters.safetensors", {"characters": characters})
    return folder


def test_new_characters_are_united(tmp_path):
    a, b = with_rows(tmp_path / "a", "åß", 0), with_rows(tmp_path / "b", "ßΩ", 10)
    rows = summed_characters(((0.75, a), (0.25, b)))
    assert rows.characters == "åßΩ"
    assert rows.weight.tolist() == [[0, 1], [4, 5], [12, 13]]  # ß: 3/4 of 2, 3 and 1/4 of 10, 11
    assert rows.bias.tolist() == [0, -4, -12]
    head = {"head.weight": np.ones((3, 2), np.float16), "head.bias": np.ones(3, np.float16)}
    assert rows.stacked(head)["head.weight"].shape == (6, 2)
    even = summed_characters(((-1.0, a), (0.0, b)))
    assert even.weight.tolist()[1] == [6, 7]
    assert summed_characters(((1.0, tmp_path),)) is None


def test_torch_says_that_it_adds_no_new_characters(tmp_path):
    a = with_rows(tmp_path / "a", "åß", 0)
    with pytest.raises(ValueError, match=r"new characters \(åß\) are summed by engine 'isotrope'"):
        sum_adapters(net(), ((0.5, a),))
