"""Filters of groups that turn between pixels: exact as functions, and nearly so on images."""

import math

import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st

from isotrope.groups import CyclicGroup
from isotrope.harmonics import harmonics, turned_smoothly

quick = settings(max_examples=60, deadline=None, derandomize=True, database=None)


def test_turns_of_turns_that_are_sampled_are_not():
    group, weight = CyclicGroup(8), torch.randn(5, 5, dtype=torch.float64)
    twice = group.act_image(1, group.act_image(1, weight))
    assert (twice - group.act_image(2, weight)).abs().max() > 0.1


@quick
@given(st.integers(1, 7), st.floats(0, 360))
def test_each_function_turns_as_its_formula_says(side, degrees):
    functions = torch.from_numpy(harmonics(side).T).unflatten(1, (side, side))
    turned = turned_smoothly(functions, degrees)
    assert np.allclose(turned.flatten(1).T, harmonics(side, degrees), atol=1e-12)


@pytest.mark.parametrize(("side", "count"), [(1, 1), (2, 3), (3, 6), (4, 10), (5, 15), (7, 28)])
def test_functions_can_be_told_apart_on_the_grid(side, count):
    functions = harmonics(side)
    assert functions.shape == (side * side, count)
    assert np.linalg.cond(functions) < 10


def test_quarter_turns_permute_the_weights_of_the_nearest_sum():
    group, weight = CyclicGroup(8), torch.randn(4, 5, 5, dtype=torch.float64)
    sums = group.act_filter(0, weight)
    for quarter in range(4):
        expected = torch.rot90(sums, quarter, (-2, -1))
        assert torch.equal(group.act_filter(2 * quarter, weight), expected)


def error_at_45_degrees(act_filter, length):
    """Of 5x5 filters over C8, on waves and the same waves turned, which are not sampled."""
    torch.manual_seed(0)
    group, side = CyclicGroup(8), 5
    angle = 2 * math.pi * torch.rand(50, 1, 1, dtype=torch.float64)
    phase = 2 * math.pi * torch.rand(50, 1, 1, dtype=torch.float64)
    along = torch.arange(side, dtype=torch.float64) - side // 2
    x, y = along[None], -along[:, None]  # rows go down

    def seen(turn):
        across = torch.cos(angle + turn) * x + torch.sin(angle + turn) * y
        waves = torch.cos(2 * math.pi * across / length + phase)[:, None]
        filters = torch.stack([act_filter(group, g, weight) for g in group.elements])
        return torch.einsum("nxij,gfxij->ngf", waves, filters)  # in the middle

    weight = torch.randn(20, 1, side, side, dtype=torch.float64)
    here, there = seen(0.0), seen(math.pi / 4)
    return ((there.roll(-1, 1) - here).square().mean() / here.square().mean()).sqrt().item()


@pytest.mark.parametrize(("length", "most"), [(16, 0.03), (8, 0.06), (5, 0.1)])
def test_a_filter_over_c8_sees_turned_waves_alike(length, most):
    assert error_at_45_degrees(lambda group, g, w: group.act_filter(g, w), length) < most
    assert error_at_45_degrees(lambda group, g, w: group.act_image(g, w), length) > 0.2


def test_a_filter_over_c8_can_be_compiled_and_mapped():
    group, weight = CyclicGroup(8), torch.randn(4, 3, 3)
    expected = group.act_filter(1, weight)
    compiled = torch.compile(group.act_filter, fullgraph=True, backend="aot_eager")
    assert torch.equal(compiled(1, weight), expected)
    mapped = torch.func.vmap(lambda w: group.act_filter(1, w))(weight)
    assert torch.allclose(mapped, expected)
