"""Batch norm: in training and in eval mode it commutes with every element."""

import copy

import pytest
import torch

from isotrope import EquivariantViT, EquivariantViTConfig, Stage
from isotrope.equivariance import equivariance_error
from isotrope.equivariance.testing import EquivariantLayerTests
from isotrope.groups import CyclicGroup, DihedralGroup
from isotrope.nn import LiftedBatchNorm


class TestLiftedBatchNorm(EquivariantLayerTests):
    refuses_wrong_shape = False  # any group will do; see below

    def layer(self, group):
        norm = LiftedBatchNorm(6)
        norm.batch_norm.running_mean.uniform_(-1, 1)  # the test is in eval mode; at first, 0 and 1
        norm.batch_norm.running_var.uniform_(0.5, 2)
        return norm


@pytest.mark.parametrize("group", [CyclicGroup(4), DihedralGroup(4), CyclicGroup(2)], ids=repr)
def test_it_commutes_with_every_element_in_training(group):
    torch.manual_seed(0)
    norm = LiftedBatchNorm(6).double().train()
    lifted = torch.randn(3, group.order, 3, 4, 6, dtype=torch.float64) * 2 + 1
    for h in group.elements:
        turned = norm(group.act_lifted(h, lifted))
        torch.testing.assert_close(turned, group.act_lifted(h, norm(lifted)), rtol=0, atol=1e-12)


class OfEachOrientation(torch.nn.BatchNorm1d):
    """As `BatchNorm` does on a signal flattened to planes: a turn brings them to others' share."""

    def forward(self, lifted):
        planes = lifted.movedim(1, 3).flatten(3)  # (B, H, W, G*C)
        normed = super().forward(planes.flatten(0, 2)).view(planes.shape)
        return normed.unflatten(3, lifted.shape[1::3]).movedim(3, 1)


def test_statistics_of_each_orientation_would_not():
    group = CyclicGroup(4)
    torch.manual_seed(0)
    norm = OfEachOrientation(4 * 6).double().eval()
    norm.running_mean.uniform_(-1, 1)
    lifted = torch.randn(3, 4, 3, 4, 6, dtype=torch.float64)
    assert max(equivariance_error(norm, lifted, group, "lifted", "lifted").values()) > 1e-3


def test_it_is_its_equation():
    torch.manual_seed(0)
    norm = LiftedBatchNorm(6).train()
    lifted = torch.randn(3, 4, 3, 5, 6) * 3 + 2
    mean = lifted.mean(dim=(0, 1, 2, 3))
    variance = lifted.var(dim=(0, 1, 2, 3), correction=0)
    torch.testing.assert_close(
        norm(lifted), (lifted - mean) / (variance + norm.batch_norm.eps).sqrt()
    )


def test_another_width_is_refused():
    with pytest.raises(ValueError, match=r"\(2, 4, 3, 3, 5\) is not .* of 6 channels; give \(B,"):
        LiftedBatchNorm(6)(torch.rand(2, 4, 3, 3, 5))


def trained_model():
    torch.manual_seed(0)
    stages = [Stage("plain", 1, 6), Stage("conv", 1, 8, stride=2)]
    model = EquivariantViT(EquivariantViTConfig("C4", stages=stages, classes=3, norm="batch"))
    model(torch.randn(4, 3, 16, 16))  # running statistics that are not 0 and 1
    return model


def test_a_model_converted_to_synchronized_norms_is_the_same():
    """`convert_sync_batchnorm` would take the orientations of a `BatchNorm1d` for its channels."""
    model, images = trained_model(), torch.randn(2, 3, 16, 24)
    expected = copy.deepcopy(model).eval()(images)
    converted = torch.nn.SyncBatchNorm.convert_sync_batchnorm(model)
    kinds = [type(m).__name__ for m in converted.modules()]
    assert kinds.count("SyncBatchNorm") == kinds.count("LiftedBatchNorm") == 6
    assert "BatchNorm1d" not in kinds
    torch.testing.assert_close(converted.eval()(images), expected)
    assert max(equivariance_error(converted, images, "C4").values()) < 1e-10


def test_weights_of_the_first_names_load():
    """The layer was once a `BatchNorm1d` itself: `norm.weight`, not `norm.batch_norm.weight`."""
    model, images = trained_model().eval(), torch.randn(2, 3, 16, 24)
    first = {name.replace("batch_norm.", ""): t for name, t in model.state_dict().items()}
    assert first.keys() != model.state_dict().keys()
    again = EquivariantViT(model.config).eval()
    again.load_state_dict(first)
    assert torch.equal(again(images), model(images))
