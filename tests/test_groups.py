"""The groups are groups, their actions are actions, and the stated errors are the measured ones."""

import math

import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st

from isotrope.groups import CyclicGroup, DihedralGroup, Group, group_from_name

EXACT = [make(n) for make in (CyclicGroup, DihedralGroup) for n in (1, 2, 4)]
BETWEEN = [CyclicGroup(3), CyclicGroup(8), CyclicGroup(16), DihedralGroup(3), DihedralGroup(8)]
GROUPS = [*EXACT, *BETWEEN]


@st.composite
def elements(draw, count=1, groups=GROUPS):
    group = draw(st.sampled_from(groups))
    return group, *(draw(st.sampled_from(group.elements)) for _ in range(count))


quick = settings(max_examples=60, deadline=None, derandomize=True, database=None)


@quick
@given(elements(3))
def test_composition_is_associative_with_an_identity(drawn):
    group, a, b, c = drawn
    assert group.compose(group.compose(a, b), c) == group.compose(a, group.compose(b, c))
    assert group.compose(0, a) == group.compose(a, 0) == a


@quick
@given(elements(2))
def test_inverses_and_the_table_of_relative_elements(drawn):
    group, g, h = drawn
    assert group.compose(g, group.inverse(g)) == group.compose(group.inverse(g), g) == 0
    assert group.compose(g, group.relative[g][h]) == h


@pytest.mark.parametrize("group", GROUPS, ids=repr)
def test_order_and_elements(group):
    assert len(group) == group.order == len(group.elements)
    table = {tuple(group.matrix(g).flatten().round(decimals=9).tolist()) for g in group.elements}
    assert len(table) == group.order  # all elements move the plane differently


@quick
@given(elements(2))
def test_matrices_multiply_as_the_elements_do(drawn):
    group, a, b = drawn
    product = group.matrix(a) @ group.matrix(b)
    torch.testing.assert_close(product, group.matrix(group.compose(a, b)), rtol=0, atol=1e-14)


@quick
@given(elements(2, EXACT), st.integers(1, 6), st.integers(1, 6))
def test_action_on_images_is_a_homomorphism(drawn, rows, columns):
    group, a, b = drawn
    image = torch.randn(2, 3, rows, columns)
    twice = group.act_image(a, group.act_image(b, image))
    assert torch.equal(twice, group.act_image(group.compose(a, b), image))


@quick
@given(elements(2, EXACT), st.integers(1, 5), st.integers(1, 5))
def test_action_on_lifted_signals_is_a_homomorphism(drawn, rows, columns):
    group, a, b = drawn
    lifted = torch.randn(2, group.order, rows, columns, 3)
    twice = group.act_lifted(a, group.act_lifted(b, lifted))
    assert torch.equal(twice, group.act_lifted(group.compose(a, b), lifted))


@quick
@given(elements(2, BETWEEN), st.integers(1, 7))
def test_action_on_filters_is_a_homomorphism_between_pixels(drawn, side):
    group, a, b = drawn
    weight = torch.randn(2, 3, side, side, dtype=torch.float64)
    twice = group.act_filter(a, group.act_filter(b, weight))
    assert torch.allclose(twice, group.act_filter(group.compose(a, b), weight), atol=1e-12)


@quick
@given(elements(0), st.integers(1, 7))
def test_one_matrix_turns_a_filter_by_every_element(drawn, side):
    (group,) = drawn
    weight = torch.randn(2, 3, side, side, dtype=torch.float64)
    turned = (weight.flatten(-2) @ group.filter_turns(side)).view(2, 3, -1, side, side)
    for g in group.elements:
        torch.testing.assert_close(turned[:, :, g], group.act_filter(g, weight))


@quick
@given(elements(1, EXACT), st.integers(1, 5), st.integers(1, 5))
def test_act_image_moves_each_point_by_the_matrix(drawn, rows, columns):
    """`(L_h f)(h x) = f(x)`, point by point, with (column, row) coordinates from the centre."""
    group, h = drawn
    image = torch.arange(rows * columns, dtype=torch.float64).view(rows, columns)
    turned = group.act_image(h, image)
    for row in range(rows):
        for column in range(columns):
            x = torch.tensor([column - (columns - 1) / 2, row - (rows - 1) / 2]).double()
            to = group.matrix(h) @ x
            across = to[0] + (turned.shape[1] - 1) / 2
            down = to[1] + (turned.shape[0] - 1) / 2
            assert turned[int(down), int(across)] == image[row, column]


@quick
@given(elements(2, EXACT))
def test_act_lifted_moves_orientations_by_composition(drawn):
    """`(L_h F)(x, h g) = (L_h F(., g))(x)`."""
    group, h, g = drawn
    lifted = torch.randn(1, group.order, 2, 3, 2)
    turned = group.act_lifted(h, lifted)[:, group.compose(h, g)]
    assert torch.equal(turned, group.act_image(h, lifted[:, g], dims=(1, 2)))


