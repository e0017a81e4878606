"""`GroupConv` against its equation, and what breaks its symmetry."""

import itertools

import pytest
import torch
import torch.nn.functional as F
from torch import nn

from isotrope.equivariance import assert_equivariant, equivariance_error
from isotrope.equivariance.testing import EquivariantLayerTests
from isotrope.groups import CyclicGroup, DihedralGroup
from isotrope.nn import GroupConv
from isotrope.nn.conv import check_stride, to_lifted, to_planes

C4, D4 = CyclicGroup(4), DihedralGroup(4)


class Unturned(GroupConv):
    """The fault of the public G-CSA code: orientations are permuted, but the filter never turns."""

    def turned(self, weight=None):
        return torch.stack([self.weight[:, :, self.group.relative[g]] for g in self.group.elements])


class Unpermuted(GroupConv):
    """The filter turns, but the orientations that it reads do not follow."""

    def turned(self, weight=None):
        turns = [self.group.act_filter(g, self.weight) for g in self.group.elements]
        return torch.stack(turns)


class TestDepthwise(EquivariantLayerTests):
    def layer(self, group, kind=GroupConv):
        return kind(6, 6, 3, padding=1, group=group, depthwise=True)

    def broken(self, group):
        return self.layer(group, Unturned)


class TestFull(EquivariantLayerTests):
    def layer(self, group, kind=GroupConv):
        return kind(6, 4, 3, padding=1, group=group)

    def broken(self, group):
        return self.layer(group, Unpermuted)


class TestStrided(EquivariantLayerTests):
    multiple = 2

    def layer(self, group):
        return GroupConv(6, 8, 4, stride=2, padding=1, group=group, bias=False)

    def broken(self, group):
        class AskewStride(GroupConv):
            def forward(self, lifted):
                planes = F.pad(to_planes(lifted), (1, 0, 1, 0))  # odd: one side more than the other
                return to_lifted(F.conv2d(planes, self.bank(), stride=2), self.group.order)

        return AskewStride(6, 8, 3, stride=2, group=group, bias=False)


class TestStridedDepthwise(EquivariantLayerTests):
    multiple, smallest = 3, 2

    def layer(self, group):
        return GroupConv(6, 6, 3, stride=3, group=group, depthwise=True)


class TestEvenKernelWithoutPadding(EquivariantLayerTests):
    def layer(self, group):
        return GroupConv(6, 6, 2, group=group, depthwise=True)


