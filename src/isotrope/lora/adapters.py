"""Add, count, save, load and switch the adapters of a model, and check that they fit."""

from __future__ import annotations

import json
import tempfile
import warnings
from pathlib import Path
from typing import cast

import numpy as np
from peft import (
    LoraConfig,
    LoraModel,
    PeftModel,
    get_peft_model_state_dict,
    set_peft_model_state_dict,
)
from peft.tuners.tuners_utils import BaseTunerLayer
from torch import Tensor, nn

from isotrope.io.files import replacing
from isotrope.lora.filters import FilterLora
from isotrope.lora.fit import (
    BASE,
    CONFIG,
    REMEDY,
    WEIGHTS,
    described,
    differences,
    digest,
    refuse_changed_base,
)
from isotrope.lora.head import check_characters, restore_characters, rows_of, save_characters
from isotrope.lora.methods import configured
from isotrope.lora.pissa import plain, start
from isotrope.lora.targets import target_names
from isotrope.nn import GroupConv, LiftingConv

_FILTERS = (LiftingConv, GroupConv, nn.Conv1d, nn.Conv2d)
"""Layers that take `FilterLora`. peft's own adapter for a convolution is equivalent for one channel
group, but cannot be merged for more."""


def add_adapter(
    model: nn.Module,
    targets: str | list[str] = "all",
    *,
    rank: int = 8,
    alpha: float | None = None,
    method: str = "lora",
    name: str = "default",
) -> PeftModel:
    """Add a LoRA `W + (alpha / rank) B A`, or another of `METHODS`, to layers of a model, in place.

    `A` starts random and `B` at 0, so that the model does not change until training (PiSSA starts
    from other values, to the same effect). Everything else is frozen except the running statistics
    of batch norms: keep those layers in eval mode while you train an adapter, or it will not fit
    any other copy of the model. The new adapter becomes active. For the rest use peft's
    `set_adapter`, `disable_adapter`, `merge_adapter` and `unmerge_adapter` on the returned model.

    Args:
        model: any model of isotrope, or a model this function returned, to add another adapter.
        targets: names from `TARGETS`.
        alpha: by default twice the rank, and 6 for rslora.
        method: one of `METHODS`.

    Raises:
        ValueError: an unknown target or method, a rank below 1, or a name that is taken.
    """
    config = configured(method, rank, alpha, target_names(_unwrapped(model), targets))
    _refuse_taken(model, name)
    adapted = _attach(model, config, name)
    if method == "pissa":
        start(adapted, name)
    return adapted


def count_parameters(model: PeftModel, name: str = "default") -> tuple[int, int]:
    """Numbers of parameters of an adapter and of the model without adapters.

    An adapter has `r (d_in + d_out)` parameters per matrix, and `d + 1` per new character.
    """
    ours = sum(tensor.numel() for tensor in _tensors(model, name).values())
    if rows := rows_of(model, name):
        ours += rows.weight.size + rows.bias.size
    return ours, sum(p.numel() for p in _base_parameters(model).values())


def save_adapter(model: PeftModel, folder: str | Path, name: str = "default") -> None:
    """Write one adapter, its configuration and a description of its model, each file atomically.

    Weights are saved in 16 bits; they are computed with in 32. PiSSA becomes a LoRA of twice its
    rank, on the same base.
    """
    from safetensors.torch import save_file

    folder = Path(folder)
    folder.mkdir(parents=True, exist_ok=True)
    tensors = {key: t.half().contiguous() for key, t in plain(_tensors(model, name)).items()}
    with tempfile.TemporaryDirectory() as scratch:
        model.peft_config[name].save_pretrained(scratch)
        config = json.loads((Path(scratch) / CONFIG).read_text())
    if isinstance(config["target_modules"], list):  # peft's set has another order in each process
        config["target_modules"].sort()
    with replacing(folder / WEIGHTS) as temporary:
        save_file(tensors, temporary)
    save_characters(model, folder, name)
    with replacing(folder / CONFIG) as temporary:
        temporary.write_text(json.dumps(config, indent=2, sort_keys=True))
    with replacing(folder / BASE) as temporary:
        temporary.write_text(json.dumps(description(model), indent=1))


