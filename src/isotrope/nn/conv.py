"""Convolutions over positions and orientations, and the rule that a stride must keep."""

from __future__ import annotations

import math

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from isotrope.groups import Group

FEW = 128
"""Positions of a batch up to which a full filter is a matrix on patches; measured on two cores."""


def check_stride(size: tuple[int, int], kernel_size: int, stride: int, padding: int) -> None:
    """A strided filter must sit symmetrically: `(size + 2 padding - kernel) % stride == 0`.

    Otherwise the first and last positions lie at different distances from the two borders, and a
    turned image is read at other points than the image was.
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


def check_centred(kernel_size: int) -> None:
    """A filter that keeps the grid must have a middle that sits on the positions."""
    if kernel_size % 2 == 0:
        raise ValueError(
            f"kernel_size={kernel_size} is even and would shift the grid by half a step; "
            f"use {kernel_size + 1}"
        )


def to_planes(lifted: Tensor) -> Tensor:
    """`(B, G, H, W, C)` -> `(B, G*C, H, W)`, channels last in memory, as convolutions like it."""
    return lifted.permute(0, 2, 3, 1, 4).flatten(3).permute(0, 3, 1, 2)


def to_lifted(planes: Tensor, order: int) -> Tensor:
    """`(B, G*C, H, W)` -> `(B, G, H, W, C)`; the inverse of `to_planes`."""
    return planes.permute(0, 2, 3, 1).unflatten(3, (order, -1)).permute(0, 3, 1, 2, 4)


class GroupedConv2d(torch.autograd.Function):
    """`conv2d` in groups of few channels, stride 1, with gradients that are convolutions too.

    torch's own gradient of such a filter is three to five times dearer than the filter on a CPU:
    it takes a few channels at a time. Here the batch stands in for the channels.
    """

    generate_vmap_rule = True

    @staticmethod
    def forward(planes: Tensor, weight: Tensor, padding: int, groups: int) -> Tensor:
        return F.conv2d(planes, weight, padding=padding, groups=groups)

    @staticmethod
    def setup_context(ctx, inputs, output) -> None:
        planes, weight, ctx.padding, ctx.groups = inputs
        ctx.save_for_backward(planes, weight)

    @staticmethod
    def backward(ctx, gradient: Tensor) -> tuple[Tensor | None, ...]:
        planes, weight = ctx.saved_tensors
        gradient = gradient.contiguous()  # any other layout is slow in groups
        grouped = {"groups": ctx.groups}
        to_planes = to_weight = None
        if ctx.needs_input_grad[0]:
            filters = weight.unflatten(0, (ctx.groups, -1)).transpose(1, 2).flip(-1, -2)
            filters = filters.flatten(0, 1).to(gradient.dtype)
            padding = weight.shape[-1] - 1 - ctx.padding
            to_planes = F.conv2d(gradient, filters, padding=padding, **grouped).to(planes.dtype)
        if ctx.needs_input_grad[1]:
            channels = planes.to(gradient.dtype).unflatten(1, (ctx.groups, -1))
            channels = channels.permute(2, 1, 0, 3, 4).flatten(1, 2)  # (I, groups * B, H, W)
            by_batch = gradient.transpose(0, 1)  # (O, B, H', W')
            to_weight = F.conv2d(channels, by_batch, padding=ctx.padding, **grouped)
            to_weight = to_weight.transpose(0, 1).to(weight.dtype)
        return to_planes, to_weight, None, None


class TurnedFilter(nn.Module):
    """What the three filters share: a square kernel, a stride, a checked size, a bank of turns.

    A subclass has `weight` and `bias` and says in `bank()` how the turned copies of the free
    weight make one convolution weight. Where nothing is to be learned the bank is kept until the
    weight changes.
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
        self._kept: tuple[Tensor, Tensor] | None = None  # a weight and its bank
        self._kept_tables: tuple[Tensor, ...] = ()

    def tables(self) -> tuple[Tensor, ...]:
        """What turns the weight and is never learned: `Group.filter_turns`."""
        dtype, device = self.weight.dtype, self.weight.device
        return (self.group.filter_turns(self.kernel_size).to(device, dtype),)

    def each_turn(self, weight: Tensor | None = None) -> Tensor:
        """The free weight `(..., k, k)` turned by every element: `(..., |G|, k, k)`.

        One product: on an accelerator a call for each element would be dearer than the filtering.
        """
        weight = self.weight if weight is None else weight
        turned = weight.flatten(-2) @ self._tables()[0]
        return turned.unflatten(-1, (self.group.order, *weight.shape[-2:]))

    def _tables(self) -> tuple[Tensor, ...]:
        """`tables()`, made once for a device and a dtype.

        Not buffers: who makes a model on no device first, as transformers does, leaves what is not
        in its checkpoint unmade.
        """
        kept, weight = self._kept_tables, self.weight
        if kept and (kept[0].device, kept[0].dtype) == (weight.device, weight.dtype):
            return kept
        if torch.compiler.is_compiling():  # a trace can keep nothing
            return self.tables()
        with torch.inference_mode(False), torch.no_grad():
            self._kept_tables = self.tables()
        return self._kept_tables

    def bank(self, weight: Tensor | None = None) -> Tensor:
        """The free weight, or another one in its place, turned by every element for `conv2d`."""
        raise NotImplementedError

    def _kept_bank(self, given: Tensor | None = None) -> tuple[Tensor, bool]:
        """The bank of a weight, `self.weight` if none is given, and whether it is a kept one."""
        if given is not None:
            return self.bank(given), False
        weight = self.weight
        learning = torch.is_grad_enabled() and weight.requires_grad
        # On an accelerator a comparison would wait; in torch.func the weight is no Parameter.
        plain = type(weight) is nn.Parameter and weight.device.type == "cpu"
        if learning or not plain or torch.compiler.is_compiling():
            self._kept = None
            return self.bank(), False
        kept = self._kept  # read once: other threads may replace it
        # Compared by value: an adapter merged through `weight.data` leaves address and version.
        if kept is None or kept[0].dtype != weight.dtype or not torch.equal(kept[0], weight):
            # Not an inference tensor: a later pass may need gradients of what it filters.
            with torch.inference_mode(False), torch.no_grad():
                bank = self.bank().contiguous(memory_format=torch.channels_last)
                self._kept = kept = weight.detach().clone(), bank
        return kept[1], True

    def _convolve(
        self, planes: Tensor, bank: Tensor, bias: Tensor | None, groups: int = 1
    ) -> Tensor:
        check_stride(tuple(planes.shape[-2:]), self.kernel_size, self.stride, self.padding)
        learning = torch.is_grad_enabled() and (bank.requires_grad or planes.requires_grad)
        plain = groups == 1 or self.stride > 1 or planes.device.type != "cpu"
        if not learning or plain or torch.compiler.is_compiling():
            return F.conv2d(planes, bank, bias, self.stride, self.padding, groups=groups)
        filtered = GroupedConv2d.apply(planes, bank, self.padding, groups)
        return filtered if bias is None else filtered + bias[:, None, None]

    def extra_repr(self) -> str:
        return (
            f"{tuple(self.weight.shape)}, kernel_size={self.kernel_size}, stride={self.stride}, "
            f"padding={self.padding}, group={self.group!r}"
        )


