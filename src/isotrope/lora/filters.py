"""LoRA on a filter that its group turns."""

from __future__ import annotations

from collections.abc import Callable
from typing import cast

import torch
from peft.tuners.lora import LoraConfig, LoraLayer
from peft.tuners.lora import model as lora_model
from peft.tuners.lora.layer import LoraVariant
from peft.tuners.tuners_utils import BaseTunerLayer, check_adapters_to_merge
from torch import Tensor, nn

from isotrope.nn.conv import TurnedFilter


class Magnitude(nn.Module):
    """`m` in DoRA: a length for each output channel."""

    def __init__(self, lengths: Tensor) -> None:
        super().__init__()
        self.weight = nn.Parameter(lengths)


class FilterDora(LoraVariant):
    """Tells peft that filters support DoRA; `FilterLora` implements it."""

    @staticmethod
    def init(module: FilterLora, adapter_name: str, **_) -> None:
        lengths = _lengths(module.moved(module.free_weight, adapter_name))
        module.lora_magnitude_vector[adapter_name] = Magnitude(lengths.detach().clone())


class FilterLora(nn.Module, LoraLayer):
    """`w + s B A` on the weight of a convolution, before a group turns it.

    `LiftingConv` and `GroupConv` turn their free weight; a plain convolution uses its weight as is.
    The free weight `(C_out, ...)` is treated as a matrix with `C_out` rows. All orientations then
    turn the same adapted filter, so the layer stays as equivariant as it was; an adapter on the
    turned bank would give each orientation its own filter. DoRA: `m (w + s B A) / |w + s B A|`,
    with a length for each row. Dropout of an adapter's input has no meaning here and is ignored.

    Merging saves the original weight, and unmerging restores it bit for bit.
    """

    base_layer: nn.Module

    def __init__(
        self, base_layer: nn.Module, adapter_name: str, *, config: LoraConfig, **kwargs
    ) -> None:
        super().__init__()
        LoraLayer.__init__(self, base_layer)
        self._active_adapter = adapter_name
        self._unmerged: Tensor | None = None
        self.update_layer(adapter_name, kwargs["r"], kwargs["lora_alpha"], config)

    def _get_in_out_features(self, module: nn.Module) -> tuple[int, int]:
        weight = cast("Tensor", module.weight)
        return weight[0].numel(), weight.shape[0]

    @property
    def free_weight(self) -> nn.Parameter:
        """The weight that adapters act on."""
        return cast("nn.Parameter", self.get_base_layer().weight)

    @property
    def lora_variants(self) -> dict[tuple[str, ...], type[LoraVariant] | None]:
        return {(): None, ("use_dora",): FilterDora}

    def get_delta_weight(self, adapter: str) -> Tensor:
        """`s B A` in the shape of the free weight."""
        down, up = (cast("nn.Linear", part[adapter]).weight for part in (self.lora_A, self.lora_B))
        return self.scaling[adapter] * (up @ down).view_as(self.free_weight)

    def moved(self, weight: Tensor, adapter: str) -> Tensor:
        """The free weight with one adapter acting on it."""
        moved = weight + self.get_delta_weight(adapter).to(weight.dtype)
        if adapter not in self.lora_magnitude_vector:
            return moved
        magnitude = cast("Magnitude", self.lora_magnitude_vector[adapter])
        scale = magnitude.weight / _lengths(moved).detach()
        return moved * scale.view(-1, *(1,) * (moved.ndim - 1)).to(weight.dtype)

    def forward(self, signal: Tensor) -> Tensor:
        if self.disable_adapters and self.merged:
            self.unmerge()
        acting = [name for name in self.active_adapters if name in self.lora_A]
        if self.disable_adapters or self.merged or not acting:
            return self.base_layer(signal)
        weight: Tensor = self.free_weight
        for adapter in acting:
            weight = self.moved(weight, adapter)
        # As an argument: swapping the layer's own weight, even briefly, would affect other threads.
        if isinstance(self.base_layer, TurnedFilter):
            return self.base_layer(signal, weight)
        plain = cast("nn.Conv1d | nn.Conv2d", self.base_layer)
        return plain._conv_forward(signal, weight, plain.bias)

    @torch.no_grad()
    def merge(self, safe_merge: bool = False, adapter_names: list[str] | None = None) -> None:
        """Merge adapters into the free weight; by default the active ones."""
        weight = self.free_weight
        for adapter in check_adapters_to_merge(self, adapter_names) or ():
            if adapter not in self.lora_A:
                continue
            moved = self.moved(weight, adapter)
            if safe_merge and not moved.isfinite().all():
                raise ValueError(
                    f"adapter {adapter!r} makes weights that are not finite; it is broken"
                )
            if self._unmerged is None:
                self._unmerged = weight.detach().clone()
            weight.copy_(moved)
            self.merged_adapters.append(adapter)

    @torch.no_grad()
    def unmerge(self) -> None:
        """Restore the weight from before the first merge."""
        if self._unmerged is not None:
            self.free_weight.copy_(self._unmerged)
        self.merged_adapters.clear()
        self._unmerged = None


def _lengths(weight: Tensor) -> Tensor:
    """The length of each row, never 0: DoRA divides by it, and weights may have rows of zeros."""
    lengths = torch.linalg.vector_norm(weight.flatten(1), dim=1)
    return lengths.clamp_min(torch.finfo(lengths.dtype).tiny)


def register() -> None:
    """Make peft itself adapt `LiftingConv` and `GroupConv`, for `PeftModel.from_pretrained`.

    Without this call peft rejects these layers as unsupported; `isotrope.lora.load_adapter` does
    not need it. peft still uses its own adapter for plain convolutions, except those of models
    given to `claim`.
    """
    # Patched where peft calls it, not where it is defined.
    default = lora_model.dispatch_default  # pyright: ignore[reportPrivateImportUsage]
    if isinstance(default, _Dispatch):
        return
    lora_model.dispatch_default = _Dispatch(default)  # pyright: ignore[reportPrivateImportUsage]


def claim(model: nn.Module) -> None:
    """Make peft adapt the plain convolutions of a model as `add_adapter` does: by `FilterLora`.

    `register` must be called too. peft's own adapter for a convolution has other shapes.
    """
    for module in model.modules():
        if isinstance(module, (nn.Conv1d, nn.Conv2d)):
            setattr(module, _CLAIMED, True)


_CLAIMED = "isotrope_filter"


class _Dispatch:
    """Chooses `FilterLora` for turned and claimed filters, and peft's choice for other layers."""

    def __init__(self, default: Callable[..., nn.Module | None]) -> None:
        self.default = default

    def __call__(
        self, target: nn.Module, adapter_name: str, config: LoraConfig, **kwargs
    ) -> nn.Module | None:
        layer = target.get_base_layer() if isinstance(target, BaseTunerLayer) else target
        if isinstance(layer, TurnedFilter) or hasattr(layer, _CLAIMED):
            return FilterLora(target, adapter_name, config=config, **kwargs)
        return self.default(target, adapter_name, config=config, **kwargs)
