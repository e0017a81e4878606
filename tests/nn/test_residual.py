"""Layer scale and stochastic depth: equivariant, right on average, and off in eval mode."""

import pytest
import torch

from isotrope.equivariance.testing import EquivariantLayerTests
from isotrope.groups import CyclicGroup
from isotrope.nn import Block, FeedForward, ResidualScale


class TestScale(EquivariantLayerTests):
    channels = 6
    refuses_wrong_shape = False  # pointwise: the layers around it do

    def layer(self, group):
        layer = ResidualScale(6, layer_scale=0.1)
        torch.nn.init.normal_(layer.weight)
        return layer


def test_an_image_is_kept_whole_or_not_at_all():
    torch.manual_seed(0)
    layer = ResidualScale(3, drop_path=0.25)
    lifted = torch.ones(4000, 2, 1, 2, 3)
    out = layer(lifted).flatten(1)
    assert out.unique().tolist() == pytest.approx([0, 4 / 3])
    assert (out == out[:, :1]).all()
    assert (out[:, 0] == 0).float().mean() == pytest.approx(0.25, abs=0.03)
    assert torch.equal(layer.eval()(lifted), lifted)


def test_both_branches_of_a_block_are_scaled():
    torch.manual_seed(0)
    block = Block(4, FeedForward(4), layer_scale=1e-5)
    lifted = torch.randn(2, 4, 3, 3, 4)
    assert (block(lifted) - lifted).abs().max() < 1e-4
    names = {name for name, _ in block.named_parameters() if "scale" in name}
    assert names == {"mixer_scale.weight", "mlp_scale.weight"}
    assert not [n for n in Block(4, FeedForward(4)).state_dict() if "scale" in n]


def test_a_dropped_branch_leaves_the_image_as_it_is():
    torch.manual_seed(0)
    block = Block(4, FeedForward(4), drop_path=0.5)
    lifted = torch.randn(64, 2, 1, 1, 4)
    same = (block(lifted) == lifted).flatten(1).all(dim=1)
    assert 4 < same.sum() < 32  # both branches: a quarter
    assert not (block.eval()(lifted) == lifted).flatten(1).all(dim=1).any()


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"layer_scale": 0.0}, r"layer_scale=0\.0 is not positive; use 1e-4"),
        ({"drop_path": 1.0}, r"drop_path=1\.0 is not in \[0, 1\)"),
    ],
)
def test_errors(options, message):
    with pytest.raises(ValueError, match=message):
        ResidualScale(4, **options)


def test_a_dropped_image_is_dropped_at_every_orientation():
    """A draw for each orientation would break the symmetry; in training too, with one seed."""
    layer, group = ResidualScale(3, drop_path=0.5).double(), CyclicGroup(4)
    lifted = torch.randn(8, 4, 5, 5, 3, dtype=torch.float64)
    for g in group.elements:
        torch.manual_seed(1)
        turned = layer(group.act_lifted(g, lifted))
        torch.manual_seed(1)
        assert torch.equal(turned, group.act_lifted(g, layer(lifted)))
