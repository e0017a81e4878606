"""From the pixels of a page of odd sizes to its polygons, in float64, with random weights."""

import pytest
import torch
import torch.nn.functional as F

from isotrope.groups import CyclicGroup
from isotrope.ocr.detection.linenet.decoding import Decoding, Field, find_lines

from .drawing import distance, turned_line
from .test_audit import with_padding_on_one_side, with_still_arrows, with_unturned_filter
from .test_model import random_net

C4 = CyclicGroup(4)
ANY = Decoding(sure=0, smallest=1)


def lines(net, page):
    """Resize to multiples of the network's unit, in float64, as the session does in float32."""
    unit, (rows, columns) = net.config.unit, page.shape[2:]
    size = [unit * max(1, round(side / unit)) for side in (rows, columns)]
    pixels = F.interpolate(page, size, mode="bilinear", antialias=True)
    with torch.no_grad():
        core, end, arrow, height = net(pixels)
    # Random weights say nothing of lines: call a fifth of the page text.
    core = 20 * (core - core.quantile(0.8)) / core.std()
    out = torch.cat([core, end - end.mean(), arrow[0], height])
    return find_lines(Field.of(out.numpy()), (columns, rows), ANY)


@pytest.mark.parametrize("h", C4.elements)
@pytest.mark.parametrize("size", [(157, 211), (96, 261)])
def test_polygons_of_a_turned_page_are_the_turned_polygons(size, h):
    net, page = random_net(), torch.rand(1, 3, *size, dtype=torch.float64) * 2 - 1
    found = lines(net, page)
    assert len(found) > 10
    expected = [turned_line(line, 90 * h, size[::-1]) for line in found]
    assert distance(lines(net, C4.act_image(h, page)), expected) < 1e-9


@pytest.mark.parametrize(
    "break_it", [with_padding_on_one_side, with_still_arrows, with_unturned_filter]
)
def test_a_broken_network_is_noticed(break_it):
    net, page = random_net(), torch.rand(1, 3, 157, 211, dtype=torch.float64) * 2 - 1
    break_it(net)
    net = net.double()
    before = [turned_line(line, 180, (211, 157)) for line in lines(net, page)]
    after = lines(net, C4.act_image(2, page))
    assert len(before) != len(after) or distance(after, before) > 1e-3
