"""The block around each mixer, the feed-forward and the step between stages."""

import pytest
import torch
from torch import nn

from isotrope.equivariance.testing import EquivariantLayerTests
from isotrope.groups import CyclicGroup
from isotrope.nn import (
    Block,
    ConvLayer,
    Downsample,
    FeedForward,
    GroupConv,
    GroupConvSelfAttention,
    GroupSelfAttention,
    LiftedBatchNorm,
    MeanPool,
)

C4 = CyclicGroup(4)


class TestBlockOfGroupConv(EquivariantLayerTests):
    channels = 24

    def layer(self, group):
        mixer = GroupConv(24, 24, 3, padding=1, group=group, depthwise=True)
        return Block(24, mixer, mlp_ratio=2.0)

    def broken(self, group):
        return Block(24, Positions())


class Positions(nn.Module):
    """An absolute position embedding in the place of the mixer."""

    def forward(self, lifted):
        return lifted * torch.linspace(1, 2, lifted.shape[2], dtype=lifted.dtype)[:, None, None]


class TestBlockOfGCSA(EquivariantLayerTests):
    channels, largest = 24, 3
    without_gradient = ("mixer.k_proj.bias",)

    def layer(self, group):
        return Block(24, GroupConvSelfAttention(24, 2, group=group))


class TestBlockOfRotaryAttention(EquivariantLayerTests):
    channels, largest = 24, 3

    def layer(self, group):
        return Block(24, GroupSelfAttention(24, 2, group=group))


class TestConvLayer(EquivariantLayerTests):
    def layer(self, group):
        return ConvLayer(6, 8, 3, group)

    def broken(self, group):
        layer = ConvLayer(6, 8, 3, group)
        layer.norm = Positions()
        return layer


class TestConvLayerWithBatchNorm(TestConvLayer):
    def layer(self, group):
        return ConvLayer(6, 8, 5, group, LiftedBatchNorm)


class TestMeanPool(EquivariantLayerTests):
    multiple, smallest, largest = 2, 1, 4
    refuses_wrong_shape = False  # any group and width will do

    def layer(self, group):
        return MeanPool(2)


class TestFeedForward(EquivariantLayerTests):
    refuses_wrong_shape = False  # pointwise: any shape of the right width will do

    def layer(self, group):
        return FeedForward(6, ratio=2.0)


class TestDownsample(EquivariantLayerTests):
    multiple, smallest, largest = 2, 2, 4

    def layer(self, group):
        return Downsample(6, 8, 2, group)


class TestDownsampleMerging(TestDownsample):
    def layer(self, group):
        return Downsample(6, 8, 2, group, kernel_size=2)


class TestDownsampleByThree(TestDownsample):
    multiple, smallest, largest = 3, 1, 3

    def layer(self, group):
        return Downsample(6, 8, 3, group)


class TestDownsampleByFour(EquivariantLayerTests):
    multiple, smallest, largest = 4, 1, 3

    def layer(self, group):
        return Downsample(6, 8, 4, group)


def test_a_block_is_its_equation():
    torch.manual_seed(0)
    block = Block(6, GroupConv(6, 6, 3, padding=1, group=C4, depthwise=True))
    x = torch.randn(1, 4, 3, 4, 6)
    y = x + block.mixer(block.mixer_norm(x))
    torch.testing.assert_close(block(x), y + block.mlp(block.mlp_norm(y)))


def test_a_conv_layer_is_its_equation():
    torch.manual_seed(0)
    layer = ConvLayer(6, 8, 3, C4)
    x = torch.randn(1, 4, 3, 4, 6)
    torch.testing.assert_close(layer(x), nn.functional.gelu(layer.norm(layer.conv(x))))


@pytest.mark.parametrize("stride", [1, 2, 3, 4])
def test_downsample_takes_every_size_that_the_stride_divides(stride):
    layer = Downsample(3, 5, stride, C4)
    for multiple in range(1, 5):
        out = layer(torch.rand(1, 4, stride * multiple, stride * 2, 3))
        assert out.shape == (1, 4, multiple, 2, 5)


@pytest.mark.parametrize(
    ("call", "message"),
    [
        (
            lambda: Downsample(4, 8, 3, C4, kernel_size=6),
            r"a kernel of 6 with stride=3 has no padding .* use kernel_size=3 or 5",
        ),
        (lambda: Downsample(4, 8, 4, C4, kernel_size=2), "a kernel of 2 with stride=4 has no"),
        (
            lambda: Downsample(4, 8, 2, C4)(torch.rand(1, 4, 5, 6, 4)),
            "size 5x6 breaks equivariance: .*resize or pad 5 to 4 or 6",
        ),
        (lambda: ConvLayer(4, 8, 4, C4), "kernel_size=4 is even .*; use 5"),
        (
            lambda: MeanPool(2)(torch.rand(1, 4, 5, 6, 4)),
            "a 5x6 grid is not tiled by stride=2, .*resize to multiples of 2",
        ),
        (
            lambda: Block(8, nn.Identity())(torch.rand(1, 4, 3, 3, 6)),
            r"\(1, 4, 3, 3, 6\) is not a lifted signal of 8 channels; give \(B, \|G\|, H, W, 8\)",
        ),
    ],
)
def test_errors_name_value_rule_and_remedy(call, message):
    with pytest.raises(ValueError, match=message):
        call()
