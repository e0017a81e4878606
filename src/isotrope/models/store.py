"""Saved models: a folder with `config.json` and `model.safetensors`."""

from __future__ import annotations

import json
import os
from collections.abc import Callable
from dataclasses import asdict, fields
from pathlib import Path
from typing import Any, TypeVar

from torch import nn

from isotrope.io.files import replacing
from isotrope.models.config import EquivariantViTConfig

M = TypeVar("M", bound=nn.Module)

CONFIG, WEIGHTS = "config.json", "model.safetensors"


def save(model: nn.Module, config: Any, folder: str | os.PathLike[str]) -> None:
    """Write both files, each atomically.

    Raises:
        ValueError: adapters have been put on the model, whose layers then have other names.
    """
    from safetensors.torch import save_file

    tensors = {name: tensor.contiguous() for name, tensor in model.state_dict().items()}
    if any(".base_layer." in name for name in tensors):
        raise ValueError(
            "the model has adapters inside; save them with isotrope.lora.save_adapter, or the "
            "model after merge_and_unload() of what add_adapter returned"
        )
    folder = Path(folder)
    folder.mkdir(parents=True, exist_ok=True)
    with replacing(folder / WEIGHTS) as temporary:
        save_file(tensors, temporary)
    with replacing(folder / CONFIG) as temporary:
        temporary.write_text(json.dumps(asdict(config), indent=2))


def load(
    build: Callable[[Any], M],
    folder: str | os.PathLike[str],
    kind: type = EquivariantViTConfig,
) -> M:
    """`build(config)` with the saved weights, in eval mode and in the saved dtype.

    Args:
        kind: the class of the config, a dataclass.

    Raises:
        FileNotFoundError: the folder lacks one of the two files.
        ValueError: a file is broken, the two belong to different models, or to one of another kind.
    """
    from safetensors import SafetensorError
    from safetensors.torch import load_file

    folder = Path(folder)
    remedy = f"give a folder that {_name(kind)}.save_pretrained wrote, such as model/ of a run"
    missing = [name for name in (CONFIG, WEIGHTS) if not (folder / name).is_file()]
    if missing:
        raise FileNotFoundError(f"{folder} has no {' and no '.join(missing)}; {remedy}")
    if others := _others(folder / CONFIG, kind):
        raise ValueError(
            f"{folder} holds no {_name(kind)}, which has no {', '.join(others)}; {remedy}"
        )
    try:
        model = build(kind(**json.loads((folder / CONFIG).read_text())))
        tensors = load_file(folder / WEIGHTS)
        (dtype,) = {tensor.dtype for tensor in tensors.values() if tensor.is_floating_point()}
        model.to(dtype).load_state_dict(tensors)
    except (
        SafetensorError,
        ValueError,
        TypeError,
        AttributeError,
        LookupError,
        RuntimeError,
    ) as error:
        reason = str(error).split("\n")[0]
        raise ValueError(f"{folder} is broken ({reason}); copy it again, or {remedy}") from error
    return model.eval()


def _others(config: Path, kind: type) -> list[str]:
    """What a config holds that such a model does not have; nothing if it is broken."""
    try:
        saved = json.loads(config.read_text())
    except ValueError:  # for who loads it to report
        return []
    known = {each.name for each in fields(kind)}
    return sorted(set(saved) - known) if isinstance(saved, dict) else []


def _name(kind: type) -> str:
    """The name of the model that has such a config."""
    return kind.__name__.removesuffix("Config")
