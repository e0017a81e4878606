"""Every fast form and its plain twin give the same values and gradients in float64."""

import pytest
import torch
from torch import nn

from isotrope.groups import CyclicGroup, DihedralGroup
from isotrope.nn.fast.grouped import GroupedConv2d, plain_grouped_conv2d
from isotrope.nn.fast.kept import Kept
from isotrope.nn.fast.patches import patches_by_filters, plain_patches_by_filters
from isotrope.nn.fast.pooling import SquareMeans, plain_square_means, square_means
from isotrope.nn.fast.relative import plain_relative_attention, relative_attention_in_runs
from isotrope.nn.fast.rotation import (
    plain_rotated,
    prepared,
    rotated_by_one_product,
)
from isotrope.nn.fast.toeplitz import plain_relative_scores, relative_gradients, relative_scores
from isotrope.nn.fast.turning import plain_turns, turns_by_one_product

C1, C4, C8, D4 = CyclicGroup(1), CyclicGroup(4), CyclicGroup(8), DihedralGroup(4)


def randn(*shape):
    return torch.randn(*shape, dtype=torch.float64, requires_grad=True)


def assert_twins(fast, plain, tensors):
    """The same values, and the same gradients of a random functional, by every tensor."""
    got, expected = fast(*tensors), plain(*tensors)
    torch.testing.assert_close(got, expected, rtol=0, atol=1e-11)
    upstream = torch.randn_like(got)
    torch.testing.assert_close(
        torch.autograd.grad(got, tensors, upstream),
        torch.autograd.grad(expected, tensors, upstream),
        rtol=0,
        atol=1e-11,
    )


@pytest.fixture(autouse=True)
def _seed():
    torch.manual_seed(0)


@pytest.mark.parametrize("group", [C1, C4, C8, D4], ids=repr)
@pytest.mark.parametrize("side", [1, 2, 3, 5])
def test_turns(group, side):
    if side == 1 and not group.exact:
        pytest.skip("one weight has no direction")

    def fast(weight):
        return turns_by_one_product(group, weight, Kept())

    assert_twins(fast, lambda weight: plain_turns(group, weight), [randn(4, 3, side, side)])


@pytest.mark.parametrize("filters", [1, 2])
@pytest.mark.parametrize("padding", [0, 1, 2])
def test_filters_in_groups(filters, padding):
    tensors = [randn(2, 6, 3, 5), randn(6 * filters, 2, 3, 3)]

    def fast(planes, weight):
        return GroupedConv2d.apply(planes, weight, padding, 3)

    def plain(planes, weight):
        return plain_grouped_conv2d(planes, weight, None, 1, padding, 3)

    assert_twins(fast, plain, tensors)
    assert torch.autograd.gradgradcheck(fast, (tensors[0][:1], tensors[1]))


@pytest.mark.parametrize("side", [2, 3])
@pytest.mark.parametrize("order", [torch.contiguous_format, torch.channels_last])
def test_means_of_squares(side, order):
    planes = randn(2, 3, 2 * side, 4 * side).detach().to(memory_format=order).requires_grad_()

    def fast(planes):
        return SquareMeans.apply(planes, side)

    assert_twins(fast, lambda planes: plain_square_means(planes, side), [planes])
    assert torch.autograd.gradgradcheck(fast, (planes[:1],))
    kept = []
    with torch.autograd.graph.saved_tensors_hooks(kept.append, lambda tensor: tensor):
        means = square_means(planes, side)
    assert not kept
    assert means.is_contiguous(memory_format=order)


@pytest.mark.parametrize(("side", "stride", "padding"), [(3, 1, 1), (1, 1, 0), (4, 2, 1)])
def test_patches(side, stride, padding):
    tensors = [randn(2, 4, 4, 6, 3), randn(4 * 5, 4 * 3, side, side), randn(4 * 5)]

    def fast(*tensors):
        return patches_by_filters(*tensors, stride, padding)

    assert_twins(fast, lambda *t: plain_patches_by_filters(*t, stride, padding), tensors)


@pytest.mark.parametrize("rest", [0, 1, 3])
def test_rotation(rest):
    planes = 4
    width = 2 * planes + rest
    tensors = [randn(2, 3, 5, width), randn(3, width, width)]
    still = (0, rest)
    cos, sin = (
        nn.functional.pad(torch.randn(5, 2 * planes, dtype=torch.float64), still) for _ in range(2)
    )

    def fast(tokens, frame):
        return rotated_by_one_product(tokens, prepared(frame, planes), cos, sin)

    def plain(tokens, frame):
        return plain_rotated(tokens, frame, cos, sin, planes)

    assert_twins(fast, plain, tensors)


@pytest.mark.parametrize("queries", [1, 2, 4])
def test_relative_scores(queries):
    query, table = randn(2, 3, 4, queries, 5), randn(3, 4, 6 + queries - 1, 3, 2, 5)
    assert_twins(relative_scores, plain_relative_scores, [query, table])
    scores = plain_relative_scores(query, table)
    upstream = torch.randn_like(scores)
    torch.testing.assert_close(
        relative_gradients(upstream, query.detach(), table.detach()),
        torch.autograd.grad(scores, (query, table), upstream),
        rtol=0,
        atol=1e-11,
    )


@pytest.mark.parametrize(("size", "pool"), [((3, 4), 1), ((4, 6), 2), ((6, 3), 3), ((1, 5), 1)])
@pytest.mark.parametrize("lifting", [False, True])
def test_relative_attention(size, pool, lifting):
    heads, order = 2, 4
    positions = size[0] * size[1]
    keys = 1 if lifting else order
    offsets = (2 * size[0] - pool) * (2 * size[1] - pool)
    tensors = [
        randn(3, heads, order, positions, 5),
        randn(3, heads, keys, positions // pool**2, 5),
        randn(3, heads, keys, positions // pool**2, 5),
        randn(order, offsets, keys, heads, 5),
    ]

    def fast(*tensors):
        return relative_attention_in_runs(*tensors, size, pool)

    assert_twins(fast, lambda *t: plain_relative_attention(*t, size, pool), tensors)
