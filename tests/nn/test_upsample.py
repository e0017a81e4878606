import pytest
import torch

from isotrope.equivariance.testing import EquivariantLayerTests
from isotrope.nn import Upsample


class Corner(Upsample):
    """Puts each position at the corner of its new positions, as `align_corners` conventions may."""

    def on_planes(self, planes):
        return super().on_planes(planes).roll(1, 3)


class TestBilinear(EquivariantLayerTests):
    refuses_wrong_shape = False  # it takes any number of channels

    def layer(self, group):
        return Upsample(2)

    def broken(self, group):
        return Corner(2)


class TestNearest(EquivariantLayerTests):
    refuses_wrong_shape = False

    def layer(self, group):
        return Upsample(3, mode="nearest")


def test_a_position_keeps_its_center_and_the_border_its_values():
    row = torch.tensor([0.0, 4.0]).view(1, 1, 1, 2, 1)
    assert Upsample(2)(row)[0, 0, 0, :, 0].tolist() == [0, 1, 3, 4]
    assert Upsample(2, mode="nearest")(row)[0, 0, 1, :, 0].tolist() == [0, 0, 4, 4]


@pytest.mark.parametrize(
    ("call", "message"),
    [
        (lambda: Upsample(0), "factor=0 would shrink the grid; give 1 or more"),
        (lambda: Upsample(2, "cubic"), "mode='cubic' is not known; use 'bilinear' or 'nearest'"),
        (lambda: Upsample(2)(torch.rand(1, 3, 4, 4)), "is not a lifted signal; give"),
    ],
)
def test_errors_name_value_rule_and_remedy(call, message):
    with pytest.raises(ValueError, match=message):
        call()
