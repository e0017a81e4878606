"""Group self-attention and G-CSA against their equations, with every score stored."""

import pytest
import torch
from torch import nn

from isotrope.equivariance import equivariance_error
from isotrope.equivariance.testing import EquivariantLayerTests
from isotrope.groups import CyclicGroup, DihedralGroup
from isotrope.nn import (
    MLP,
    GroupConv,
    GroupConvSelfAttention,
    GroupSelfAttention,
    NoEncoding,
    Rotary,
    Table,
)
from isotrope.nn.encodings import coordinates, in_frame
from isotrope.nn.windows import join_windows, split_windows

C4, D4 = CyclicGroup(4), DihedralGroup(4)
HEADS = 2


# The suite, for every encoding, on the whole grid and in windows ---------------------------------


class SelfAttentionTests(EquivariantLayerTests):
    channels, largest = 24, 4
    encoding, options = None, {}
    without_gradient = ("k_proj.bias",)  # it adds the same to every score

    def layer(self, group):
        return GroupSelfAttention(24, HEADS, group=group, encoding=self.encoding, **self.options)


class TestNoEncoding(SelfAttentionTests):
    def broken(self, group):
        """An absolute position embedding, by the number of the row."""

        class Embedded(nn.Module):
            def __init__(self, layer):
                super().__init__()
                self.layer = layer

            def forward(self, lifted):
                row = torch.arange(lifted.shape[2])[:, None, None]
                return self.layer(lifted + row)

        return Embedded(self.layer(group))


class TestMLP(SelfAttentionTests):
    encoding = "mlp"


class TestTable(SelfAttentionTests):
    encoding = "table"


class RotaryTests(SelfAttentionTests):
    encoding = "rotary"

    @property
    def without_gradient(self):
        return ()  # the key's bias turns with the position

    def broken(self, group):
        """The keys are not brought to the common frame: every token is in its own."""
        layer = self.layer(group)
        layer.encoding.turn.copy_(torch.eye(layer.encoding.key_dim).expand_as(layer.encoding.turn))
        return layer


class TestRotary(RotaryTests):
    pass


class TestLiteralSumMLP(TestMLP):
    options = {"sum_orientations": True}  # noqa: RUF012


class TestLiteralSumRotary(RotaryTests):
    options = {"sum_orientations": True}  # noqa: RUF012


class WindowTests:
    multiple, smallest, largest = 2, 1, 3
    options = {"window": 2}  # noqa: RUF012


class TestWindowsNoEncoding(WindowTests, SelfAttentionTests):
    pass


class TestWindowsMLP(WindowTests, TestMLP):
    pass


class TestWindowsTable(WindowTests, TestTable):
    pass


class TestWindowsRotary(WindowTests, TestRotary):
    pass


class PooledTests:
    multiple, smallest, largest = 3, 1, 2
    options = {"kv_pool": 3}  # noqa: RUF012


class TestPooledNoEncoding(PooledTests, SelfAttentionTests):
    pass


class TestPooledMLP(PooledTests, TestMLP):
    pass


class TestPooledTable(PooledTests, TestTable):
    pass


class TestPooledRotary(PooledTests, TestRotary):
    pass


class TestPooledInWindows(TestRotary):
    multiple, smallest, largest = 4, 1, 2
    options = {"kv_pool": 2, "window": 4}  # noqa: RUF012


class TestWindowsLiteralSum(WindowTests, TestMLP):
    options = {"window": 2, "sum_orientations": True}  # noqa: RUF012


class GCSATests(EquivariantLayerTests):
    channels, largest = 8, 4
    window, kv_pool = None, 1
    without_gradient = ("k_proj.bias",)

    def layer(self, group):
        return GroupConvSelfAttention(
            8, HEADS, group=group, window=self.window, kv_pool=self.kv_pool
        )

    def broken(self, group):
        class Unturned(GroupConv):
            def turned(self, weight=None):
                return self.weight.expand(self.group.order, *self.weight.shape)

        layer = self.layer(group)
        layer.kv_conv = Unturned(8, 16, 3, padding=1, group=group, depthwise=True, bias=False)
        return layer