def load_adapter(model: nn.Module, folder: str | Path, name: str = "default") -> PeftModel:
    """Add an adapter that `save_adapter` wrote, frozen, and make it active.

    An adapter written by peft itself does not say which model it was made for: only its shapes are
    checked.

    Raises:
        FileNotFoundError: a file is missing.
        ValueError: the files are broken, or the adapter was made for another model; the message
            names the difference, and the model is unchanged.
    """
    from safetensors import SafetensorError
    from safetensors.torch import load_file

    folder = Path(folder)
    missing = [file for file in (CONFIG, WEIGHTS) if not (folder / file).is_file()]
    if missing:
        raise FileNotFoundError(
            f"{folder} has no {' and no '.join(missing)}; give a folder that save_adapter or "
            "`isotrope adapt` wrote"
        )
    _refuse_taken(model, name)
    base = folder / BASE
    here = description(model) if base.is_file() else {}
    try:
        made_for = json.loads(base.read_text()) if base.is_file() else None
        other = differences(made_for, here) if made_for else []
        settings = json.loads((folder / CONFIG).read_text())
        kind, config = settings.get("peft_type"), None
        if kind == "LORA":
            config = cast("LoraConfig", LoraConfig.from_pretrained(str(folder)))
        tensors = load_file(folder / WEIGHTS)
    except (SafetensorError, ValueError, TypeError, KeyError, AttributeError) as error:
        reason = str(error).split("\n")[0]
        raise ValueError(f"{folder} is broken ({reason}); make or copy it again") from error
    if config is None:
        raise ValueError(f"{folder} is an adapter of peft's kind {kind}; give one of kind LORA")
    if other:
        raise ValueError(f"{folder} was made for another model: {'; '.join(other)}; {REMEDY}")
    refuse_changed_base(folder, settings)
    check_characters(model, folder)
    active = active_adapter(model)
    try:
        adapted = _attach(model, config, name)
    except ValueError as error:
        reason = str(error).split("\n")[0]
        raise ValueError(f"{folder} does not fit this model ({reason}); {REMEDY}") from error
    if problem := _misfit(_tensors(adapted, name), tensors):
        _detach(model, adapted, name, active)
        raise ValueError(f"{folder} does not fit this model ({problem}); {REMEDY}")
    set_peft_model_state_dict(adapted, tensors, adapter_name=name)
    restore_characters(adapted, folder, name)
    return adapted.requires_grad_(False).eval()


def weights_digest(model: nn.Module) -> str:
    """Digest of a model's parameters and running statistics as float32, without adapters."""
    return digest(arrays(model))


def switch_adapter(model: nn.Module, name: str | None) -> None:
    """Activate another loaded adapter; `None`: turn all adapters off.

    Raises:
        ValueError: no adapter of this name is loaded.
    """
    loaded = list(model.peft_config) if isinstance(model, PeftModel) else []
    if name is not None and name not in loaded:
        raise ValueError(f"there is no adapter {name!r}; there are {', '.join(loaded) or 'none'}")
    if not isinstance(model, PeftModel):
        return
    if name is not None:
        model.set_adapter(name, inference_mode=True)
        _tuner(model).enable_adapter_layers()
    else:
        _tuner(model).disable_adapter_layers()


def active_adapter(model: nn.Module) -> str | None:
    """The name of the active adapter; `None` if there is none, or all are off."""
    if not isinstance(model, PeftModel):
        return None
    layers = [m for m in model.modules() if isinstance(m, BaseTunerLayer)]
    return (
        None
        if all(layer.disable_adapters for layer in layers)
        else cast("str", model.active_adapter)
    )


