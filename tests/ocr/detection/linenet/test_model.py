"""`LineNet`: maps of the right sizes, exactly equivariant in float64, from random weights."""

import pytest
import torch

from isotrope.groups import CyclicGroup
from isotrope.ocr.detection.linenet.model import LineNet, LineNetConfig, Maps

C4 = CyclicGroup(4)
SMALL = LineNetConfig(stem=2, widths=(3, 4, 5), depths=(1, 1, 1))


def random_net(config=SMALL):
    """Random weights and biases, and the running statistics of two batches, in float64."""
    torch.manual_seed(0)
    net = LineNet(config).double()
    with torch.no_grad():
        for parameter in net.parameters():
            parameter.add_(torch.randn_like(parameter) * 0.1)
        for _ in range(2):
            net(pixels(64, 96))
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
        (2, 16, 24),
        (2, 16, 24),
        (2, 2, 16, 24),
        (2, 16, 24),
    ]
    assert error(after, turned(maps, 1)) < 1e-9


def test_it_trains_in_16_bits():
    net = LineNet(SMALL)
    with torch.autocast("cpu", torch.bfloat16):
        maps = net(torch.rand(2, 3, 32, 48))
    sum(each.float().square().mean() for each in maps).backward()
    assert all(p.grad is not None and p.grad.abs().sum() > 0 for p in net.parameters())


def test_config_survives_json():
    assert LineNetConfig.from_dict(SMALL.to_dict()) == SMALL
    assert SMALL.unit == 16


@pytest.mark.parametrize(
    ("call", "message"),
    [
        (lambda: LineNet(SMALL)(torch.rand(1, 3, 32, 40)), "size 32x40 .* multiples of 16; resize"),
        (lambda: LineNetConfig(widths=(4, 8)), "one number for each resolution"),
        (lambda: LineNetConfig(group="C2"), "group='C2' .* any direction; use 'C4'"),
    ],
)
def test_errors_name_value_rule_and_remedy(call, message):
    with pytest.raises(ValueError, match=message):
        call()