class GroupConv(TurnedFilter):
    """Convolves a lifted signal over positions and orientations.

    Full: `F'(x, g)_o = sum_i sum_h sum_x' w_oi(g^-1 (x' - x), g^-1 h) F(x', h)_i`.
    Depthwise (`depthwise=True`): the same with `C_out / C_in` filters a channel and no sum over
    `i`; output channel `j * C_in + i` is filter `j` of channel `i`.

    Maps `(B, |G|, H, W, C_in)` to `(B, |G|, H', W', C_out)`.

    Raises:
        ValueError: a size that the stride does not carry symmetrically, a depthwise filter whose
            output is no whole multiple of its input, or a signal of another group or width.
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

    def tables(self) -> tuple[Tensor, ...]:
        """And, for each `(g, h)`, where `(g^-1 h, g)` is among (orientation, turn)."""
        relative, turn = torch.tensor(self.group.relative), torch.arange(self.group.order)
        places = (relative * self.group.order + turn[:, None]).flatten()
        return *super().tables(), places.to(self.weight.device)

    def turned(self, weight: Tensor | None = None) -> Tensor:
        """`w(g^-1 x, g^-1 h)` as `(|G| g, C_out, C_in, |G| h, k, k)`; `C_in` is 1 if depthwise."""
        turned = self.each_turn(weight).flatten(2, 3).index_select(2, self._tables()[1])
        return turned.unflatten(2, (self.group.order, -1)).permute(2, 0, 1, 3, 4, 5)

    def bank(self, weight: Tensor | None = None) -> Tensor:
        """One weight for `conv2d`: `(|G|*C_out, |G|*C_in, k, k)`, or `(C_out*|G|, |G|, k, k)`."""
        if self.depthwise:  # channel-major: each channel is a convolution group of |G| planes
            turned = self.turned(weight).squeeze(2).unflatten(1, (-1, self.in_channels))
            return turned.permute(2, 1, 0, 3, 4, 5).flatten(0, 2)
        return self.turned(weight).transpose(2, 3).flatten(2, 3).flatten(0, 1)

    def forward(self, lifted: Tensor, weight: Tensor | None = None) -> Tensor:
        """Filters with `weight` in place of the layer's own where one is given."""
        order = self.group.order
        if lifted.ndim != 5 or lifted.shape[1] != order or lifted.shape[4] != self.in_channels:
            raise ValueError(
                f"shape {tuple(lifted.shape)} is not a signal of {self.in_channels} channels "
                f"lifted to {self.group!r}; give (B, {order}, H, W, {self.in_channels})"
            )
        bias = self.bias
        if self.depthwise:
            planes = lifted.permute(0, 4, 1, 2, 3).flatten(1, 2)
            if bias is not None:
                bias = bias.view(-1, self.in_channels).T.repeat_interleave(order)
            bank, _ = self._kept_bank(weight)
            planes = self._convolve(planes, bank, bias, groups=self.in_channels)
            channels = planes.unflatten(1, (self.in_channels, -1, order))
            return channels.permute(0, 3, 4, 5, 2, 1).flatten(4)
        bias = None if bias is None else bias.repeat(order)
        bank, kept = self._kept_bank(weight)
        if kept and self._positions(lifted) <= FEW:
            return self._multiply(lifted, bank, bias)
        return to_lifted(self._convolve(to_planes(lifted), bank, bias), order)

    def _positions(self, lifted: Tensor) -> int:
        return lifted.shape[0] * lifted.shape[2] * lifted.shape[3] // self.stride**2

    def _multiply(self, lifted: Tensor, bank: Tensor, bias: Tensor | None) -> Tensor:
        """The full filter as one matrix on the patches, for inference at few positions on a CPU.

        `conv2d` would put the bank, |G|^2 times the free weight, into its own order at every call;
        at many positions that is soon less than copying the patches.
        """
        k, stride, padding = self.kernel_size, self.stride, self.padding
        check_stride(tuple(lifted.shape[2:4]), k, stride, padding)
        padded = F.pad(lifted, (0, 0, padding, padding, padding, padding))
        patches = padded.unfold(2, k, stride).unfold(3, k, stride)  # (B, |G|, H', W', C, k, k)
        patches = patches.permute(0, 2, 3, 5, 6, 1, 4).flatten(3)
        filtered = F.linear(patches, bank.permute(0, 2, 3, 1).flatten(1), bias)
        return filtered.unflatten(3, (self.group.order, -1)).permute(0, 3, 1, 2, 4)