class TestGCSA(GCSATests):
    pass


class TestGCSAWindows(GCSATests):
    window = multiple = 2
    smallest, largest = 1, 3


class TestGCSAPooled(GCSATests):
    kv_pool = multiple = 2
    smallest, largest = 1, 3


class TestGCSAPooledInWindows(GCSATests):
    window = multiple = 4
    kv_pool = 2
    smallest, largest = 1, 2


# Against the equations ----------------------------------------------------------------------------


def own(group, g, h1, h):
    """The corrected law: `h1^-1 h`."""
    return group.relative[h1][h]


def faulty(group, g, h1, h):
    """The appendix: `g^-1 h1^-1 h`, with a factor too many."""
    return group.compose(group.inverse(g), group.relative[h1][h])


class Literal(nn.Module):
    """Group self-attention, [LoRA-GSA] section 5, term by term, with every score stored."""

    takes, gives = "lifted", "lifted"

    def __init__(self, layer, law=own):
        super().__init__()
        self.layer, self.law, self.group = layer, law, layer.group

    def rho(self, offset, u):
        """`rho(d, u)` for `d`: `(N, N, 2)`."""
        encoding = self.layer.encoding
        if isinstance(encoding, Table):
            at = offset.round().long().clamp(-encoding.reach, encoding.reach) + encoding.reach
            return encoding.table[at[..., 1], at[..., 0], u]
        angle = torch.tensor(self.group.angle(u)).double().deg2rad()
        of_u = torch.stack(
            (angle.cos(), angle.sin(), torch.tensor(self.group.is_mirror(u)).double())
        )
        return encoding.net(
            torch.cat((offset / encoding.scale, of_u.expand(*offset.shape[:2], 3)), 2)
        )

    def forward(self, lifted):
        layer, size = self.layer, tuple(lifted.shape[2:4])
        f = lifted.flatten(2, 3)  # (B, G, N, C)
        points = coordinates(size)
        out = []
        for g in self.group.elements:
            offset = in_frame(self.group, g, points[None] - points[:, None])  # g^-1 (y - x)
            queries = self.group.elements if layer.sum_orientations else [g]
            out.append(sum(self.attend(f, g, h1, offset, size) for h1 in queries))
        return layer.out_proj(torch.stack(out, dim=1)).unflatten(2, size)

    def attend(self, f, g, h1, offset, size):
        """Queries at `h1` for the output at `g`: `(B, N, C)`."""
        layer, heads = self.layer, (HEADS, -1)
        q = layer.q_proj(f[:, h1]).unflatten(-1, heads)
        scores, values = [], []
        for h in self.group.elements:
            key = f[:, h, None]  # (B, 1, N, C): f(y, h)
            if not isinstance(layer.encoding, NoEncoding):
                key = key + self.rho(offset, self.law(self.group, g, h1, h))
            k = layer.k_proj(key).unflatten(-1, heads).expand(-1, q.shape[1], -1, -1, -1)
            score = torch.einsum("bxhd,bxyhd->bhxy", q, k) / q.shape[-1] ** 0.5
            if layer.window:
                tile = (coordinates(size) + torch.tensor(size[::-1]) / 2) // layer.window
                apart = (tile[:, None] != tile[None]).any(dim=-1)
                score = score.masked_fill(apart, -torch.inf)
            scores.append(score)
            values.append(layer.v_proj(f[:, h]).unflatten(-1, heads))
        attention = torch.cat(scores, dim=-1).softmax(dim=-1)  # jointly over (y, h)
        return torch.einsum("bhxy,byhd->bxhd", attention, torch.cat(values, dim=1)).flatten(2)


def build(group, seed=0, dim=8, **options):
    torch.manual_seed(seed)
    layer = GroupSelfAttention(dim, HEADS, group=group, **options).double()
    for parameter in layer.parameters():
        nn.init.normal_(parameter, std=0.4)
    return layer


