"""Cores, sides and arrows turn with the image; a head that takes sides for maps is found."""

import pytest
import torch

from isotrope.equivariance import assert_equivariant, equivariance_error
from isotrope.groups import CyclicGroup, DihedralGroup
from isotrope.models.heads import DetectHead

C4, D4 = CyclicGroup(4), DihedralGroup(4)


class Named(DetectHead):
    """Sides that keep their names: the right side of a turned image is still the right one."""

    def forward(self, lifted):
        found = super().forward(lifted)
        return found._replace(
            sides=found.sides.mean(1, keepdim=True).expand_as(found.sides).clone()
            + torch.arange(len(self.group)).view(1, -1, 1, 1, 1)
        )


def head(kind=DetectHead, group=D4, **options):
    torch.manual_seed(0)
    made = kind(6, group, **options).double()
    with torch.no_grad():
        for parameter in made.parameters():
            parameter.add_(torch.randn_like(parameter))
    return made


def signal(group=D4, rows=3, columns=5):
    return torch.randn(2, len(group), rows, columns, 6, dtype=torch.float64)


@pytest.mark.parametrize("group", [C4, D4])
@pytest.mark.parametrize("directed", [False, True])
def test_what_it_says_turns_with_the_image(group, directed):
    made = head(group=group, classes=3, directed=directed)
    found = made(signal(group))
    assert found.core.shape == (2, 3, 3, 5)
    assert found.sides.shape == (2, len(group), 3, 5, 1)
    assert (found.arrow is not None) == directed
    assert_equivariant(made, signal(group), group, tol=1e-12)


def test_sides_that_do_not_turn_are_found():
    assert max(equivariance_error(head(Named), signal(), D4).values()) > 0.1


def test_orientations_that_look_the_same_way_agree():
    sides = head()(signal()).sides
    for g in D4.elements:
        (twin,) = (
            h for h in D4.elements if h != g and D4.matrix(h)[:, 0].equal(D4.matrix(g)[:, 0])
        )
        assert torch.equal(sides[:, g], sides[:, twin])
    assert (sides[:, 0] - sides[:, 1]).abs().min() > 1e-6


def test_before_training_there_is_nothing_and_sides_are_as_said():
    made = DetectHead(6, D4, size=12.0)
    with torch.no_grad():
        made.say.weight.zero_()
    found = made(signal().float())
    assert (found.core.sigmoid() < 0.2).all()
    torch.testing.assert_close(found.sides.exp(), torch.full_like(found.sides, 12.0))


def test_groups_that_cannot_name_four_sides_are_refused():
    with pytest.raises(
        ValueError, match=r"DihedralGroup\(2\) does not turn one side .*; use C4 or"
    ):
        DetectHead(6, DihedralGroup(2))


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"classes": 0}, "classes=0 leaves nothing to detect; give 1 or more"),
        ({"size": 0.0}, "size=0.0 is no distance; give a positive number of pixels"),
    ],
)
def test_heads_without_classes_or_a_size_are_refused(options, message):
    with pytest.raises(ValueError, match=message):
        DetectHead(6, D4, **options)
