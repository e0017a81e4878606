"""`LineNet`: maps of the right sizes, exactly equivariant in float64, from random weights."""

import pytest
import torch
import torch.nn.functional as F

from isotrope.groups import CyclicGroup
from isotrope.ocr.detection.db.model import DBNet, DBNetConfig
from isotrope.ocr.detection.linenet.model import LineNet, LineNetConfig, Maps
from isotrope.ocr.detection.linenet.published import orbit_of
from isotrope.ocr.recognition.model import StageConfig

C4 = CyclicGroup(4)
TRUNK = DBNetConfig((StageConfig(4, 1), StageConfig(6, 1), StageConfig(8, 1)), 12, 3)
SMALL = LineNetConfig(trunk=TRUNK, dim=5)


def random_net(config=SMALL):
    """Random weights and biases, in float64."""
    torch.manual_seed(0)
    net = LineNet(config).double()
    with torch.no_grad():
        for parameter in net.parameters():
            parameter.add_(torch.randn_like(parameter) * 0.1)
    return net.eval()


def pixels(rows, columns):
    return torch.rand(2, 3, rows, columns, dtype=torch.float64) * 2 - 1


def turned(maps, h):
    core, end, arrow, height = maps
    scalars = (C4.act_image(h, each) for each in (core, end, height))
    core, end, height = scalars
    return Maps(core, end, C4.act_vectors(h, arrow), height)


def error(got, expected):
    return max(float((a - b).abs().max()) for a, b in zip(got, expected, strict=True))


@pytest.mark.parametrize("h", C4.elements)
@pytest.mark.parametrize("size", [(64, 64), (48, 112), (80, 16)])
def test_maps_of_a_turned_page_are_the_turned_maps(size, h):
    net, page = random_net(), pixels(*size)
    with torch.no_grad():
        maps, after = net(page), net(C4.act_image(h, page))
    assert float(maps.arrow.abs().max()) > 0.01
    assert error(after, turned(maps, h)) < 1e-9


def test_the_usual_network_is_equivariant_and_small():
    net = random_net(LineNetConfig())
    assert sum(p.numel() for p in net.parameters()) < 1.5e6
    page = pixels(64, 96)
    with torch.no_grad():
        maps, after = net(page), net(C4.act_image(1, page))
    assert [tuple(each.shape) for each in maps] == [
        (2, 32, 48),
        (2, 32, 48),
        (2, 2, 32, 48),
        (2, 32, 48),
    ]
    assert error(after, turned(maps, 1)) < 1e-9


def test_it_trains_in_16_bits():
    net = random_net().float().train()
    with torch.autocast("cpu", torch.bfloat16):
        maps = net(torch.rand(2, 3, 32, 48))
    sum(each.float().square().mean() for each in maps).backward()
    assert all(p.grad is not None for p in net.parameters())
    first = net.features.module.stem.first.weight
    assert all(p.grad.abs().sum() > 0 for p in (first, net.mix.conv.weight, net.say.weight))


def test_its_core_is_at_first_the_mean_of_a_detector_at_all_turns():
    torch.manual_seed(0)
    detector, page = DBNet(TRUNK).double(), pixels(48, 80)
    net = orbit_of(detector, dim=5).double()
    with torch.no_grad():
        net.mix.conv.weight.zero_()
        turns = [C4.act_image(-g % 4, page.flip(1)) for g in C4.elements]  # blue first
        logits = [C4.act_image(g, detector(turned)) for g, turned in enumerate(turns)]
        expected = F.avg_pool2d(torch.stack(logits).mean(0), 2)
        torch.testing.assert_close(net(page).core, expected, rtol=0, atol=1e-12)
    assert expected.std() > 1e-4


def test_config_survives_json():
    assert LineNetConfig.from_dict(SMALL.to_dict()) == SMALL
    assert SMALL.unit == 16


@pytest.mark.parametrize(
    ("call", "message"),
    [
        (lambda: LineNet(SMALL)(torch.rand(1, 3, 32, 40)), "size 32x40 .* multiples of 16; resize"),
        (lambda: orbit_of(DBNet(TRUNK), dim=2), "dim=2 is less than the 3 channels"),
        (lambda: LineNetConfig(group="C2"), "group='C2' .* any direction; use 'C4'"),
    ],
)
def test_errors_name_value_rule_and_remedy(call, message):
    with pytest.raises(ValueError, match=message):
        call()