def naive(layer, lifted):
    """`sum_i sum_h sum_x' w_oi(g^-1 (x' - x), g^-1 h) F(x', h)_i`, one point at a time."""
    group, k, stride, padding = layer.group, layer.kernel_size, layer.stride, layer.padding
    batch, order, rows, columns = lifted.shape[:4]
    down, across = ((n + 2 * padding - k) // stride + 1 for n in (rows, columns))
    out = lifted.new_zeros(batch, order, down, across, layer.weight.shape[0])
    places = itertools.product(group.elements, group.elements, range(down), range(across))
    for g, h, row, column in places:
        inverse = group.matrix(group.inverse(g))
        for there in itertools.product(range(rows), range(columns)):
            # x' - x as (column, row); x is the middle of the window.
            y = there[0] - (row * stride - padding + (k - 1) / 2)
            x = there[1] - (column * stride - padding + (k - 1) / 2)
            at = inverse @ torch.tensor([x, y], dtype=torch.float64) + (k - 1) / 2
            if at.min() < 0 or at.max() > k - 1:
                continue
            w = layer.weight[:, :, group.relative[g][h], int(at[1]), int(at[0])]
            f = lifted[:, h, there[0], there[1]]
            if layer.depthwise:  # channel j * C + i is filter j of channel i
                f, w = f.repeat(1, len(w) // f.shape[1]), w[:, 0]
            out[:, g, row, column] += f * w if layer.depthwise else f @ w.T
    return out if layer.bias is None else out + layer.bias


@pytest.mark.parametrize("group", [C4, DihedralGroup(2)], ids=repr)
@pytest.mark.parametrize(
    ("depthwise", "k", "stride", "padding", "size"),
    [(False, 3, 1, 1, (3, 4)), (True, 3, 1, 1, (3, 4)), (False, 4, 2, 1, (4, 6))],
)
def test_equals_its_equation(group, depthwise, k, stride, padding, size):
    torch.manual_seed(0)
    channels = (3, 6) if depthwise else (3, 2)
    layer = GroupConv(*channels, k, stride, padding, group=group, depthwise=depthwise).double()
    nn.init.normal_(layer.bias)
    lifted = torch.randn(2, group.order, *size, 3, dtype=torch.float64)
    with torch.no_grad():
        torch.testing.assert_close(layer(lifted), naive(layer, lifted), rtol=0, atol=1e-10)


class OrientationConv(nn.Module):
    """A depthwise filter over the next orientations, cyclic or with zeros beyond the last."""

    def __init__(self, cyclic):
        super().__init__()
        self.cyclic, self.weight = cyclic, nn.Parameter(torch.randn(3, 1, 1, 3, 3))

    def forward(self, lifted):
        edge = lifted[:, -1:], lifted[:, :1]
        if not self.cyclic:
            edge = tuple(map(torch.zeros_like, edge))
        lifted = torch.cat((edge[0], lifted, edge[1]), dim=1).movedim(4, 1)  # (B, C, G+2, H, W)
        out = []
        for g in C4.elements:
            near = lifted[:, :, g : g + 3].flatten(0, 1)  # (B*C, 3, H, W)
            bank = C4.act_filter(g, self.weight).view(1, 3, 3, 3)
            out.append(F.conv2d(near, bank, padding=1).unflatten(0, lifted.shape[:2]))
        return torch.cat(out, dim=2).movedim(1, 4)


def test_zero_padding_along_the_orientations_breaks_it():
    torch.manual_seed(0)
    x = torch.randn(1, 4, 5, 6, 2)
    assert_equivariant(OrientationConv(cyclic=True), x, C4, takes="lifted", gives="lifted")
    errors = equivariance_error(OrientationConv(cyclic=False), x, C4, "lifted", "lifted")
    assert errors[0] == 0
    assert min(errors[h] for h in (1, 2, 3)) > 1e-2


@pytest.mark.parametrize("size", range(4, 12))
@pytest.mark.parametrize("k", [1, 2, 3, 4])
@pytest.mark.parametrize("stride", [1, 2, 3])
def test_the_stride_rule_is_exactly_where_it_breaks(size, k, stride):
    class Raw(GroupConv):
        def forward(self, lifted):
            planes = F.conv2d(to_planes(lifted), self.bank(), stride=self.stride)
            return to_lifted(planes, self.group.order)

    torch.manual_seed(0)
    layer = Raw(1, 1, k, stride, group=CyclicGroup(2), bias=False)
    errors = equivariance_error(layer, torch.randn(1, 2, size, size, 1), CyclicGroup(2))
    allowed = (size - k) % stride == 0
    assert (max(errors.values()) < 1e-10) == allowed
    if not allowed:
        with pytest.raises(ValueError, match="breaks equivariance"):
            check_stride((size, size), k, stride, 0)


# torch itself calls torch.jit.script when forward-mode gradients are first used.
@pytest.mark.filterwarnings("ignore:`torch.jit.script` is deprecated:DeprecationWarning")
def test_functional_transforms_see_the_weight_that_they_are_given():
    torch.manual_seed(0)
    layer, x = GroupConv(2, 2, 3, padding=1, group=C4), torch.randn(1, 4, 4, 4, 2)
    with torch.no_grad():
        layer(x)  # keeps a bank
        weights = {n: torch.stack((p, 2 * p)) for n, p in layer.named_parameters()}
        both = torch.vmap(lambda w: torch.func.functional_call(layer, w, x))(weights)
    torch.testing.assert_close(both[1], 2 * both[0])
    layer.requires_grad_(False)
    primal = dict(layer.named_parameters())
    _, tangent = torch.func.jvp(
        lambda w: torch.func.functional_call(layer, w, x), (primal,), (primal,)
    )
    torch.testing.assert_close(tangent, layer(x))  # linear in its parameters


def test_what_turns_the_weight_is_made_within_a_transform_and_not_taken_out_of_it():
    layer, x = GroupConv(2, 2, 3, padding=1, group=C4), torch.randn(1, 4, 4, 4, 2)
    weights = {n: torch.stack((p, 2 * p)) for n, p in layer.named_parameters()}
    gradients = torch.func.grad(lambda w: torch.func.functional_call(layer, w, x).sum())
    torch.vmap(gradients)(weights)
    layer(x).sum().backward()
    torch.testing.assert_close(
        layer.weight.grad, gradients(dict(layer.named_parameters()))["weight"]
    )


def test_a_cast_model_turns_its_weight_in_full_precision():
    layer = GroupConv(1, 1, 3, group=CyclicGroup(8))
    layer.turned()
    layer = layer.half().double()
    expected = layer.group.act_filter(1, layer.weight)[:, :, layer.group.relative[1]]
    torch.testing.assert_close(layer.turned()[1], expected, rtol=1e-12, atol=1e-12)
    assert set(layer.state_dict()) == {"weight", "bias"}


@pytest.mark.parametrize("step", ["in place", "data", "optimiser", "load", "cast"])
def test_an_inference_sees_every_change_of_the_weight(step):
    """The bank of turned filters is kept between inferences, and must never be stale."""
    torch.manual_seed(0)
    layer, x = GroupConv(3, 3, 3, padding=1, group=C4), torch.randn(1, 4, 4, 4, 3)
    with torch.no_grad():
        before = layer(x)
    if step == "in place":
        with torch.no_grad():
            layer.weight.mul_(2)
    elif step == "data":  # as adapters are merged
        layer.weight.data += layer.weight.data
    elif step == "load":
        layer.load_state_dict({n: 2 * t for n, t in layer.state_dict().items()})
    elif step == "optimiser":
        layer(x).sum().backward()
        torch.optim.SGD(layer.parameters(), lr=1.0).step()
    elif step == "cast":
        layer, x = layer.double(), x.double()
    with torch.no_grad():
        after = layer(x)
    torch.testing.assert_close(after, layer(x).detach())  # with gradients: never kept
    assert step == "cast" or not torch.allclose(before, after)


@pytest.mark.parametrize(
    ("call", "message"),
    [
        (
            lambda: GroupConv(3, 3, 7, 4, 2, group=C4)(torch.rand(1, 4, 96, 96, 3)),
            r"size 96x96 breaks equivariance: .* \(96 \+ 2\*2 - 7\) % 4 = 1; resize or pad 96 to "
            "95 or 99",
        ),
        (
            lambda: GroupConv(3, 3, 5, group=C4)(torch.rand(1, 4, 3, 9, 3)),
            r"size 3x9 with padding=0 is smaller than kernel_size=5; enlarge the input",
        ),
        (
            lambda: GroupConv(3, 4, 3, group=C4, depthwise=True),
            r"out_channels=4 is no multiple of in_channels=3; make it one, or pass depthwise=False",
        ),
        (lambda: GroupConv(3, 3, 0, group=C4), "kernel_size=0, stride=1, padding=0: the first"),
        (lambda: GroupConv(3, 3, 3, padding=3, group=C4), "padding=3 is not below kernel_size=3"),
        (
            lambda: GroupConv(3, 3, 3, group=C4)(torch.rand(1, 8, 4, 4, 3)),
            r"\(1, 8, 4, 4, 3\) is not a signal of 3 channels lifted to CyclicGroup\(4\); give",
        ),
    ],
)
def test_errors_name_value_rule_and_remedy(call, message):
    with pytest.raises(ValueError, match=message):
        call()
