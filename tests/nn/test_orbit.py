"""The orbit of any module is equivariant, and what breaks that."""

import pytest
import torch
from torch import nn

from isotrope.equivariance.testing import EquivariantLayerTests
from isotrope.groups import CyclicGroup, DihedralGroup
from isotrope.nn import LiftingOrbit, Orbit

C1, C2, C4 = CyclicGroup(1), CyclicGroup(2), CyclicGroup(4)
D1, D2, D4 = DihedralGroup(1), DihedralGroup(2), DihedralGroup(4)
GROUPS = (C1, C2, C4, D1, D2, D4)


def askew_net(outputs):
    """A plain network of asymmetric padding and strides; it takes any size."""
    return nn.Sequential(
        nn.ZeroPad2d((2, 0, 1, 0)),
        nn.Conv2d(2, 8, (3, 2), stride=(1, 2)),
        nn.GELU(),
        nn.AdaptiveAvgPool2d(1),
        nn.Flatten(),
        nn.Linear(8, outputs),
    )


def askew_maps(outputs, channels=2):
    """The same with maps; it halves both sides, rounded up."""
    return nn.Sequential(
        nn.ZeroPad2d((2, 0, 0, 2)),
        nn.Conv2d(channels, 8, 3, stride=2),
        nn.GELU(),
        nn.Conv2d(8, outputs, 1),
    )


def noise(rows=3, columns=5, batch=3):
    return torch.randn(batch, 2, rows, columns, dtype=torch.float64)


class TestOrbit(EquivariantLayerTests):
    channels, refuses_wrong_shape = 2, False  # any number of channels that the module takes

    def layer(self, group):
        return Orbit(askew_net(3), group)

    def broken(self, group):
        class TurnedForward(Orbit):
            """`f(g image)` in place of `f(g^-1 image)`."""

            def forward(self, images):
                found = super().forward(images)
                return found[:, [self.group.inverse(g) for g in self.group.elements]]

        return TurnedForward(askew_net(3), group)


class TestLiftingOrbit(EquivariantLayerTests):
    channels, refuses_wrong_shape = 2, False
    groups = GROUPS

    def layer(self, group):
        return LiftingOrbit(askew_maps(3), group)

    def broken(self, group):
        class Ranked(LiftingOrbit):
            """Adds another number to each orientation."""

            def planes(self, images):
                planes = super().planes(images)
                return planes + torch.arange(planes.shape[1])[:, None, None]

        return Ranked(askew_maps(3), group)


@pytest.mark.parametrize("group", GROUPS, ids=repr)
def test_the_orbit_is_the_module_on_the_image_turned_back(group):
    torch.manual_seed(0)
    module, images = askew_net(3).double(), noise()
    found = Orbit(module, group)(images)
    assert found.shape == (3, group.order, 3)
    for g in group.elements:
        expected = module(group.act_image(group.inverse(g), images))
        torch.testing.assert_close(found[:, g], expected)


@pytest.mark.parametrize(("columns", "calls"), [(4, 1), (5, 2)])
def test_the_copies_of_one_shape_go_through_the_module_in_one_call(columns, calls):
    seen = []

    class Watched(nn.Module):
        def forward(self, images):
            seen.append(len(images))
            return images.mean((2, 3))

    Orbit(Watched(), D4)(noise(4, columns))
    assert seen == [24 // calls] * calls


@pytest.mark.parametrize("group", GROUPS, ids=repr)
def test_the_lifting_orbit_turns_the_maps_forth_again(group):
    torch.manual_seed(0)
    module, images = askew_maps(3).double(), noise(6, 10)
    lifting = LiftingOrbit(module, group)
    found = lifting(images)
    assert found.shape == (3, group.order, 3, 5, 3)
    for g in group.elements:
        maps = module(group.act_image(group.inverse(g), images))
        torch.testing.assert_close(found[:, g].movedim(-1, 1), group.act_image(g, maps))
    torch.testing.assert_close(lifting.planes(images).unflatten(1, (-1, 3))[:, :, 1], found[..., 1])


@pytest.mark.parametrize("make", [Orbit, LiftingOrbit])
def test_what_is_refused(make):
    images = noise()
    with pytest.raises(ValueError, match=r"CyclicGroup\(8\) turns between pixels; use C1, C2, C4"):
        make(nn.Identity(), group=CyclicGroup(8))
    with pytest.raises(ValueError, match=r"\(0, 2, 3, 5\) is no batch of images"):
        make(nn.Identity(), C4)(images[:0])


def test_modules_that_give_something_else_are_refused():
    images = noise()
    with pytest.raises(ValueError, match=r"Identity gives shape \(6, 2, 3, 5\), not one vector"):
        Orbit(nn.Identity(), C4)(images)
    with pytest.raises(ValueError, match=r"Flatten gives shape \(3, 30\), not maps \(B, K, h, w\)"):
        LiftingOrbit(nn.Flatten(), C4)(images)
