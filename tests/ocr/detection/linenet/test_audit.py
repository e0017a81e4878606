"""An audit of `LineNet` passes, and names the layer that breaks it."""

import pytest
import torch.nn.functional as F
from torch import nn

from isotrope import audit, equivariance_error
from isotrope.nn import Arrows, LiftingOrbit
from isotrope.ocr.detection.linenet.model import LineNet

from .test_model import C4, pixels, random_net


class Unturned(nn.Module):
    """The same depthwise filter in all orientations."""

    takes, gives = "lifted", "lifted"

    def __init__(self, dim):
        super().__init__()
        self.conv = nn.Conv2d(dim, dim, 3, padding=1, groups=dim)

    def forward(self, lifted):
        planes = self.conv(lifted.flatten(0, 1).permute(0, 3, 1, 2))
        return planes.permute(0, 2, 3, 1).unflatten(0, lifted.shape[:2])


class PaddedOnOneSide(LiftingOrbit):
    """Pads the page to a larger size, on the right and below."""

    def planes(self, images):
        rows, columns = images.shape[-2:]
        planes = super().planes(F.pad(images, (0, 16, 0, 16)))
        return planes[..., : rows // 2, : columns // 2]


class Still(Arrows):
    """Arrows that stay as they are when the page turns."""

    def table(self, like):
        return super().table(like).abs()


def with_unturned_filter(net: LineNet):
    net.mix.conv = Unturned(5)


def with_padding_on_one_side(net: LineNet):
    net.features = PaddedOnOneSide(net.features.module, C4)


def with_still_arrows(net: LineNet):
    net.arrows = Still(C4)


def test_an_audit_compares_all_maps():
    report = audit(random_net(), pixels(48, 80), C4)
    assert report.ok
    kinds = {row.name: row.kind for row in report.rows}
    assert kinds["arrows"] == kinds["(model).arrow"] == "vectors"
    assert kinds["(model).core"] == kinds["(model).end"] == kinds["(model).height"] == "image"


@pytest.mark.parametrize(
    ("break_it", "name"),
    [
        (with_unturned_filter, "mix.conv"),
        (with_padding_on_one_side, "features"),
        (with_still_arrows, "arrows"),
    ],
)
def test_an_audit_names_the_layer_that_breaks_it(break_it, name):
    net = random_net()
    break_it(net)
    report = audit(net, pixels(48, 80), C4)
    assert not report.ok
    assert report.first_broken.name == name
    assert max(equivariance_error(net, pixels(48, 80), C4).values()) > 1e-4


def test_vectors_that_do_not_turn_are_found_behind_maps_that_do():
    net = random_net()
    with_still_arrows(net)
    report = audit(net, pixels(48, 80), C4)
    broken = {row.name for row in report.rows if row.error is not None and row.error > 1e-9}
    assert broken == {"arrows", "(model).arrow"}
