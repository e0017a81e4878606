"""`EquivariantLayerTests`: the tests that every layer of isotrope inherits, and yours can too.

    class TestMyLayer(EquivariantLayerTests):
        def layer(self, group):
            return MyLayer(self.channels, group=group)

        def broken(self, group):  # optional: a variant that is not equivariant, to prove the tests
            return MyLayerThatLooksToOneSide(self.channels, group=group)

Needs pytest and hypothesis. `test_compile` is marked `slow`; register the mark in your pytest
settings, or skip the test with `-m "not slow"`.
"""

# torch leaves some of its functions untyped, such as `unflatten` and `split`:
# pyright: reportUnknownMemberType=false, reportUnknownVariableType=false
# pyright: reportUnknownArgumentType=false
from __future__ import annotations

import pytest
import torch
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from torch import Tensor, nn

from isotrope.equivariance.measure import assert_equivariant, equivariance_error
from isotrope.groups import CyclicGroup, DihedralGroup, Group
from isotrope.kinds import declared

SEED = 1

# A few fixed examples: a failure must recur on the next run.
_drawn = settings(
    max_examples=6,
    deadline=None,
    derandomize=True,
    database=None,
    suppress_health_check=[HealthCheck.differing_executors, HealthCheck.too_slow],
)


class EquivariantLayerTests:
    """Override `layer(group)`, and `broken(group)` if there is a variant that must fail.

    Attributes:
        groups: the groups that the layer is built for.
        channels: number of input channels.
        takes: kind of its input, "image" or "lifted"; None: what the layer declares.
        gives: kind of its output; None: what the layer declares.
        multiple: rows and columns are multiples of this many pixels or positions.
        smallest, largest: the smallest and the largest number of such multiples.
        without_gradient: parameters whose gradient is always zero, such as the bias of a key, which
            adds the same value to every score of a softmax.
        refuses_wrong_shape: whether a wrong input shape must raise ValueError.
    """

    groups: tuple[Group, ...] = (
        CyclicGroup(1),
        CyclicGroup(2),
        CyclicGroup(4),
        DihedralGroup(1),
        DihedralGroup(2),
        DihedralGroup(4),
    )
    channels: int = 6
    takes: str | None = None
    gives: str | None = None
    multiple: int = 1
    smallest: int = 2
    largest: int = 5
    without_gradient: tuple[str, ...] = ()
    refuses_wrong_shape: bool = True

    def layer(self, group: Group) -> nn.Module:
        """The module to test; override this method."""
        raise NotImplementedError("write layer(self, group): it returns the module to test")

    broken = None

    def build(self, group: Group, dtype: torch.dtype = torch.float64) -> nn.Module:
        """The layer with every parameter randomized: a bias of zero would hide its errors."""
        torch.manual_seed(SEED)
        layer = self.layer(group)
        with torch.no_grad():
            for parameter in layer.parameters():
                parameter.add_(torch.randn_like(parameter) * 0.1)
        return layer.to(dtype).eval()

    def input(self, group: Group, rows: int = 2, columns: int = 3, batch: int = 2) -> Tensor:
        """Noise of the kind the layer takes, `rows` x `columns` multiples in size, in float64."""
        torch.manual_seed(SEED + 1)
        size = rows * self.multiple, columns * self.multiple
        if self.kind_taken(group) == "image":
            return torch.randn(batch, self.channels, *size, dtype=torch.float64)
        return torch.randn(batch, group.order, *size, self.channels, dtype=torch.float64)

    def kind_taken(self, group: Group) -> str:
        """The kind of the input, "image" or "lifted"."""
        kind = self.takes or declared(self.layer(group), "takes")
        if kind not in ("image", "lifted"):
            raise ValueError(
                f"takes={kind!r} is no input that these tests can draw; set the class attribute "
                "takes to 'image' or 'lifted', here or on the layer"
            )
        return kind

    def sizes(self) -> tuple[int, int]:
        """A non-square size in multiples."""
        return self.smallest, self.smallest + 1

    # The tests ----------------------------------------------------------------------------------

    def test_equivariant_to_every_element(self):
        for group in self.groups:
            x = self.input(group, *self.sizes())
            assert_equivariant(self.build(group), x, group, takes=self.takes, gives=self.gives)

    @_drawn
    @given(data=st.data())
    def test_equivariant_at_any_size(self, data: st.DataObject):
        group = data.draw(st.sampled_from(sorted(self.groups, key=lambda g: -g.order)[:2]))
        multiples = st.integers(self.smallest, self.largest)
        x = self.input(group, data.draw(multiples), data.draw(multiples), batch=1)
        assert_equivariant(self.build(group), x, group, takes=self.takes, gives=self.gives)

    def test_equivariant_in_float32(self):
        group = self.groups[-1]
        x = self.input(group, *self.sizes())
        layer = self.build(group)
        assert_equivariant(layer, x, group, takes=self.takes, gives=self.gives, dtype=torch.float32)

    def test_an_image_of_a_batch_is_computed_alone(self):
        group = self.groups[-1]
        layer, x = self.build(group), self.input(group, *self.sizes(), batch=3)
        together, alone = layer(x), torch.cat([layer(x[i : i + 1]) for i in range(3)])
        torch.testing.assert_close(together, alone, rtol=0, atol=1e-10)

    def test_every_parameter_gets_a_gradient(self):
        group = self.groups[-1]
        layer = self.build(group)
        out = layer(self.input(group, *self.sizes()).requires_grad_())
        torch.manual_seed(SEED + 2)
        (out * torch.randn_like(out)).sum().backward()
        for name, parameter in layer.named_parameters():
            assert parameter.grad is not None, f"{name} is not used"
            assert parameter.grad.isfinite().all(), f"{name} has a gradient that is not finite"
            size = float(parameter.grad.abs().max())
            if name in self.without_gradient:
                assert size < 1e-10, f"{name} has a gradient; take it out of without_gradient"
            else:
                assert size > 1e-10, f"{name} has no gradient: it changes nothing"

    def test_the_gradient_of_the_input_is_equivariant_too(self):
        group = self.groups[-1]

        class Gradient(nn.Module):
            """`x -> d/dx sum layer(x)^2 / 2`, of the input's own kind."""

            def __init__(self, layer: nn.Module):
                super().__init__()
                self.layer = layer

            def forward(self, x: Tensor) -> Tensor:
                with torch.enable_grad():
                    x = x.detach().requires_grad_()
                    return torch.autograd.grad(self.layer(x).square().sum() / 2, x)[0]

        kind = self.kind_taken(group)
        x = self.input(group, *self.sizes())
        assert_equivariant(Gradient(self.build(group)), x, group, takes=kind, gives=kind)

    def test_orientations_differ(self):
        for group in self.groups:
            layer = self.build(group)
            out = layer(self.input(group, *self.sizes()))
            if (self.gives or declared(layer, "gives")) != "lifted":
                return
            slices = out.transpose(0, 1).flatten(1)  # (|G|, everything else)
            apart = torch.cdist(slices, slices) + torch.eye(group.order)
            assert apart.min() > 1e-3, f"two orientations of {group!r} are equal"

    @pytest.mark.parametrize("dtype", [torch.float32, torch.bfloat16], ids=str)
    def test_runs_in_lower_precision(self, dtype: torch.dtype):
        group = self.groups[-1]
        x = self.input(group, *self.sizes())
        out = self.build(group, dtype)(x.to(dtype))
        assert out.dtype == dtype
        expected = self.build(group)(x)
        error = (out.double() - expected).abs().max() / expected.abs().max()
        assert error < (1e-4 if dtype == torch.float32 else 0.2)

    def test_a_wrong_shape_is_refused(self):
        if not self.refuses_wrong_shape:
            return
        group = self.groups[-1]
        layer, x = self.build(group), self.input(group, *self.sizes())
        axis = 1 if self.kind_taken(group) == "image" else 4
        for wrong in (x[0], x[..., None], torch.cat((x, x), dim=axis)):
            with pytest.raises(ValueError, match="; "):  # the rule; the remedy
                layer(wrong)
        if axis == 4 and group.order > 1:
            with pytest.raises(ValueError, match="; "):
                layer(x[:, 1:])

    def test_the_negative_control_fails(self):
        if self.broken is None:
            return
        group = self.groups[-1]
        torch.manual_seed(SEED)
        layer, x = self.broken(group), self.input(group, *self.sizes())
        takes, gives = self.kind_taken(group), self.gives or declared(self.layer(group), "gives")
        errors = equivariance_error(layer, x, group, takes, gives)
        assert max(errors.values()) > 1e-4, f"the broken variant passes: {errors}"

    @pytest.mark.slow
    @pytest.mark.filterwarnings("ignore")  # from the compiler's own libraries
    def test_compile(self):
        """The layer traces as one graph, without breaks; generating code from it is torch's job."""
        group = self.groups[-1]
        layer, x = self.build(group), self.input(group, *self.sizes())
        torch.compiler.reset()
        compiled = torch.compile(layer, fullgraph=True, backend="aot_eager")
        torch.testing.assert_close(compiled(x), layer(x), rtol=0, atol=1e-10)
