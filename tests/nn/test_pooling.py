"""The pooled vector does not change, whatever the element."""

import pytest
import torch
from torch import nn

from isotrope.equivariance import equivariance_error
from isotrope.equivariance.testing import EquivariantLayerTests
from isotrope.groups import CyclicGroup
from isotrope.nn import InvariantPool, LiftingConv

C4 = CyclicGroup(4)


class TestInvariantPool(EquivariantLayerTests):
    refuses_wrong_shape = False  # any group and width will do; see below

    def layer(self, group):
        return InvariantPool()

    def broken(self, group):
        class FirstOrientation(nn.Module):
            """Pools the grid but keeps one orientation."""

            def forward(self, lifted):
                return lifted[:, 0].mean(dim=(1, 2))

        return FirstOrientation()


class TestMaximum(TestInvariantPool):
    def layer(self, group):
        return InvariantPool("max")


def test_the_maximum_is_over_orientations_and_the_mean_over_positions():
    lifted = torch.randn(2, 4, 3, 5, 6)
    expected = lifted.max(dim=1).values.flatten(1, 2).mean(dim=1)
    torch.testing.assert_close(InvariantPool("max")(lifted), expected)


def test_another_way_to_pool_is_refused():
    with pytest.raises(ValueError, match="orientations='sum' is not known; use 'mean' or 'max'"):
        InvariantPool("sum")


def test_is_the_mean_over_positions_and_orientations():
    lifted = torch.randn(2, 4, 3, 5, 6)
    torch.testing.assert_close(InvariantPool()(lifted), lifted.flatten(1, 3).mean(dim=1))


def test_a_sequential_takes_its_first_kind_and_gives_its_last():
    torch.manual_seed(0)
    model = nn.Sequential(LiftingConv(3, 8, 4, stride=4, group=C4), nn.GELU(), InvariantPool())
    assert max(equivariance_error(model, torch.randn(1, 3, 8, 12), C4).values()) < 1e-10


def test_an_image_is_refused():
    with pytest.raises(ValueError, match=r"\(1, 3, 8, 8\) is not a lifted signal; give \(B, \|G\|"):
        InvariantPool()(torch.rand(1, 3, 8, 8))
