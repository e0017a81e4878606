"""Convolutions over positions and orientations, and the rule that a stride must obey."""

# torch leaves some of its functions untyped, such as `unflatten` and `split`:
# pyright: reportUnknownMemberType=false, reportUnknownVariableType=false
# pyright: reportUnknownArgumentType=false
from __future__ import annotations

import math

import torch
from jaxtyping import Float
from torch import Tensor, nn

from isotrope.groups import Group
from isotrope.nn.fast.bank import KeptBank, may_keep
from isotrope.nn.fast.grouped import grouped_conv2d
from isotrope.nn.fast.kept import Kept
from isotrope.nn.fast.patches import few_positions, patches_by_filters
from isotrope.nn.fast.turning import all_turns


def check_stride(size: tuple[int, int], kernel_size: int, stride: int, padding: int) -> None:
    """Check that a strided filter sits symmetrically: `(size + 2 padding - kernel) % stride == 0`.

    Otherwise the first and last positions lie at different distances from the two borders, and the
    filter samples a turned image at other points than the original. Raises ValueError.
    """
    for length in size:
        if length + 2 * padding < kernel_size:
            raise ValueError(
                f"size {size[0]}x{size[1]} with padding={padding} is smaller than "
                f"kernel_size={kernel_size}; enlarge the input"
            )
        rest = (length + 2 * padding - kernel_size) % stride
        if rest:
            raise ValueError(
                f"size {size[0]}x{size[1]} breaks equivariance: (size + 2*padding - kernel_size) "
                f"must be divisible by stride, but ({length} + 2*{padding} - {kernel_size}) % "
                f"{stride} = {rest}; resize or pad {length} to {length - rest} or "
                f"{length - rest + stride}"
            )


def overlapping(stride: int) -> int:
    """Side of a filter that overlaps its neighbors: `2 s`, or `2 s - 1` for an odd `s`.

    Stride and kernel have one parity, so that the filter lies symmetrically around its positions.
    """
    return 2 * stride - stride % 2


def symmetric_padding(kernel_size: int, stride: int) -> int:
    """The padding `(k - s) / 2`, with which filters lie symmetrically on sizes that `s` divides.

    Raises:
        ValueError: a kernel smaller than the stride, or of another parity.
    """
    if kernel_size < stride or (kernel_size - stride) % 2:
        raise ValueError(
            f"a kernel of {kernel_size} with stride={stride} has no padding (kernel - stride) / 2 "
            f"that is whole and not negative; use kernel_size={stride} or {stride + 2}"
        )
    return (kernel_size - stride) // 2


def check_centered(kernel_size: int) -> None:
    """Check that the kernel size is odd: an even filter would shift the grid by half a step."""
    if kernel_size % 2 == 0:
        raise ValueError(
            f"kernel_size={kernel_size} is even and would shift the grid by half a step; "
            f"use {kernel_size + 1}"
        )


def check_lifted(lifted: Tensor, channels: int, group: Group) -> None:
    """Raise ValueError unless this is a lifted signal `(B, |G|, H, W, channels)`."""
    if lifted.ndim != 5 or lifted.shape[1] != group.order or lifted.shape[4] != channels:
        raise ValueError(
            f"shape {tuple(lifted.shape)} is not a signal of {channels} channels lifted to "
            f"{group!r}; give (B, {group.order}, H, W, {channels})"
        )


def to_planes(lifted: Float[Tensor, "B G H W C"]) -> Float[Tensor, "B G*C H W"]:
    """`(B, G, H, W, C)` -> `(B, G*C, H, W)`, channels last in memory, which suits convolutions."""
    return lifted.permute(0, 2, 3, 1, 4).flatten(3).permute(0, 3, 1, 2)


def to_lifted(
    planes: Float[Tensor, "B GC H W"], order: int
) -> Float[Tensor, "B {order} H W GC//{order}"]:
    """`(B, G*C, H, W)` -> `(B, G, H, W, C)`; the inverse of `to_planes`."""
    return planes.permute(0, 2, 3, 1).unflatten(3, (order, -1)).permute(0, 3, 1, 2, 4)


