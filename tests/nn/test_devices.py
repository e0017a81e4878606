"""No layer makes a float64 tensor on its device: Apple's GPUs have none."""

import pytest
import torch
from torch.utils._python_dispatch import TorchDispatchMode
from torch.utils._pytree import tree_leaves

from isotrope import EquivariantViT, EquivariantViTConfig, Stage
from isotrope.groups import CyclicGroup
from isotrope.nn import LiftingSelfAttention, plain

DEVICE = torch.device("meta")


class NoFloat64(TorchDispatchMode):
    """A device that refuses float64, as "mps" does; "meta" stands for it."""

    def __torch_dispatch__(self, func, types, args=(), kwargs=None):
        out = func(*args, **(kwargs or {}))
        for leaf in tree_leaves(out):
            if isinstance(leaf, torch.Tensor) and leaf.device == DEVICE:
                assert leaf.dtype != torch.float64, f"{func} makes a float64 tensor"
        return out


STAGES = {
    "convolutions": [Stage("plain", 1, 8), Stage("conv", 1, 8, stride=2), Stage("gcsa", 1, 8, 2)],
    "mlp": [Stage("gsa", 1, 8, 2, "mlp")],
    "table": [Stage("gsa", 1, 8, 2, "table")],
    "rotary": [Stage("gsa", 1, 32, 2, "rotary")],
}


def test_the_check_can_fail():
    with pytest.raises(AssertionError, match="makes a float64"), NoFloat64():
        torch.zeros(1, dtype=torch.float64, device=DEVICE)


@pytest.mark.parametrize("kind", STAGES)
@pytest.mark.parametrize("group", ["C4", "C8"])
def test_models(kind, group):
    if (kind, group) == ("table", "C8"):
        pytest.skip("a table needs an exact group")
    stages = (
        [Stage("gsa", 1, 32, 2, "rotary")] if (kind, group) == ("rotary", "C8") else STAGES[kind]
    )
    config = EquivariantViTConfig(group, patch=(4, 4, 0), stages=stages, classes=3)
    model = EquivariantViT(config).to(DEVICE)
    images = torch.randn(2, 3, 16, 32, device=DEVICE)
    with NoFloat64():
        assert model(images).shape == (2, 3)
        model(images).sum().backward()


@pytest.mark.parametrize("encoding", ["mlp", "table", "rotary"])
def test_lifting(encoding):
    layer = LiftingSelfAttention(3, 16, 2, group=CyclicGroup(4), encoding=encoding).to(DEVICE)
    images = torch.randn(2, 3, 4, 6, device=DEVICE)
    with NoFloat64():
        layer(images).sum().backward()
        with plain():
            layer(images).sum().backward()
