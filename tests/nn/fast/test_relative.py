"""Attention with relative vectors against its equation, with every score stored."""

import math

import pytest
import torch
from torch import nn
from torch.utils._python_dispatch import TorchDispatchMode
from torch.utils._pytree import tree_leaves

from isotrope.groups import CyclicGroup, DihedralGroup
from isotrope.nn import MLP, GroupSelfAttention, Table, plain
from isotrope.nn.encodings import coordinates, in_frame
from isotrope.nn.fast import relative

C1, C4, C8, D4 = CyclicGroup(1), CyclicGroup(4), CyclicGroup(8), DihedralGroup(4)
HEADS, WIDTH = 2, 3


def rho(encoding, offset, u):
    """`rho(d, u)` for offsets `d`: `(N, M, 2)`."""
    if isinstance(encoding, Table):
        at = offset.round().long().clamp(-encoding.reach, encoding.reach) + encoding.reach
        return encoding.table[at[..., 1], at[..., 0], u]
    features = offset.to(encoding.net[0].weight.dtype) / encoding.scale
    if not encoding.lifting:
        angle = math.radians(encoding.group.angle(u))
        of_u = [math.cos(angle), math.sin(angle), float(encoding.group.is_mirror(u))]
        of_u = torch.tensor(of_u, dtype=features.dtype).expand(*offset.shape[:2], 3)
        features = torch.cat((features, of_u), dim=2)
    return encoding.net(features)