def channel_major(lifted: Float[Tensor, "B G H W C"]) -> Float[Tensor, "B G H W C"]:
    """The same signal in the order in memory that depthwise filters read, `(B, C, G, H, W)`.

    Several filters then share one copy, which is kept for the backward pass of all.
    """
    return lifted.permute(0, 4, 1, 2, 3).contiguous().permute(0, 2, 3, 4, 1)


class TurnedFilter(nn.Module):
    """Base of the filters: a square kernel, a stride, a checked size, a bank of turns.

    A subclass has `weight` and `bias`, and its `bank()` combines the turned copies of the free
    weight into one weight for `conv2d`.

    A `weight` argument replaces the layer's own weight for one call: an adapter can thus act on the
    free weight before it is turned, without changing the layer.
    """

    weight: nn.Parameter

    def __init__(self, group: Group, kernel_size: int, stride: int, padding: int) -> None:
        super().__init__()
        if kernel_size < 1 or stride < 1 or padding < 0:
            raise ValueError(
                f"kernel_size={kernel_size}, stride={stride}, padding={padding}: "
                "the first two must be 1 or more, the padding 0 or more"
            )
        if padding >= kernel_size:
            raise ValueError(
                f"padding={padding} is not below kernel_size={kernel_size}: the border would be "
                f"made of padding alone; take padding={(kernel_size - 1) // 2}"
            )
        self.group = group
        self.kernel_size, self.stride, self.padding = kernel_size, stride, padding
        self._tables: Kept[Tensor] = Kept()
        self._bank = KeptBank()

    def each_turn(
        self, weight: Float[Tensor, "*channels k k"] | None = None
    ) -> Float[Tensor, "*channels {self.group.order} k k"]:
        """`w(g^-1 x)` of the free weight `(..., k, k)`, for every element: `(..., |G|, k, k)`."""
        return all_turns(self.group, self.weight if weight is None else weight, self._tables)

    def bank(self, weight: Tensor | None = None) -> Tensor:
        """The free weight turned by every element, in the layout of a `conv2d` weight."""
        raise NotImplementedError

    def kept_bank(self, weight: Tensor | None = None) -> Tensor:
        """`bank()`, cached when possible; the bank of a passed `weight` is never cached."""
        if weight is not None:
            return self.bank(weight)
        if may_keep(self.weight):
            return self._bank.get(self.weight, self.bank)
        self._bank.drop()
        return self.bank()

    def convolve(
        self,
        planes: Float[Tensor, "B I H W"],
        bank: Float[Tensor, "O I//{groups} k k"],
        bias: Float[Tensor, " O"] | None,
        groups: int = 1,
    ) -> Float[Tensor, "B O H2 W2"]:
        """`conv2d`; ValueError if the stride does not sit symmetrically (see `check_stride`)."""
        self.check_size(planes.shape[-2], planes.shape[-1])
        return grouped_conv2d(planes, bank, bias, self.stride, self.padding, groups)

    def check_size(self, rows: int, columns: int) -> None:
        """Raise ValueError if the stride does not sit symmetrically on a grid of this size."""
        check_stride((rows, columns), self.kernel_size, self.stride, self.padding)

    def extra_repr(self) -> str:
        return (
            f"{tuple(self.weight.shape)}, kernel_size={self.kernel_size}, stride={self.stride}, "
            f"padding={self.padding}, group={self.group!r}"
        )


