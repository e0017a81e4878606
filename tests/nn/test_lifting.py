"""The lifting layers against their equations, and a patch embedding that breaks the symmetry."""

import itertools

import pytest
import torch
import torch.nn.functional as F
from torch import nn

from isotrope.equivariance import equivariance_error
from isotrope.equivariance.testing import EquivariantLayerTests
from isotrope.groups import CyclicGroup, DihedralGroup
from isotrope.nn import MLP, LiftingConv, LiftingSelfAttention, Rotary, Table
from isotrope.nn.conv import to_lifted
from isotrope.nn.encodings import coordinates, in_frame

C4, D4 = CyclicGroup(4), DihedralGroup(4)


class TestPatchEmbedding(EquivariantLayerTests):
    channels, multiple = 3, 4

    def layer(self, group):
        return LiftingConv(3, 8, 4, stride=4, group=group)

    def broken(self, group):
        class Repeated(LiftingConv):
            """The "lift" of the public G-CSA code: one result, repeated for every orientation."""

            def bank(self, weight=None):
                return self.weight.repeat(self.group.order, 1, 1, 1)

        return Repeated(3, 8, 4, stride=4, group=group)


class TestOverlapping(EquivariantLayerTests):
    channels, multiple = 3, 4

    def layer(self, group):
        return LiftingConv(3, 8, 8, stride=4, padding=2, group=group, bias=False)


class TestUnstrided(EquivariantLayerTests):
    channels = 3

    def layer(self, group):
        return LiftingConv(3, 8, 3, padding=1, group=group)


class FrameOfTheIdentity(nn.Module):
    """Every orientation sees the positions in the frame of the identity."""

    def __init__(self, layer):
        super().__init__()
        self.layer = layer

    def forward(self, image):
        return self.layer(image)[:, :1].expand(-1, self.layer.group.order, -1, -1, -1)


class SelfAttentionTests(EquivariantLayerTests):
    channels, encoding, window = 3, "mlp", None
    without_gradient = ("k_proj.bias",)  # it adds the same to every score

    def layer(self, group):
        return LiftingSelfAttention(
            3, 24, 2, group=group, encoding=self.encoding, window=self.window
        )

    def broken(self, group):
        return FrameOfTheIdentity(self.layer(group))


class TestSelfAttentionMLP(SelfAttentionTests):
    pass


class TestSelfAttentionTable(SelfAttentionTests):
    encoding = "table"


class TestSelfAttentionRotary(SelfAttentionTests):
    encoding = "rotary"
    without_gradient = ()  # here the bias turns with the position


class TestSelfAttentionWindowsMLP(SelfAttentionTests):
    window = multiple = 2
    smallest, largest = 1, 3


class TestSelfAttentionWindowsRotary(TestSelfAttentionRotary):
    window = multiple = 2
    smallest, largest = 1, 3


