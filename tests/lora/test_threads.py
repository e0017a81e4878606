"""Threads may share an adapted model: the base weight is never swapped, not even for a moment."""

from concurrent.futures import ThreadPoolExecutor
from threading import Barrier

import pytest
import torch
from torch import nn

from isotrope.groups import CyclicGroup
from isotrope.lora import add_adapter
from isotrope.lora.filters import FilterLora
from isotrope.nn import GroupConv, LiftingConv

C4, THREADS = CyclicGroup(4), 4


class Filters(nn.Module):
    """Every kind of layer that takes `FilterLora`."""

    def __init__(self):
        super().__init__()
        self.lift = LiftingConv(3, 8, 3, padding=1, group=C4)
        self.full = GroupConv(8, 8, 3, padding=1, group=C4)
        self.depthwise = GroupConv(8, 8, 3, padding=1, group=C4, depthwise=True)
        self.plain = nn.Conv2d(8, 8, 3, padding=1)
        self.row = nn.Conv1d(8, 8, 3, padding=1)

    def forward(self, image):
        lifted = self.depthwise(self.full(self.lift(image)))
        return self.row(self.plain(lifted.mean(1).permute(0, 3, 1, 2)).mean(2))


def adapted_filters():
    torch.manual_seed(0)
    model = add_adapter(Filters(), "filters", rank=2).eval().requires_grad_(False)
    for name, parameter in model.named_parameters():
        if ".lora_" in name:
            parameter.normal_()
    return model


def disagreements(model, passes=40):
    """How often four threads at once get another result than one, and whether weights moved."""
    before = {name: tensor.clone() for name, tensor in model.state_dict().items()}
    images = torch.rand(THREADS, 1, 3, 12, 12)
    barrier = Barrier(THREADS)

    def run(image):
        with torch.inference_mode():
            return model(image)

    def run_often(image):
        barrier.wait()
        return [run(image) for _ in range(passes)]

    expected = [run(image) for image in images]
    with ThreadPoolExecutor(THREADS) as pool:
        results = list(pool.map(run_often, images))
    wrong = sum(not torch.equal(r, e) for rs, e in zip(results, expected, strict=True) for r in rs)
    after = model.state_dict()
    return wrong, any(not torch.equal(after[name], tensor) for name, tensor in before.items())


@pytest.mark.parametrize("off", [False, True], ids=["adapter", "without"])
def test_four_threads_agree_with_one(off):
    model = adapted_filters()
    if off:
        model.base_model.disable_adapter_layers()
    assert disagreements(model) == (0, False)


def test_swapping_the_weight_would_be_seen(monkeypatch):
    """The negative control: the swap in place that `torch.func.functional_call` makes."""

    def swapping(self, signal):
        moved = self.moved(self.base_layer.weight, "default")
        return torch.func.functional_call(self.base_layer, {"weight": moved}, (signal,))

    monkeypatch.setattr(FilterLora, "forward", swapping)
    wrong, moved = disagreements(adapted_filters())
    assert wrong > 0
    assert moved