class GroupConv(TurnedFilter):
    """Convolution of a lifted signal over positions and orientations.

    Full: `F'(x, g)_o = sum_i sum_h sum_x' w_oi(g^-1 (x' - x), g^-1 h) F(x', h)_i`.
    Depthwise (`depthwise=True`): the same with `C_out / C_in` filters per channel and no sum over
    `i`; output channel `j * C_in + i` is filter `j` of channel `i`.

    Maps `(B, |G|, H, W, C_in)` to `(B, |G|, H', W', C_out)`.

    Raises:
        ValueError: a size on which the stride does not sit symmetrically, a depthwise filter whose
            `C_out` is not a multiple of `C_in`, or a signal of another group or width.
    """

    takes, gives = "lifted", "lifted"

    def __init__(
        self,
        in_channels: int,
        out_channels: int,
        kernel_size: int,
        stride: int = 1,
        padding: int = 0,
        *,
        group: Group,
        depthwise: bool = False,
        bias: bool = True,
    ) -> None:
        super().__init__(group, kernel_size, stride, padding)
        if depthwise and out_channels % in_channels:
            raise ValueError(
                f"a depthwise filter gives so many channels for each, but out_channels="
                f"{out_channels} is no multiple of in_channels={in_channels}; make it one, or pass "
                "depthwise=False"
            )
        self.depthwise, self.in_channels = depthwise, in_channels
        fan_in = (1 if depthwise else in_channels) * group.order * kernel_size**2
        shape = (out_channels, 1 if depthwise else in_channels, group.order)
        self.weight = nn.Parameter(torch.empty(*shape, kernel_size, kernel_size))
        self.bias = nn.Parameter(torch.zeros(out_channels)) if bias else None
        nn.init.normal_(self.weight, std=1 / math.sqrt(fan_in))

    def turned(self, weight: Tensor | None = None) -> Tensor:
        """`w(g^-1 x, g^-1 h)` as `(|G| g, C_out, C_in, |G| h, k, k)`; `C_in` is 1 if depthwise."""
        order = self.group.order
        # w(g^-1 x, u) as (C_out, C_in, |G| u * |G| g, k, k); then pick u = g^-1 h
        turned = self.each_turn(weight).flatten(2, 3)
        turned = turned.index_select(2, self._places(turned.device))
        return turned.unflatten(2, (order, order)).permute(2, 0, 1, 3, 4, 5)

    def _places(self, device: torch.device) -> Tensor:
        """The index of `(g^-1 h, g)` among all (orientation, turn) pairs, for each `(g, h)`."""

        def make() -> Tensor:
            relative = torch.tensor(self.group.relative)
            places = relative * self.group.order + torch.arange(self.group.order)[:, None]
            return places.flatten().to(device)

        return self._tables.get(("places", device), make)

    def bank(self, weight: Tensor | None = None) -> Tensor:
        """One weight for `conv2d`: `(|G|*C_out, |G|*C_in, k, k)`, or `(C_out*|G|, |G|, k, k)`."""
        if self.depthwise:  # channel-major: each channel is a convolution group of |G| planes
            turned = self.turned(weight).squeeze(2).unflatten(1, (-1, self.in_channels))
            return turned.permute(2, 1, 0, 3, 4, 5).flatten(0, 2)
        return self.turned(weight).transpose(2, 3).flatten(2, 3).flatten(0, 1)

    def forward(
        self,
        lifted: Float[Tensor, "B G H W I"],
        weight: Float[Tensor, "O I2 G k k"] | None = None,
    ) -> Float[Tensor, "B G H2 W2 O2"]:
        check_lifted(lifted, self.in_channels, self.group)
        bank = self.kept_bank(weight)
        return self._depthwise(lifted, bank) if self.depthwise else self._full(lifted, bank)

    def _full(self, lifted: Tensor, bank: Tensor) -> Tensor:
        order = self.group.order
        bias = None if self.bias is None else self.bias.repeat(order)
        if self._bank.holds(bank) and few_positions(lifted, self.stride):
            self.check_size(lifted.shape[2], lifted.shape[3])
            return patches_by_filters(lifted, bank, bias, self.stride, self.padding)
        return to_lifted(self.convolve(to_planes(lifted), bank, bias), order)

    def _depthwise(self, lifted: Tensor, bank: Tensor) -> Tensor:
        bias, order = self.bias, self.group.order
        if bias is not None:
            bias = bias.view(-1, self.in_channels).T.repeat_interleave(order)
        planes = lifted.permute(0, 4, 1, 2, 3).flatten(1, 2)  # (B, C*G, H, W)
        planes = self.convolve(planes, bank, bias, groups=self.in_channels)
        channels = planes.unflatten(1, (self.in_channels, -1, order))
        return channels.permute(0, 3, 4, 5, 2, 1).flatten(4)
