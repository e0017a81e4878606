import math

import pytest
import torch

from isotrope.equivariance.testing import EquivariantLayerTests
from isotrope.groups import CyclicGroup, DihedralGroup
from isotrope.nn import Arrows

C4 = CyclicGroup(4)


class Still(Arrows):
    """Arrows that stay as they are when the page turns."""

    def table(self, like):
        return super().table(like).abs()


class TestArrows(EquivariantLayerTests):
    groups = (CyclicGroup(1), CyclicGroup(2), C4, DihedralGroup(4))
    channels = 1

    def layer(self, group):
        return Arrows(group)

    def broken(self, group):
        return Still(group)


@pytest.mark.parametrize("degrees", [0, 30, 135, 250])
def test_scores_as_the_cosine_of_the_angle_give_an_arrow_at_that_angle(degrees):
    angles = [math.radians(C4.angle(g) - degrees) for g in C4.elements]
    scores = torch.tensor([math.cos(a) for a in angles]).view(1, 4, 1, 1, 1)
    x, y = Arrows(C4)(scores).flatten().tolist()
    # counter-clockwise as displayed: y points down
    assert math.degrees(math.atan2(-y, x)) % 360 == pytest.approx(degrees, abs=1e-3)


def test_other_signals_are_refused():
    with pytest.raises(ValueError, match=r"is not one score for each orientation .*; give \(B, 4,"):
        Arrows(C4)(torch.rand(1, 4, 3, 3, 2))
