"""The encodings keep the corrected law: they see `g^-1 (y - x)` and `g^-1 h` alone."""

import itertools

import pytest
import torch

from isotrope.groups import CyclicGroup, DihedralGroup
from isotrope.nn import MLP, GroupSelfAttention, Rotary, Table
from isotrope.nn.encodings import coordinates, in_frame
from isotrope.nn.fast.rotation import rotated

C4, D4 = CyclicGroup(4), DihedralGroup(4)
GROUPS = [make(n) for make in (CyclicGroup, DihedralGroup) for n in (1, 2, 3, 4, 6, 8)]
EXACT = [group for group in GROUPS if group.exact]


def rotary(group, **options):
    """A `Rotary` with two orbits of frequencies and a rest of one channel."""
    directions = Rotary(999, group, **options).directions
    least = Rotary(999, group, **options).offset + 4 * directions + 1
    return Rotary(least, group, **options).double()


def key_of(group, g, h, x, y):
    """What a score may depend on: `(g^-1 (y - x), g^-1 h)`, rounded to compare."""
    d = in_frame(group, g, y - x)
    return (*(round(float(v), 6) + 0.0 for v in d), group.relative[g][h])


@pytest.mark.parametrize("group", GROUPS, ids=repr)
@pytest.mark.parametrize("shift", [0, -1])
def test_rotary_scores_depend_on_the_relative_place_alone(group, shift):
    """One query and one key content everywhere: all that differs is the encoding."""
    torch.manual_seed(0)
    encoding, size = rotary(group), (2, 3)
    shift = shift % group.order
    q = torch.randn(encoding.head_dim).double().expand(1, 1, group.order, 6, -1)
    k = torch.randn(encoding.key_dim).double().expand(1, 1, group.order, 6, -1)
    q, k = encoding.in_common_frame(q, k, size, shift)
    scores = torch.einsum("gxd,hyd->gxhy", q[0, 0], k[0, 0])
    points, seen = coordinates(size), {}
    for g, x, h, y in itertools.product(group.elements, range(6), group.elements, range(6)):
        frame = group.compose(g, shift)
        d = in_frame(group, frame, points[y] - points[x])
        key = (*(round(float(v), 6) + 0.0 for v in d), group.relative[g][h])
        seen.setdefault(key, []).append(float(scores[g, x, h, y]))
    spread = max(max(same) - min(same) for same in seen.values())
    assert spread < 1e-10
    values = sorted(same[0] for same in seen.values())
    assert all(b - a > 1e-9 for a, b in itertools.pairwise(values))  # and it does tell them apart


@pytest.mark.parametrize("group", GROUPS, ids=repr)
def test_rotary_lifting_scores_depend_on_the_offset_in_the_frame_alone(group):
    torch.manual_seed(0)
    encoding, size = rotary(group, lifting=True), (2, 3)
    q, k = (torch.randn(encoding.key_dim).double().expand(1, 1, 6, -1) for _ in range(2))
    points, seen = coordinates(size), {}
    for g in group.elements:
        turned_q, turned_k = encoding.in_frame_of(g, q, k, size)
        scores = (turned_q @ turned_k.transpose(-1, -2))[0, 0]
        for x, y in itertools.product(range(6), range(6)):
            key = key_of(group, g, g, points[x], points[y])
            seen.setdefault(key, []).append(float(scores[x, y]))
    assert max(max(same) - min(same) for same in seen.values()) < 1e-10


@pytest.mark.parametrize("group", GROUPS, ids=repr)
def test_rotary_frames_are_a_representation_by_signed_permutations(group):
    turn = rotary(group).turn
    assert torch.equal(turn.abs().sum(dim=1), torch.ones(turn.shape[:2]).double())
    assert torch.equal(turn.abs().sum(dim=2), torch.ones(turn.shape[:2]).double())
    for a, b in itertools.product(group.elements, group.elements):
        # turn[g] is the transpose of P_g.
        assert torch.equal(turn[b] @ turn[a], turn[group.compose(a, b)])


