"""PiSSA: an adapter that starts at the leading singular part of the weight, and trains that part.

With `B0 A0` the leading part of `W`, divided by the scale `s`, the published method freezes the
residual `W - s B0 A0` and trains `B A` from `B0 A0` (Meng et al. 2024, eq. 2-4). Here `W` itself
stays, so that the model without the adapter is the base bit for bit:

    (W - s B0 A0) + s B A = W + s [B, -B0] [A; A0]

which is a LoRA of twice the rank, half of it fixed. It is saved as such a LoRA.
"""

from __future__ import annotations

from typing import cast

import torch
from peft.tuners.lora import LoraLayer
from torch import Tensor, nn
from torch.nn import functional

_LEARNED, _FIXED = "learned", "fixed"


class HalfFixed(nn.Module):
    """A linear map without bias, whose weight is a learned half beside a fixed one.

    Args:
        learned, fixed: The halves.
        axis: The axis along which they are joined.
    """

    def __init__(self, learned: Tensor, fixed: Tensor, axis: int) -> None:
        super().__init__()
        self.learned = nn.Parameter(learned.clone())
        self.fixed: Tensor
        self.register_buffer(_FIXED, fixed.clone())
        self.axis = axis

    @property
    def weight(self) -> Tensor:
        """Both halves as one matrix."""
        return torch.cat([self.learned, self.fixed], self.axis)

    def forward(self, x: Tensor) -> Tensor:
        return functional.linear(x, self.weight)


@torch.no_grad()
def start(model: nn.Module, name: str) -> None:
    """Turn a new LoRA, in place, into a PiSSA of half its rank."""
    for layer in model.modules():
        if isinstance(layer, LoraLayer) and name in layer.lora_A:
            down = cast("nn.Linear", layer.lora_A[name]).weight
            rank = len(down) // 2
            weight = cast("Tensor", layer.get_base_layer().weight)
            left, right = leading(weight.flatten(1), rank, layer.scaling[name])
            # A matrix with fewer singular values: the rest starts as in LoRA, A random and B at 0.
            first = torch.cat([right, down[len(right) : rank]])
            up = functional.pad(left, (0, rank - left.shape[1]))
            layer.lora_A[name] = HalfFixed(first, first, 0)
            layer.lora_B[name] = HalfFixed(up, -up, 1)


def leading(matrix: Tensor, rank: int, scale: float) -> tuple[Tensor, Tensor]:
    """`B0 (m, r)` and `A0 (r, n)`: the best approximation of this rank of a matrix, over `scale`.

    r is the rank, or the smaller side of the matrix. The singular values go half to each.
    """
    left, values, right = torch.linalg.svd(matrix.double(), full_matrices=False)
    roots = (values[:rank] / scale).sqrt()
    up, down = left[:, :rank] * roots, roots[:, None] * right[:rank]
    return up.to(matrix.dtype), down.to(matrix.dtype)


def plain(tensors: dict[str, Tensor]) -> dict[str, Tensor]:
    """An adapter's tensors with the halves of a PiSSA joined: those of a LoRA of the same shape.

    The product `[B, -B0] [A; A0]` is factored anew. It is small where little was learned, and the
    factors are as small, so that rounding them to 16 bits does not disturb the base.
    """
    joined = {key: tensor for key, tensor in tensors.items() if not _half(key)}
    for key in tensors:
        layer, found, _ = key.rpartition(f".lora_A.{_LEARNED}")
        if found:
            down, up = (
                torch.cat([tensors[f"{layer}.{part}.{half}"] for half in (_LEARNED, _FIXED)], axis)
                for part, axis in (("lora_A", 0), ("lora_B", 1))
            )
            up, down = _balanced(up, down)
            joined |= {f"{layer}.lora_A.weight": down, f"{layer}.lora_B.weight": up}
    return joined


def _half(key: str) -> bool:
    return key.rpartition(".")[2] in (_LEARNED, _FIXED)


def _balanced(up: Tensor, down: Tensor) -> tuple[Tensor, Tensor]:
    """Factors of the same product and shapes, by its singular values, half of each to both."""
    rank = len(down)
    outer, core_up = torch.linalg.qr(up.double())
    inner, core_down = torch.linalg.qr(down.double().T)
    left, values, right = torch.linalg.svd(core_up @ core_down.T, full_matrices=False)
    roots = values.sqrt()
    missing = rank - len(values)
    new_up = functional.pad(outer @ left * roots, (0, missing))
    new_down = functional.pad(roots[:, None] * (right @ inner.T), (0, 0, 0, missing))
    return new_up.to(up.dtype).contiguous(), new_down.to(down.dtype).contiguous()