def literal(query, key, value, encoding, k_proj, size, pool=1, shift=0):
    """The equation of `RelativeVectors`, for each `g` and `h`."""
    group, weight = encoding.group, k_proj.weight
    x = coordinates(size)
    y = pool * coordinates((size[0] // pool, size[1] // pool))
    out = []
    for g in group.elements:
        offset = in_frame(group, group.compose(g, shift), y[None] - x[:, None])
        q, scores = query[:, :, g if query.shape[2] > 1 else 0], []
        for h in range(key.shape[2]):
            u = 0 if encoding.lifting else group.relative[g][h]
            vectors = rho(encoding, offset, u) @ weight.T  # (N, M, heads*d)
            keys = key[:, :, h, None] + vectors.unflatten(-1, (HEADS, -1)).permute(2, 0, 1, 3)
            scores.append(torch.einsum("bnxd,bnxyd->bnxy", q, keys) / q.shape[-1] ** 0.5)
        weights = torch.cat(scores, dim=-1).softmax(dim=-1)
        out.append(weights @ value.flatten(2, 3))
    return torch.stack(out, dim=2)


def problem(kind, group, size, pool=1, lifting=False, dtype=torch.float64, batch=2):
    """Tokens, an encoding and `W_k`, all of which want gradients."""
    torch.manual_seed(0)
    dim = HEADS * WIDTH
    encoding = kind(dim, group, lifting=lifting)
    modules = nn.ModuleList([encoding, nn.Linear(dim, dim)])
    for parameter in modules.parameters():
        nn.init.normal_(parameter, std=0.5)
    queries = size[0] * size[1]
    orders = (1, 1, 1) if lifting else (group.order,) * 3
    tokens = [
        torch.randn(batch, HEADS, order, n, WIDTH, dtype=dtype, requires_grad=True)
        for order, n in zip(orders, (queries, *[queries // pool**2] * 2), strict=True)
    ]
    return tokens, *modules.to(dtype)


def values_and_gradients(attend, tokens, encoding, k_proj, *options):
    out = attend(*tokens, encoding, k_proj, *options)
    wanted = [*tokens, *encoding.parameters(), k_proj.weight]
    torch.manual_seed(1)
    return out, *torch.autograd.grad(out, wanted, torch.randn_like(out))


def ours(query, key, value, encoding, k_proj, size, pool=1, shift=0):
    return encoding.attend(query, key, value, k_proj, size, pool=pool, shift=shift)


KINDS = [(MLP, C1), (MLP, C4), (MLP, D4), (MLP, C8), (Table, C1), (Table, C4), (Table, D4)]
GRIDS = [((3, 4), 1), ((4, 6), 2), ((6, 3), 3), ((1, 5), 1), ((5, 1), 1), ((1, 1), 1), ((2, 2), 2)]


@pytest.fixture(params=[2**20, 1, None], ids=["long runs", "single queries", "plain twin"])
def form(request, monkeypatch):
    """The fast form with runs of two lengths, and its plain twin."""
    if request.param is None:
        monkeypatch.setattr(relative, "attend_in_runs", None)  # not called
        with plain():
            yield
        return
    monkeypatch.setattr(relative, "plain_relative_attention", None)
    monkeypatch.setitem(relative.SCORES_AT_ONCE, "cpu", request.param)
    yield


@pytest.mark.usefixtures("form")
@pytest.mark.parametrize(("kind", "group"), KINDS, ids=str)
@pytest.mark.parametrize(("size", "pool"), GRIDS)
@pytest.mark.parametrize("shifted", [False, True])
def test_equals_its_equation(kind, group, size, pool, shifted):
    if kind is Table and pool % 2 == 0:
        pytest.skip("refused")
    arguments = (*problem(kind, group, size, pool), size, pool, group.order - 1 if shifted else 0)
    got, expected = (values_and_gradients(f, *arguments) for f in (ours, literal))
    for a, b in zip(got, expected, strict=True):
        torch.testing.assert_close(a, b, rtol=0, atol=1e-10)


@pytest.mark.usefixtures("form")
@pytest.mark.parametrize(("kind", "group"), KINDS, ids=str)
def test_lifting_equals_its_equation(kind, group):
    arguments = (*problem(kind, group, (3, 4), lifting=True), (3, 4))
    got, expected = (values_and_gradients(f, *arguments) for f in (ours, literal))
    for a, b in zip(got, expected, strict=True):
        torch.testing.assert_close(a, b, rtol=0, atol=1e-10)


@pytest.mark.parametrize("kind", [MLP, Table])
def test_equals_its_equation_in_float32(kind):
    arguments = (*problem(kind, C4, (6, 9), 3, dtype=torch.float32), (6, 9), 3)
    got, expected = (values_and_gradients(f, *arguments) for f in (ours, literal))
    for a, b in zip(got, expected, strict=True):
        torch.testing.assert_close(a / b.abs().max(), b / b.abs().max(), rtol=0, atol=1e-5)


def test_runs_cover_a_part_of_a_row(monkeypatch):
    """Runs of 3 of the 7 columns, the last one shorter, and of 2 of the 3 images."""
    for limit in (HEADS * 4 * 2 * 14 * 4 * 3, HEADS * 4 * 2 * 14 * 4 * 7 * 2):
        monkeypatch.setitem(relative.SCORES_AT_ONCE, "cpu", limit)
        arguments = (*problem(MLP, C4, (2, 7), batch=3), (2, 7))
        got, expected = (values_and_gradients(f, *arguments) for f in (ours, literal))
        for a, b in zip(got, expected, strict=True):
            torch.testing.assert_close(a, b, rtol=0, atol=1e-10)


@pytest.mark.parametrize("pool", [1, 2])
def test_gradients_are_those_of_finite_differences(pool):
    tokens, encoding, k_proj = problem(MLP, C4, (2, 2), pool, batch=1)

    def attend(*tokens):
        return ours(*tokens, encoding, k_proj, (2, 2), pool)

    assert torch.autograd.gradcheck(attend, tokens)


def test_inference_equals_training():
    tokens, encoding, k_proj = problem(MLP, C4, (3, 4))
    trained = ours(*tokens, encoding, k_proj, (3, 4))
    with torch.no_grad():
        assert torch.equal(trained, ours(*tokens, encoding, k_proj, (3, 4)))


def test_mixed_precision_trains():
    torch.manual_seed(0)
    layer = GroupSelfAttention(16, 2, group=C4, encoding="mlp")
    lifted = torch.randn(2, 4, 4, 4, 16, requires_grad=True)
    exact = torch.autograd.grad(layer(lifted).square().sum(), lifted)[0]
    with torch.autocast("cpu", dtype=torch.bfloat16):
        out = layer(lifted)
    low = torch.autograd.grad(out.float().square().sum(), lifted)[0]
    assert (low - exact).norm() < 0.05 * exact.norm()


class Largest(TorchDispatchMode):
    """The most elements of any result, computed or viewed."""

    numel = 0

    def __torch_dispatch__(self, func, types, args=(), kwargs=None):
        out = func(*args, **(kwargs or {}))
        sizes = [leaf.numel() for leaf in tree_leaves(out) if isinstance(leaf, torch.Tensor)]
        self.numel = max(self.numel, *sizes, 0)
        return out


@pytest.mark.parametrize("encoding", ["mlp", "table"])
def test_no_pass_holds_all_scores(encoding, monkeypatch):
    monkeypatch.setitem(relative.SCORES_AT_ONCE, "cpu", 2**16)
    layer = GroupSelfAttention(8, 2, group=C4, encoding=encoding)
    lifted = torch.randn(16, 4, 8, 10, 8, requires_grad=True)
    with Largest() as largest:
        layer(lifted).sum().backward()
    scores = 16 * 2 * (4 * 80) ** 2
    assert largest.numel < scores / 10


def test_even_pools_fall_between_the_entries_of_a_table():
    layer = GroupSelfAttention(8, 2, group=C4, encoding="table", kv_pool=2)
    message = "kv_pool=2 puts the keys half a step .* use an odd kv_pool, such as 3, or the MLP"
    with pytest.raises(ValueError, match=message):
        layer(torch.rand(1, 4, 4, 4, 8))
