"""[LoRA-GSA]: adapters leave the symmetry intact. Adapters are random and nowhere nil, in float64.

The suite that every layer inherits is run on adapted layers: equivariance for every element of
every exact group, at any size, and of the gradient; a gradient for every parameter of the adapter.
"""

import pytest
import torch
from torch import nn

from isotrope.equivariance import assert_equivariant, equivariance_error
from isotrope.equivariance.testing import EquivariantLayerTests
from isotrope.groups import CyclicGroup, DihedralGroup
from isotrope.lora import METHODS, add_adapter
from isotrope.models.config import EquivariantViTConfig, Stage
from isotrope.models.vit import EquivariantViT
from isotrope.nn import (
    GroupConv,
    GroupConvSelfAttention,
    GroupSelfAttention,
    LiftingConv,
    LiftingSelfAttention,
)

C4, D4 = CyclicGroup(4), DihedralGroup(4)
DIM, HEADS = 24, 2
ATTENTION = "base_model.model.0."


def shaken(model, scale=0.3):
    """All weights of the adapters drawn at random: a fresh `B` is nil and would prove nothing."""
    torch.manual_seed(5)
    with torch.no_grad():
        for name, parameter in model.named_parameters():
            if ".lora_" in name:
                parameter.add_(torch.randn_like(parameter) * scale)
    return model


def adapted(layer, targets="all", **options):
    """A layer with random adapters; in a Sequential, as peft replaces modules of a parent."""
    model = add_adapter(nn.Sequential(layer), targets, rank=2, **options)
    return shaken(model).requires_grad_(True)


class AdaptedTests(EquivariantLayerTests):
    channels, largest = DIM, 4
    takes = gives = "lifted"
    targets, options = "all", {}

    def layer(self, group):
        return adapted(self.plain(group), self.targets, **self.options)


# Section 5: group self-attention, with adapters on q, k, v and on phi_out ------------------------


class TestGroupAttentionMLP(AdaptedTests):
    without_gradient = (ATTENTION + "k_proj.base_layer.bias",)  # the same to every score
    encoding = "mlp"

    def plain(self, group):
        return GroupSelfAttention(DIM, HEADS, group=group, encoding=self.encoding)


class TestGroupAttentionTable(TestGroupAttentionMLP):
    encoding = "table"


class TestGroupAttentionRotary(TestGroupAttentionMLP):
    without_gradient = ()  # the key's bias turns with the position
    encoding = "rotary"


class TestGroupAttentionDora(TestGroupAttentionMLP):
    options = {"method": "dora"}  # noqa: RUF012

    @pytest.mark.slow
    @pytest.mark.xfail(raises=torch._dynamo.exc.Unsupported, reason="peft's DoRA cannot be traced")
    def test_compile(self):
        super().test_compile()


class TestGroupAttentionPissa(TestGroupAttentionMLP):
    options = {"method": "pissa"}  # noqa: RUF012


# Section 4: lifting self-attention ---------------------------------------------------------------


class TestLiftingAttention(AdaptedTests):
    channels, takes = 6, "image"
    without_gradient = (ATTENTION + "k_proj.base_layer.bias",)

    def plain(self, group):
        return LiftingSelfAttention(6, DIM, HEADS, group=group, encoding="mlp")


# Beyond the paper: adapters on filters, before they are turned -----------------------------------


class TestGCSA(AdaptedTests):
    without_gradient = (ATTENTION + "k_proj.base_layer.bias",)

    def plain(self, group):
        return GroupConvSelfAttention(DIM, HEADS, group=group)


class TestGCSAFiltersDora(TestGCSA):
    without_gradient = (ATTENTION + "k_proj.bias",)
    targets, options = "filters", {"method": "dora"}


class TestGCSAFiltersPissa(TestGCSAFiltersDora):
    options = {"method": "pissa"}  # noqa: RUF012


class TestLiftingConv(AdaptedTests):
    channels, takes, multiple = 6, "image", 2

    def plain(self, group):
        return LiftingConv(6, DIM, 4, 2, 1, group=group)


class OverTheBank(GroupConv):
    """An adapter over the turned filters: each orientation gets one of its own."""

    def bank(self, weight=None):
        bank = super().bank(weight)
        torch.manual_seed(5)
        left, right = torch.randn(len(bank), 2), torch.randn(2, bank[0].numel())
        return bank + (left @ right).view_as(bank).to(bank)


class TestGroupConv(AdaptedTests):
    def plain(self, group):
        return GroupConv(DIM, DIM, 3, padding=1, group=group)

    def broken(self, group):
        return OverTheBank(DIM, DIM, 3, padding=1, group=group).double()