def naive_conv(layer, image):
    """[GCSA] eq. 1: `sum_c sum_x' f(x') k_c(g^-1 (x' - x))`, one point at a time."""
    group, k, stride, padding = layer.group, layer.kernel_size, layer.stride, layer.padding
    rows, columns = image.shape[2:]
    down, across = ((n + 2 * padding - k) // stride + 1 for n in (rows, columns))
    out = image.new_zeros(len(image), group.order, down, across, layer.weight.shape[0])
    for g, row, column in itertools.product(group.elements, range(down), range(across)):
        inverse = group.matrix(group.inverse(g))
        for there in itertools.product(range(rows), range(columns)):
            y = there[0] - (row * stride - padding + (k - 1) / 2)
            x = there[1] - (column * stride - padding + (k - 1) / 2)
            at = inverse @ torch.tensor([x, y], dtype=torch.float64) + (k - 1) / 2
            if at.min() >= 0 and at.max() <= k - 1:
                w = layer.weight[:, :, int(at[1]), int(at[0])]
                out[:, g, row, column] += image[:, :, there[0], there[1]] @ w.T
    return out + layer.bias


@pytest.mark.parametrize("group", [C4, D4], ids=repr)
@pytest.mark.parametrize(
    ("k", "stride", "padding", "size"), [(3, 1, 1, (3, 4)), (4, 2, 1, (4, 6)), (2, 2, 0, (4, 6))]
)
def test_conv_equals_its_equation(group, k, stride, padding, size):
    torch.manual_seed(0)
    layer = LiftingConv(3, 4, k, stride, padding, group=group).double()
    nn.init.normal_(layer.bias)
    image = torch.randn(2, 3, *size, dtype=torch.float64)
    with torch.no_grad():
        torch.testing.assert_close(layer(image), naive_conv(layer, image), rtol=0, atol=1e-10)


def naive_attention(layer, image):
    """[LoRA-GSA] section 4: `rho` added to the keys, `softmax` over `y` alone, scores stored."""
    group, size = layer.group, tuple(image.shape[2:])
    f = layer.embed(image.flatten(2).transpose(1, 2))  # (B, N, dim)
    points = coordinates(size)
    out = []
    for g in group.elements:
        offset = in_frame(group, g, points[None] - points[:, None])  # g^-1 (y - x): (N, N, 2)
        if isinstance(layer.encoding, MLP):
            rho = layer.encoding.net(offset / layer.encoding.scale)
        else:
            at = offset.round().long() + layer.encoding.reach
            rho = layer.encoding.table[at[..., 1], at[..., 0], 0]
        heads = (2, -1)
        q = layer.q_proj(f).unflatten(-1, heads)
        k = layer.k_proj(f[:, None] + rho).unflatten(-1, heads)  # (B, x, y, heads, d)
        v = layer.v_proj(f).unflatten(-1, heads)
        scores = torch.einsum("bxhd,bxyhd->bhxy", q, k) / q.shape[-1] ** 0.5
        out.append(torch.einsum("bhxy,byhd->bxhd", scores.softmax(-1), v).flatten(2))
    return layer.out_proj(torch.stack(out, dim=1)).unflatten(2, size)


@pytest.mark.parametrize("group", [C4, D4], ids=repr)
@pytest.mark.parametrize("encoding", ["mlp", "table"])
def test_self_attention_equals_its_equation(group, encoding):
    torch.manual_seed(0)
    layer = LiftingSelfAttention(3, 8, 2, group=group, encoding=encoding).double()
    if encoding == "table":
        nn.init.normal_(layer.encoding.table)
    image = torch.randn(2, 3, 3, 4, dtype=torch.float64)
    with torch.no_grad():
        torch.testing.assert_close(layer(image), naive_attention(layer, image), rtol=0, atol=1e-10)


def test_the_patch_embedding_of_cvt_breaks_it_and_is_refused():
    torch.manual_seed(0)
    embed, image = LiftingConv(3, 4, 7, 4, 2, group=C4), torch.randn(1, 3, 96, 96)
    with pytest.raises(ValueError, match=r"size 96x96 breaks equivariance.*resize or pad 96 to 95"):
        embed(image)

    class Raw(LiftingConv):
        def forward(self, image):
            planes = F.conv2d(image, self.bank(), stride=4, padding=2)
            return to_lifted(planes, self.group.order)

    errors = equivariance_error(Raw(3, 4, 7, 4, 2, group=C4), image, C4)
    assert min(errors[h] for h in (1, 2, 3)) > 1e-2
    kept = equivariance_error(Raw(3, 4, 8, 4, 2, group=C4), image, C4)
    assert max(kept.values()) < 1e-10


@pytest.mark.parametrize("n", [8])
def test_c8_is_exact_on_quarter_turns_and_not_between(n):
    torch.manual_seed(0)
    group = CyclicGroup(n)
    errors = equivariance_error(
        LiftingConv(1, 4, 5, padding=2, group=group), torch.randn(1, 1, 16, 16), group
    )
    assert max(errors[h] for h in (0, 2, 4, 6)) < 1e-10
    assert min(errors[h] for h in (1, 3, 5, 7)) > 1e-2


@pytest.mark.parametrize(
    ("call", "message"),
    [
        (
            lambda: LiftingSelfAttention(3, 8, 2, group=C4, encoding=None),
            "encoding=None would make every orientation of the lifted signal equal; use 'mlp'",
        ),
        (
            lambda: LiftingSelfAttention(3, 9, 2, group=C4, encoding="mlp"),
            "dim=9 is not divisible by heads=2; try dim=8",
        ),
        (
            lambda: LiftingSelfAttention(3, 8, 2, group=C4, encoding="mlp", window=4)(
                torch.rand(1, 3, 8, 6)
            ),
            "8x6 grid is not tiled by windows of 4, .*resize to multiples of 4 positions or pass",
        ),
        (
            lambda: LiftingConv(3, 8, 4, group=C4)(torch.rand(1, 1, 8, 8)),
            r"\(1, 1, 8, 8\) is not an image batch; give \(B, 3, H, W\)",
        ),
        (
            lambda: LiftingSelfAttention(
                3, 8, 2, group=C4, encoding=Table(8, CyclicGroup(2), lifting=True)
            ),
            r"is Table\(8, CyclicGroup\(2\), lifting=True\), but .* Table\(8, CyclicGroup\(4\)",
        ),
        (
            lambda: LiftingSelfAttention(3, 8, 2, group=C4, encoding=Rotary(16, C4)),
            r"needs Rotary\(4, CyclicGroup\(4\), lifting=True\)",
        ),
    ],
)
def test_errors_name_value_rule_and_remedy(call, message):
    with pytest.raises(ValueError, match=message):
        call()