@pytest.mark.parametrize("group", [CyclicGroup(1), C4, DihedralGroup(2), D4], ids=repr)
@pytest.mark.parametrize(
    "options",
    [
        *({"encoding": e, "window": w} for e in (None, "mlp", "table") for w in (None, 2)),
        *({"encoding": e, "sum_orientations": True} for e in ("mlp", "table")),
    ],
    ids=str,
)
def test_self_attention_equals_its_equation(group, options):
    layer = build(group, **options)
    lifted = torch.randn(2, group.order, 2, 4, 8, dtype=torch.float64)
    with torch.no_grad():
        torch.testing.assert_close(layer(lifted), Literal(layer)(lifted), rtol=0, atol=1e-10)


@pytest.mark.parametrize("group", [C4, D4], ids=repr)
@pytest.mark.parametrize("encoding", ["mlp", "table"])
@pytest.mark.parametrize("summed", [True, False])
def test_the_encoding_of_the_appendix_breaks_it(group, encoding, summed):
    layer = build(group, encoding=encoding, sum_orientations=summed)
    lifted = torch.randn(1, group.order, 3, 4, 8, dtype=torch.float64)
    assert max(equivariance_error(Literal(layer), lifted, group).values()) < 1e-10
    errors = equivariance_error(Literal(layer, faulty), lifted, group)
    assert errors[0] == 0
    assert min(errors[h] for h in range(1, group.order)) > 1e-4


class LiteralGCSA(nn.Module):
    """[GCSA] eq. 2-4, with every score stored."""

    def __init__(self, layer):
        super().__init__()
        self.layer = layer

    def forward(self, lifted):
        layer, size = self.layer, tuple(lifted.shape[2:4])
        key, value = layer.kv_conv(lifted).chunk(2, dim=-1)
        maps = (
            (layer.q_conv(lifted), layer.q_proj),
            (key, layer.k_proj),
            (value, layer.v_proj),
        )
        q, k, v = (
            project(convolved).flatten(1, 3).unflatten(-1, (HEADS, -1))
            for convolved, project in maps
        )  # (B, G*N, heads, d)
        scores = torch.einsum("bqhd,bkhd->bhqk", q, k) / q.shape[-1] ** 0.5
        if layer.window:
            tile = (coordinates(size) + torch.tensor(size[::-1]) / 2) // layer.window
            apart = (tile[:, None] != tile[None]).any(dim=-1)
            scores = scores.masked_fill(
                apart.tile(layer.group.order, layer.group.order), -torch.inf
            )
        weights = scores.softmax(dim=-1)
        out = torch.einsum("bhqk,bkhd->bqhd", weights, v).flatten(2)
        return layer.out_proj(out).unflatten(1, (layer.group.order, *size))


@pytest.mark.parametrize("group", [CyclicGroup(1), C4, D4], ids=repr)
@pytest.mark.parametrize("window", [None, 2])
def test_gcsa_equals_its_equations(group, window):
    torch.manual_seed(0)
    layer = GroupConvSelfAttention(8, HEADS, group=group, window=window).double()
    for parameter in layer.parameters():  # or queries and keys would be alike
        nn.init.normal_(parameter, std=0.4)
    lifted = torch.randn(2, group.order, 2, 4, 8, dtype=torch.float64)
    with torch.no_grad():
        torch.testing.assert_close(layer(lifted), LiteralGCSA(layer)(lifted), rtol=0, atol=1e-10)


@pytest.mark.parametrize("kind", ["gcsa", "gsa"])
def test_the_weights_of_a_query_sum_to_one(kind):
    """With all values one, the output is the sum of the weights: one, not |G|."""
    torch.manual_seed(0)
    if kind == "gcsa":
        layer = GroupConvSelfAttention(8, HEADS, group=C4).double()
    else:
        layer = GroupSelfAttention(8, HEADS, group=C4, encoding="mlp").double()
    nn.init.zeros_(layer.v_proj.weight), nn.init.ones_(layer.v_proj.bias)
    nn.init.eye_(layer.out_proj.weight), nn.init.zeros_(layer.out_proj.bias)
    out = layer(torch.randn(2, 4, 3, 4, 8, dtype=torch.float64))
    torch.testing.assert_close(out, torch.ones_like(out), rtol=0, atol=1e-12)