def test_counter_clockwise_is_as_displayed():
    image = torch.zeros(3, 3)
    image[0, 1] = 1  # the top goes to the left
    assert CyclicGroup(4).act_image(1, image)[1, 0] == 1
    assert CyclicGroup(4).angle(1) == 90
    assert DihedralGroup(4).act_image(4, torch.eye(2)).tolist() == [[0, 1], [1, 0]]


def waves(length, size=32, count=20):
    """Cosines of one wavelength in random directions, as a function of (column, row) points."""
    torch.manual_seed(0)
    direction = torch.randn(count, 2, dtype=torch.float64)
    direction *= 2 * math.pi / length / direction.norm(dim=1, keepdim=True)
    phase = 2 * math.pi * torch.rand(count, dtype=torch.float64)
    line = torch.arange(size, dtype=torch.float64) - (size - 1) / 2
    points = torch.stack(torch.meshgrid(line, line, indexing="xy"), dim=-1)
    disc = points.norm(dim=-1) < size / 2 - 1
    return (
        lambda p: torch.einsum("...d,nd->n...", p, direction).add(phase[:, None, None]).cos()
    ), (
        points,
        disc,
    )


@pytest.mark.parametrize(("length", "stated"), [(16, 0.02), (8, 0.08), (4, 0.30)])
@pytest.mark.parametrize("element", [1, 3])
def test_stated_error_of_a_45_degree_turn(length, stated, element):
    group = CyclicGroup(8)
    wave, (points, disc) = waves(length)
    expected = wave(points @ group.matrix(group.inverse(element)).T)
    error = ((group.act_image(element, wave(points)) - expected).abs() * disc).max()
    assert 0.75 * stated < error < 1.05 * stated


def test_stated_error_on_white_noise():
    group = CyclicGroup(8)
    _, (_, disc) = waves(8)
    noise = torch.randn(200, 32, 32, generator=torch.Generator().manual_seed(0)).double()
    twice = group.act_image(1, group.act_image(1, noise))
    spread = (twice - group.act_image(2, noise))[:, disc].std()
    assert 0.55 < spread < 0.65


@pytest.mark.parametrize("n", [8, 16])
def test_quarter_turns_of_larger_groups_stay_exact(n):
    group, image = CyclicGroup(n), torch.randn(2, 5, 7)
    assert not group.exact
    for quarter in range(4):
        turned = group.act_image(quarter * n // 4, image)
        assert torch.equal(turned, torch.rot90(image, quarter, (-2, -1)))


@pytest.mark.parametrize("group", [CyclicGroup(4), DihedralGroup(4)])
def test_vectors_turn_with_the_grid(group):
    """Arrows point from the center of the page to where they stand, and still do once turned."""
    y, x = torch.meshgrid(torch.arange(3.0) - 1, torch.arange(5.0) - 2, indexing="ij")
    field = torch.stack((x, y))[None]
    for h in group.elements:
        after = group.act_vectors(h, field)
        rows, columns = after.shape[2:]
        y, x = torch.meshgrid(
            torch.arange(rows) - (rows - 1) / 2,
            torch.arange(columns) - (columns - 1) / 2,
            indexing="ij",
        )
        assert torch.equal(after[0], torch.stack((x, y)))
        for g in group.elements:
            twice = group.act_vectors(g, after)
            assert torch.equal(twice, group.act_vectors(group.compose(g, h), field))


def test_printing_and_names():
    assert repr(CyclicGroup(4)) == "CyclicGroup(4)"
    assert repr(DihedralGroup(2)) == "DihedralGroup(2)"
    for group in GROUPS:
        assert group_from_name(group.name) == group
        assert (
            eval(repr(group), {"CyclicGroup": CyclicGroup, "DihedralGroup": DihedralGroup}) == group
        )
    assert group_from_name("d4") == DihedralGroup(4)
    assert len({CyclicGroup(4), CyclicGroup(4), Group(4), DihedralGroup(4)}) == 2  # a value


@pytest.mark.parametrize(
    ("call", "message"),
    [
        (lambda: CyclicGroup(0), r"n=0 is not a number of rotations; give an integer of 1 or more"),
        (lambda: CyclicGroup(2.0), r"n=2.0 is not"),
        (lambda: group_from_name("S4"), r"'S4' is not a group; write C or D and a number"),
        (lambda: group_from_name("C0"), r"'C0' is not a group"),
        (lambda: CyclicGroup(4).inverse(4), r"element 4 is not in CyclicGroup\(4\); its elements"),
        (lambda: CyclicGroup(4).compose(0, -1), r"element -1 is not in"),
        (
            lambda: CyclicGroup(4).act_lifted(1, torch.rand(1, 8, 2, 2, 3)),
            r"\(1, 8, 2, 2, 3\) is not a signal lifted to CyclicGroup\(4\); give \(B, 4, H, W, C\)",
        ),
        (
            lambda: CyclicGroup(4).act_vectors(1, torch.rand(1, 3, 2, 2)),
            r"\(1, 3, 2, 2\) is not a field of vectors; give \(B, 2, H, W\)",
        ),
    ],
)
def test_errors_name_value_rule_and_remedy(call, message):
    with pytest.raises(ValueError, match=message):
        call()
