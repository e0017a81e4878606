"""Names for the layers that an adapter acts on."""

from __future__ import annotations

from peft.tuners.tuners_utils import BaseTunerLayer
from torch import nn

from isotrope.lora.head import CharacterHead
from isotrope.nn.conv import TurnedFilter

TARGETS = (
    *("all", "attention", "mlp", "filters"),
    *("encoder", "encoder.attention", "encoder.mlp", "encoder.filters"),
    *("decoder", "decoder.attention", "decoder.mlp"),
    *("qv", "encoder.qv", "decoder.qv"),
)
"""`PART.KIND`, or one of the two. PART: the encoder or decoder of a `Recognizer` or a TrOCR. KIND:
attention (q, k, v, out), qv (q and v alone), mlp (the linear maps and 1x1 convolutions of
feed-forwards), or filters (all other convolutions: patch embedding, strided steps, depthwise
filters, the filters of G-CSA and CNN). None of them adapts heads, embeddings, position encodings,
norms, or the patch embedding of a TrOCR."""

_KINDS = {
    "attention": (
        *("q_proj", "k_proj", "v_proj", "qkv", "out_proj", "o_proj"),
        *("query", "key", "value", "attention.output.dense"),  # before transformers 5.1
    ),
    "mlp": (
        *("mlp.0", "mlp.2", "fc1", "fc2", "mix", "neck.reduce"),
        *("intermediate.dense", "output.dense"),  # before transformers 5.1
    ),
}

_QV = ("q_proj", "v_proj", "query", "value")

_UNTOUCHED = "patch_embeddings.projection"
"""The patch embedding of transformers: peft's own adapter for it has another shape than ours."""


def target_names(model: nn.Module, targets: str | list[str]) -> list[str]:
    """The names of the modules of `model` that match `targets`.

    Args:
        targets: names from `TARGETS`, or of modules of the model, whose linear maps and
            convolutions are all meant: "encoder.attention,decoder" or "neck,head", also as a list.

    Raises:
        ValueError: an unknown target, or one that matches no layer of the model.
    """
    if isinstance(targets, str):
        targets = [target.strip() for target in targets.split(",")]
    chosen, parts = set(), {name for name, _ in model.named_modules() if name}
    for target in targets:
        if target not in TARGETS and target not in parts:
            raise ValueError(
                f"target {target!r} is not known; use the name of a module, or of "
                f"{', '.join(TARGETS)}"
            )
        found = _named(model, target)
        if not found:
            raise ValueError(
                f"target {target!r} names no layer of {type(model).__name__}; "
                f"use another of {', '.join(TARGETS)}"
            )
        chosen |= found
    return sorted(chosen)


def adapted_targets(model: nn.Module) -> str | None:
    """The name in `TARGETS` that matches exactly the adapted layers; `None` if there is none."""
    adapted = {
        name
        for name, module in model.named_modules()
        if isinstance(module, BaseTunerLayer) and not isinstance(module, CharacterHead)
    }
    for target in TARGETS:
        if _named(model, target) == adapted:
            return target
    return None


def _named(model: nn.Module, target: str) -> set[str]:
    return {name for name, module in model.named_modules() if _stands_for(target, name, module)}


def _stands_for(target: str, name: str, module: nn.Module) -> bool:
    if target not in TARGETS:
        own = module.get_base_layer() if isinstance(module, BaseTunerLayer) else module
        return f"{name}.".startswith(f"{target}.") and not _is_part(name) and _has_matrix(own)
    kind = _kind(name, module)
    part, _, wanted = target.rpartition(".")
    if wanted in ("encoder", "decoder"):
        part, wanted = wanted, "all"
    inside = not part or part in name.split(".")
    if kind is None or not inside:
        return False
    return wanted in ("all", kind) or (wanted == "qv" and _ends(name, _QV))


def _kind(name: str, module: nn.Module) -> str | None:
    if _is_part(name):
        return None
    if isinstance(module, BaseTunerLayer):  # it already has an adapter and may get another
        module = module.get_base_layer()
    if isinstance(module, TurnedFilter):
        return "filters"
    convolution = isinstance(module, (nn.Conv1d, nn.Conv2d))
    if convolution or isinstance(module, nn.Linear):
        for kind, ends in _KINDS.items():
            if _ends(name, ends):
                return kind
    return "filters" if convolution and not name.endswith(_UNTOUCHED) else None


def _ends(name: str, ends: tuple[str, ...]) -> bool:
    """Whether a name is one of these, or ends in one after a dot."""
    return any(f".{name}".endswith(f".{end}") for end in ends)


def _is_part(name: str) -> bool:
    """Whether this is the name of a part of an adapted layer."""
    return any(part in name for part in (".base_layer", ".lora_", ".new_rows"))


def _has_matrix(module: nn.Module) -> bool:
    return isinstance(module, (TurnedFilter, nn.Conv1d, nn.Conv2d, nn.Linear))