class TestDepthwise(AdaptedTests):
    def plain(self, group):
        return GroupConv(DIM, 2 * DIM, 3, padding=1, group=group, depthwise=True)


# Section 3: translation, eq. 10-14 ---------------------------------------------------------------


@pytest.mark.parametrize("group", [CyclicGroup(1), C4, D4], ids=repr)
@pytest.mark.parametrize("encoding", ["mlp", "table", "rotary"])
def test_translation_by_whole_windows(group, encoding):
    """The neighbourhoods `N(i)` are windows: a shift of the signal by one permutes them."""
    layer = GroupSelfAttention(DIM, HEADS, group=group, encoding=encoding, window=2).double()
    model = adapted(layer)
    lifted = torch.randn(1, group.order, 4, 6, DIM, dtype=torch.float64)
    for shift in ((2, 0), (0, 2), (2, 4)):
        moved = model(lifted.roll(shift, (2, 3)))
        torch.testing.assert_close(moved, model(lifted).roll(shift, (2, 3)), rtol=0, atol=1e-10)
    shifted = model(lifted.roll((1, 0), (2, 3))) - model(lifted).roll((1, 0), (2, 3))
    assert shifted.abs().max() > 1e-3  # half a window is no symmetry


@pytest.mark.parametrize("group", [CyclicGroup(1), C4, D4], ids=repr)
def test_translation_by_whole_patches(group):
    """Whole model: ink far from the border, moved by the windows' width in pixels."""
    stages = [
        Stage("conv", 1, 8, kernel_size=3),
        Stage("gcsa", 1, 16, heads=2, window=2, stride=2),
        Stage("gsa", 1, 48, heads=2, encoding="rotary", window=2),
    ]
    vit = EquivariantViT(EquivariantViTConfig(group, 1, (2, 2, 0), stages)).double()
    model = shaken(add_adapter(vit, "all", rank=2)).get_base_model()
    image = torch.zeros(1, 1, 48, 56, dtype=torch.float64)
    image[:, :, 16:24, 16:24] = torch.randn(8, 8)
    features = model.features(image)[-1]
    for pixels, shift in (((8, 0), (2, 0)), ((0, 16), (0, 4)), ((8, 8), (2, 2))):
        moved = model.features(image.roll(pixels, (2, 3)))[-1]
        inner = (..., slice(4, -2), slice(6, -2), slice(None))  # out of reach of zero padding
        expected = features.roll(shift, (2, 3))[inner]
        torch.testing.assert_close(moved[inner], expected, rtol=0, atol=1e-10)
        assert (features[inner] - expected).abs().max() > 0.1


# Merged, and in whole models ---------------------------------------------------------------------


@pytest.mark.parametrize("method", METHODS)
@pytest.mark.parametrize("group", [C4, D4], ids=repr)
def test_merged_weights_are_as_equivariant(group, method):
    stages = [
        Stage("conv", 1, 8, kernel_size=3),
        Stage("gcsa", 1, 16, heads=2, stride=2),
        Stage("gsa", 1, 24, heads=2, encoding="mlp"),
    ]
    vit = EquivariantViT(EquivariantViTConfig(group, 1, (4, 2, 1), stages, classes=3)).double()
    image = torch.randn(2, 1, 16, 24, dtype=torch.float64)
    plain = vit(image)
    model = shaken(add_adapter(vit, "all", rank=2, method=method))
    apart = model(image)
    assert (apart - plain).abs().max() > 1e-2
    assert_equivariant(model, image, group, takes="image", gives="invariant")
    model.merge_adapter()
    torch.testing.assert_close(model(image), apart, rtol=0, atol=1e-10)
    assert_equivariant(model, image, group, takes="image", gives="invariant")


def test_an_adapter_that_sees_the_rows_breaks_it():
    """The negative control: a low-rank term that depends on the place."""

    class OfTheRow(nn.Linear):
        def forward(self, lifted):
            row = torch.arange(lifted.shape[2], dtype=lifted.dtype)[:, None, None]
            return super().forward(lifted * (1 + row))

    layer = GroupSelfAttention(DIM, HEADS, group=C4, encoding="mlp").double()
    model = adapted(layer).get_base_model()
    model[0].q_proj.lora_A["default"].__class__ = OfTheRow
    lifted = torch.randn(1, 4, 3, 4, DIM, dtype=torch.float64)
    errors = equivariance_error(model, lifted, C4, takes="lifted", gives="lifted")
    assert min(errors[h] for h in (1, 2, 3)) > 1e-4
