"""What the finder learns from: slanted images and what lies around them; the loss of a slant."""

import math

import numpy as np
import pytest
import torch
from torch import nn

from isotrope.training.tasks.orientation import OrientationTask, targets
from isotrope.training.upright import (
    UprightMix,
    alike_upside_down,
    border_color,
    slanted,
)


def bar(rows=60, columns=90):
    """A dark horizontal bar on white."""
    image = torch.ones(3, rows, columns)
    image[:, rows // 2 - 2 : rows // 2 + 2, 10:-10] = 0
    return image


def angle_of(image):
    """Degrees counter-clockwise of the dark pixels' long axis."""
    y, x = np.nonzero(image[0].numpy() < 0.5)
    (a, b), (_, d) = np.cov(np.stack([x, -y]))
    return math.degrees(0.5 * math.atan2(2 * b, a - d))


@pytest.mark.parametrize("degrees", [-40, -7, 0, 12, 33])
def test_a_slanted_image_is_turned_counter_clockwise_by_so_many_degrees(degrees):
    image = bar()
    turned = slanted(image, degrees, border_color(image))
    assert abs(angle_of(turned) - degrees) < 1
    assert turned[:, 0, 0].tolist() == [1, 1, 1]


def test_the_color_around_is_the_one_given_or_the_border_goes_on():
    image = torch.full((3, 40, 60), 0.25)
    assert slanted(image, 30, torch.zeros(3))[:, 0, 0].tolist() == [0, 0, 0]
    assert torch.allclose(slanted(image, 30, None), torch.tensor(0.25))


def test_a_share_of_the_samples_is_slanted():
    mix = UprightMix([(1.0, lambda rng: (bar(), "Anna"))], slanted=0.3)
    rng = np.random.default_rng(0)
    slants = [mix.draw(rng).slant for _ in range(300)]
    assert 0.5 < np.mean([s != 0 for s in slants]) < 0.7
    assert max(slants) > 30
    assert min(slants) < -30


class Says(nn.Module):
    """Says the same of every image, whichever way it is turned."""

    def __init__(self, degrees):
        super().__init__()
        angle = math.radians(degrees)
        self.said = torch.tensor([0.0, math.cos(angle), math.sin(angle)])

    def forward(self, pixels):
        return self.said.expand(len(pixels), 3)


def test_the_loss_of_a_slant_grows_with_the_angle_it_is_missed_by():
    batch = {
        "pixels": torch.zeros(2, 3, 32, 40, dtype=torch.uint8),
        "slant": torch.tensor([10_000, 10_000]),
        "known": torch.tensor([True, True]),
    }
    task = OrientationTask(nn.Identity(), None, {})
    missed = [float(task.loss(Says(10 + d), batch)["slant"]) for d in (0, 2, 4, 8)]
    assert missed[0] < 0.011
    wanted = [2 * math.sin(math.radians(d) / 2) for d in (2, 4, 8)]
    assert missed[1:] == pytest.approx(wanted, abs=2e-3)


def test_what_reads_the_same_upside_down_has_two_right_answers():
    found = targets(torch.tensor([0.0, 0.0]), torch.tensor([True, False]), 4)
    assert found.tolist() == [[1, 0, 0, 0], [0.5, 0, 0.5, 0]]
    assert alike_upside_down("OXO")
    assert not alike_upside_down("Anna")