@pytest.mark.parametrize("group", [C4, D4], ids=repr)
def test_a_token_first_attends_to_its_likes(group):
    """At first the value of a token weighs more in its own output than an even share."""
    torch.manual_seed(0)
    layer = GroupConvSelfAttention(16, 1, group=group)
    tokens = torch.randn(1, group.order, 4, 4, 16)
    q = layer.q_proj(layer.q_conv(tokens)).flatten(1, 3)
    k = layer.k_proj(layer.kv_conv(tokens)[..., :16]).flatten(1, 3)
    weights = (q @ k.transpose(1, 2) / 4).softmax(dim=-1)[0]
    assert weights.diagonal().mean() > 5 / len(weights)


def test_attention_reaches_every_position_and_orientation():
    torch.manual_seed(0)
    layer = GroupConvSelfAttention(8, HEADS, group=C4).double()
    lifted = torch.randn(1, 4, 5, 6, 8, dtype=torch.float64, requires_grad=True)
    reached = torch.autograd.grad(layer(lifted)[0, 0, 0, 0].sum(), lifted)[0].abs().sum(dim=-1)
    assert (reached > 0).all()


def test_windows_tile_and_join_again():
    lifted = torch.arange(2 * 4 * 4 * 6 * 3).view(2, 4, 4, 6, 3)
    tiles = split_windows(lifted, 2)
    assert tiles.shape == (12, 4, 2, 2, 3)
    assert torch.equal(tiles[1, :, :, :, :], lifted[0, :, :2, 2:4])
    assert torch.equal(join_windows(tiles, (4, 6)), lifted)


def signal(*shape):
    return torch.rand(*shape)


@pytest.mark.parametrize(
    ("call", "message"),
    [
        (lambda: GroupSelfAttention(10, 4, group=C4, encoding=None), "dim=10 .*heads=4; try dim=8"),
        (lambda: GroupSelfAttention(8, 0, group=C4, encoding=None), "heads=0 .*use 1 or more"),
        (
            lambda: GroupSelfAttention(8, 2, group=C4),
            "head_dim=4 is too small for Rotary .* 4 channels for orientations and 4 for "
            "positions; use head_dim=8 or more",
        ),
        (
            lambda: GroupSelfAttention(8, 2, group=C4, encoding="rope"),
            "encoding='rope' is not known; use None, 'mlp', 'table', 'rotary', or a module",
        ),
        (
            lambda: GroupSelfAttention(8, 2, group=C4, encoding=None, sum_orientations=True),
            "every orientation equal; use 'mlp'",
        ),
        (lambda: GroupSelfAttention(8, 2, group=C4, encoding=None, window=0), "window=0 is not"),
        (
            lambda: GroupSelfAttention(8, 2, group=C4, encoding=Table(8, D4)),
            r"is Table\(8, DihedralGroup\(4\), lifting=False\), but .* CyclicGroup\(4\)",
        ),
        (lambda: GroupSelfAttention(8, 2, group=C4, encoding=MLP(6, C4)), r"needs MLP\(8, Cyc"),
        (
            lambda: GroupSelfAttention(32, 2, group=C4, encoding=Rotary(12, C4)),
            r"needs Rotary\(16,",
        ),
        (
            lambda: GroupSelfAttention(8, 2, group=C4, encoding=None)(signal(1, 4, 3, 3, 6)),
            r"\(1, 4, 3, 3, 6\) is not a signal of 8 channels lifted to .*; give \(B, 4, H, W, 8\)",
        ),
        (
            lambda: GroupConvSelfAttention(8, 2, group=C4, window=2)(signal(1, 4, 3, 4, 8)),
            "3x4 grid is not tiled by windows of 2, .* resize to multiples of 2 positions or pass",
        ),
        (
            lambda: GroupConvSelfAttention(8, 2, group=C4, kernel_size=4),
            "kernel_size=4 is even and would shift the grid by half a step; use 5",
        ),
        (
            lambda: GroupConvSelfAttention(8, 2, group=C4)(signal(1, 8, 3, 3, 8)),
            r"is not a signal of 8 channels lifted to CyclicGroup\(4\)",
        ),
    ],
)
def test_errors_name_value_rule_and_remedy(call, message):
    with pytest.raises(ValueError, match=message):
        call()
