"""The transpose of the lifting convolution: its law, and its equivariance for maps and vectors."""

import pytest
import torch

from isotrope.equivariance import equivariance_error
from isotrope.equivariance.testing import EquivariantLayerTests
from isotrope.groups import CyclicGroup, DihedralGroup
from isotrope.nn import LiftingConv, LoweringConv

C4, D4 = CyclicGroup(4), DihedralGroup(4)


class Unturned(LoweringConv):
    """Draws the same filter for every orientation, but vectors as they are."""

    def bank(self, weight=None):
        return super().bank(weight)[: self.in_channels].repeat(self.group.order, 1, 1, 1)


class TestMaps(EquivariantLayerTests):
    def layer(self, group):
        return LoweringConv(6, 3, 4, group=group)

    def broken(self, group):
        return Unturned(6, 3, 4, group=group)


class TestVectors(EquivariantLayerTests):
    def layer(self, group):
        return LoweringConv(6, 2, 2, group=group, vectors=True)

    def broken(self, group):
        return Unturned(6, 2, 2, group=group, vectors=True)


class TestOddStride(EquivariantLayerTests):
    def layer(self, group):
        return LoweringConv(6, 2, 3, group=group)

    def broken(self, group):
        return Unturned(6, 2, 3, group=group)


class TestOnEveryPixel(TestVectors):
    def layer(self, group):
        return LoweringConv(6, 2, 1, group=group, vectors=True)

    def broken(self, group):
        return Unturned(6, 2, 1, group=group, vectors=True)


class TestPatches(EquivariantLayerTests):
    def layer(self, group):
        return LoweringConv(6, 1, 3, kernel_size=3, group=group)


@pytest.mark.parametrize("group", [C4, D4])
def test_it_is_the_transpose_of_the_lifting_convolution(group):
    """`<lift f, F> = <f, lower F>` with the same filters."""
    lift = LiftingConv(3, 5, 8, stride=4, padding=2, group=group, bias=False).double()
    lower = LoweringConv(5, 3, 4, group=group).double()
    with torch.no_grad():
        lower.weight.copy_(lift.weight)
    image = torch.randn(2, 3, 16, 24, dtype=torch.float64)
    signal = torch.randn(2, group.order, 4, 6, 5, dtype=torch.float64)
    one, other = (lift(image) * signal).sum(), (image * lower(signal)).sum()
    torch.testing.assert_close(one, other, rtol=1e-12, atol=0)


def test_vectors_that_only_move_are_found():
    """Two maps are no vectors: a turn must turn their values too."""
    layer = LoweringConv(6, 2, 2, group=C4).double()
    signal = torch.randn(1, 4, 3, 5, 6, dtype=torch.float64)
    assert max(equivariance_error(layer, signal, C4, gives="vectors").values()) > 0.1
    assert max(equivariance_error(layer, signal, C4).values()) < 1e-12


@pytest.mark.parametrize(
    ("call", "message"),
    [
        (lambda: LoweringConv(6, 1, 4, 2, group=C4), "a kernel of 2 with stride=4 .*use kernel_si"),
        (lambda: LoweringConv(6, 1, 4, 7, group=C4), "a kernel of 7 .*use kernel_size=4 or 6"),
        (lambda: LoweringConv(6, 3, 4, group=C4, vectors=True), "out_channels=3, but a vector has"),
        (
            lambda: LoweringConv(6, 1, 4, group=C4)(torch.rand(1, 4, 2, 2, 5)),
            r"shape \(1, 4, 2, 2, 5\) is not a signal of 6 channels .*; give \(B, 4, H, W, 6\)",
        ),
    ],
)
def test_errors_name_value_rule_and_remedy(call, message):
    with pytest.raises(ValueError, match=message):
        call()