def _tuner(model: PeftModel) -> LoraModel:
    return cast("LoraModel", model.base_model)


def _refuse_taken(model: nn.Module, name: str) -> None:
    if isinstance(model, PeftModel) and name in model.peft_config:
        raise ValueError(f"an adapter {name!r} is there already; give another name")


def _attach(model: nn.Module, config: LoraConfig, name: str) -> PeftModel:
    # peft does not save this map with an adapter: register it at every load.
    config._register_custom_module(dict.fromkeys(_FILTERS, FilterLora))
    if not isinstance(model, PeftModel):
        with warnings.catch_warnings():  # concerns peft and transformers, not us
            warnings.filterwarnings("ignore", "`is_gradient_checkpointing`")
            return PeftModel(model, config, adapter_name=name, autocast_adapter_dtype=False)
    model.add_adapter(name, config, autocast_adapter_dtype=False)
    model.set_adapter(name)
    _tuner(model).enable_adapter_layers()  # `switch_adapter(model, None)` may have turned them off
    return model


def _detach(model: nn.Module, adapted: PeftModel, name: str, active: str | None) -> None:
    """Remove the adapter again, and reactivate the one that was active before."""
    if model is adapted:
        adapted.set_adapter(next(other for other in adapted.peft_config if other != name))
        adapted.delete_adapter(name)
        switch_adapter(adapted, active)
    else:
        adapted.unload()  # restores the layers that were wrapped in place


def _misfit(expected: dict[str, Tensor], given: dict[str, Tensor]) -> str:
    """The first difference between two sets of tensors, in words; empty if there is none."""
    for name in sorted(expected | given):
        if name not in expected:
            return f"it has no layer for {name}"
        if name not in given:
            return f"there is no {name}"
        if expected[name].shape != given[name].shape:
            shapes = (tuple(tensors[name].shape) for tensors in (given, expected))
            return "{} is {}, not {}".format(name, *shapes)
    return ""


def _unwrapped(model: nn.Module) -> nn.Module:
    return model.get_base_model() if isinstance(model, PeftModel) else model


def _tensors(model: PeftModel, name: str) -> dict[str, Tensor]:
    if name not in model.peft_config:
        raise ValueError(f"there is no adapter {name!r}; there are {', '.join(model.peft_config)}")
    tensors = get_peft_model_state_dict(model, adapter_name=name)
    return {key: tensor for key, tensor in tensors.items() if ".new_rows." not in key}


def _base_parameters(model: nn.Module) -> dict[str, Tensor]:
    """The model's parameters without adapters, under their names without adapters.

    The pooler of a TrOCR's encoder is left out: its published checkpoints lack it, so that each
    copy of the model has another, and nothing uses it.
    """
    return {
        name.replace(".base_layer", ""): parameter
        for name, parameter in _unwrapped(model).named_parameters()
        if not any(part in name for part in (".lora_", ".new_rows."))
        and not name.startswith("encoder.pooler.")
    }


def arrays(model: nn.Module) -> dict[str, np.ndarray]:
    """The parameters and running statistics of a model without its adapters, as float32."""
    tensors = _base_parameters(model)
    for name, module in _unwrapped(model).named_modules():
        for key in ("running_mean", "running_var"):
            if isinstance(statistic := getattr(module, key, None), Tensor):
                tensors[f"{name}.{key}"] = statistic
    return {name: tensor.detach().cpu().float().numpy() for name, tensor in tensors.items()}


def description(model: nn.Module) -> dict:
    """The class, alphabet, shapes and digest of a model, which its adapters depend on."""
    base = _unwrapped(model)
    if any(getattr(module, "merged", False) for module in base.modules()):
        raise ValueError("an adapter is merged into this model; call unmerge_adapter() first")
    charset = getattr(getattr(base, "config", None), "charset", None)
    name = getattr(base, "adapted_as", type(base).__name__)
    return described(name, charset, arrays(base))