def test_rotary_frequencies_span_the_wavelengths_in_whole_orbits():
    encoding = Rotary(4 + 3 * 4, C4, wavelengths=(4.0, 64.0))
    length = 2 * torch.pi / encoding.frequencies().norm(dim=1)
    torch.testing.assert_close(length, torch.tensor([4.0, 4, 16, 16, 64, 64]).double())


def test_rotary_tables_can_be_filled_again():
    """transformers hands out buffers uninitialised, and calls `reset_tables`."""
    encoding = Rotary(16, D4)
    expected = encoding.turn.clone()
    encoding.turn.fill_(torch.nan)
    encoding.reset_tables()
    assert torch.equal(encoding.turn, expected)
    assert "turn" in encoding.state_dict()


def test_rotary_keeps_far_positions_in_low_precision():
    """Angles are computed in float64: 200 steps out, bfloat16 would miss by a radian."""
    encoding = Rotary(8, C4)
    token, points = torch.tensor([1.0, 1, 0, 0]), torch.tensor([[200.0, 199.5]]).double()
    frame = torch.eye(8)[:4]
    exact, low = (
        rotated(t, frame.to(t), *encoding.angles(points, t), encoding.planes)
        for t in (token.double(), token.bfloat16())
    )
    assert (low.double() - exact).abs().max() < 0.02


def offset_index(size):
    """Row of `offsets` that holds `y - x`: `(N, N)` for query `x` and key `y`."""
    rows, columns = size
    y = torch.arange(rows).repeat_interleave(columns)
    x = torch.arange(columns).repeat(rows)
    down = y[None] - y[:, None] + rows - 1
    across = x[None] - x[:, None] + columns - 1
    return down * (2 * columns - 1) + across


@pytest.mark.parametrize("group", EXACT, ids=repr)
@pytest.mark.parametrize("kind", [MLP, Table])
@pytest.mark.parametrize("lifting", [False, True])
def test_vectors_depend_on_the_relative_place_alone(group, kind, lifting):
    torch.manual_seed(0)
    encoding, size = kind(3, group, lifting=lifting).double(), (2, 3)
    rho, index = encoding.vectors(size).detach(), offset_index(size)
    assert rho.shape == (group.order, 3 * 5, 1 if lifting else group.order, 3)
    points, seen = coordinates(size), {}
    for g, x, y, u in itertools.product(group.elements, range(6), range(6), range(rho.shape[2])):
        d = in_frame(group, g, points[y] - points[x])
        key = (*(round(float(v), 6) + 0.0 for v in d), u)
        seen.setdefault(key, []).append(rho[g, index[x, y], u])
    for same in seen.values():
        assert max(float((v - same[0]).abs().max()) for v in same) < 1e-12
    first = torch.stack([same[0] for same in seen.values()])
    assert (torch.cdist(first, first) + torch.eye(len(first))).min() > 1e-9


def test_far_offsets_share_the_border_of_the_table():
    encoding = Table(2, C4, reach=1)
    rho, index = encoding.vectors((1, 6)), offset_index((1, 6))
    assert torch.equal(rho[0, index[0, 1]], rho[0, index[0, 5]])
    assert not torch.equal(rho[0, index[0, 1]], rho[0, index[1, 0]])


def test_an_encoding_can_be_given_as_a_module():
    encoding = Rotary(12, C4, wavelengths=(3.0, 30.0))
    layer = GroupSelfAttention(24, 2, group=C4, encoding=encoding)
    assert layer.encoding is encoding


@pytest.mark.parametrize(
    ("call", "message"),
    [
        (
            lambda: Rotary(8, D4),
            r"head_dim=8 is too small for Rotary on DihedralGroup\(4\), which needs 8 channels for "
            "orientations and 4 for positions; use head_dim=12 or more",
        ),
        (
            lambda: Table(8, CyclicGroup(8)),
            r"CyclicGroup\(8\) turns between pixels; use the MLP or the Rotary encoding",
        ),
    ],
)
def test_errors_name_value_rule_and_remedy(call, message):
    with pytest.raises(ValueError, match=message):
        call()
