"""A head with rows for new characters, which an adapter brings along."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import cast

import torch
from peft import PeftModel
from peft.tuners.lora import LoraLayer
from peft.tuners.tuners_utils import check_adapters_to_merge
from torch import Tensor, nn

from isotrope.io.files import replacing
from isotrope.lora.characters import CHARACTERS, HEAD, NewCharacters, load_characters

RESERVE = 4.0
"""How far the bias of a new row starts below that of the row it is copied from, so that the model
reads at first as it did before."""


class CharacterHead(nn.Module, LoraLayer):
    """`(W x + b, W_a x + b_a)`: a linear head, and the rows of the active adapter `a`.

    Without rows, and with adapters off, it is the base's head itself. It is a `LoraLayer` only so
    that peft switches it with the others.
    """

    adapter_layer_names = ("new_rows",)
    other_param_names = ()

    def __init__(self, base_layer: nn.Linear) -> None:
        super().__init__()
        LoraLayer.__init__(self, base_layer)
        self.new_rows = nn.ModuleDict()
        self._plain = [base_layer]  # in a list, so that it is no second submodule

    @property
    def characters(self) -> str:
        """The characters of the rows that act, in order."""
        if self.merged:
            return cast("str", self.base_layer.characters)
        return "".join(cast("str", rows.characters) for rows in self._acting())

    def forward(self, features: Tensor) -> Tensor:
        logits = self.base_layer(features)
        rows = [] if self.merged else self._acting()
        return torch.cat([logits, *(each(features) for each in rows)], -1) if rows else logits

    @torch.no_grad()
    def merge(self, safe_merge: bool = False, adapter_names: list[str] | None = None) -> None:
        """Make one taller linear layer of the head and the adapters' rows."""
        names = [n for n in check_adapters_to_merge(self, adapter_names) if n in self.new_rows]
        if not names:
            return
        parts = [self.base_layer, *(self._rows(name) for name in names)]
        weight, bias = (torch.cat([getattr(p, n) for p in parts]) for n in ("weight", "bias"))
        characters = "".join(getattr(part, "characters", "") for part in parts)
        self.base_layer = _linear(weight, bias, characters)
        self.merged_adapters += names

    def unmerge(self) -> None:
        """Restore the base's head."""
        (self.base_layer,) = self._plain
        self.merged_adapters.clear()

    def _acting(self) -> list[nn.Linear]:
        if self.disable_adapters:
            return []
        return [self._rows(name) for name in self.active_adapters if name in self.new_rows]

    def _rows(self, name: str) -> nn.Linear:
        return cast("nn.Linear", self.new_rows[name])


Nearest = Callable[[str, str], "str | None"]
"""Finds the character of a charset that looks most like another one, if any does."""


def add_characters(
    model: PeftModel, characters: str, nearest: Nearest | None = None, name: str = "default"
) -> None:
    """Add trainable rows for new characters to an adapter.

    A row starts as that of the nearest character, or as the mean of all, with a lower bias. An
    adapter that has new characters keeps them; these follow.

    Args:
        nearest: Such as `isotrope.text.alike.alike`. None: every row starts as the mean.

    Raises:
        ValueError: The model has no linear head with a charset, or has one of the characters.
    """
    base = model.get_base_model()
    charset = getattr(getattr(base, "config", None), "charset", None)
    head = getattr(base, HEAD, None)
    if not isinstance(head, (nn.Linear, CharacterHead)) or not isinstance(charset, str):
        raise ValueError(
            f"a {type(base).__name__} cannot be given new characters; leave out lines with "
            f"{' '.join(characters)}"
        )
    had = rows_of(model, name)
    if known := sorted(set(characters) & {*charset, *(had.characters if had else "")}):
        raise ValueError(f"{' '.join(known)} are no new characters; the model has them")
    if not characters:
        return
    plain = cast("nn.Linear", head.get_base_layer() if isinstance(head, CharacterHead) else head)
    rows = _first_rows(plain, charset, characters, nearest or (lambda *_: None))
    if had is not None:
        weight = torch.cat([torch.from_numpy(had.weight), rows.weight.detach()])
        bias = torch.cat([torch.from_numpy(had.bias), rows.bias.detach()])
        rows = _linear(weight, bias, had.characters + characters)
    _attach(model, rows, name)


def rows_of(model: PeftModel, name: str = "default") -> NewCharacters | None:
    """The new characters of an adapter of a model, if it has any."""
    head = getattr(model.get_base_model(), HEAD, None)
    if not isinstance(head, CharacterHead) or name not in head.new_rows:
        return None
    rows = cast("nn.Linear", head.new_rows[name])
    weight, bias = (tensor.detach().cpu().float().numpy() for tensor in (rows.weight, rows.bias))
    return NewCharacters(cast("str", rows.characters), weight, bias)


def save_characters(model: PeftModel, folder: Path, name: str = "default") -> None:
    """Write the new characters of an adapter beside it, in 16 bits, or remove an older file."""
    from safetensors.torch import save_file

    rows = rows_of(model, name)
    if rows is None:
        (folder / CHARACTERS).unlink(missing_ok=True)
        return
    tensors = {"weight": torch.from_numpy(rows.weight), "bias": torch.from_numpy(rows.bias)}
    halves = {key: tensor.half().contiguous() for key, tensor in tensors.items()}
    with replacing(folder / CHARACTERS) as temporary:
        save_file(halves, temporary, metadata={"characters": rows.characters})


def restore_characters(model: PeftModel, folder: Path, name: str = "default") -> None:
    """Give a model the new characters of a saved adapter."""
    rows = load_characters(folder)
    if rows is not None:
        weight, bias = torch.from_numpy(rows.weight), torch.from_numpy(rows.bias)
        _attach(model, _linear(weight, bias, rows.characters), name)


def check_characters(model: nn.Module, folder: Path) -> None:
    """Check that the new characters of a saved adapter fit a model.

    Raises:
        ValueError: They do not, or their file is broken.
    """
    rows = load_characters(folder)
    if rows is None:
        return
    base = model.get_base_model() if isinstance(model, PeftModel) else model
    head = getattr(base, HEAD, None)
    if isinstance(head, CharacterHead):
        head = head.get_base_layer()
    if not isinstance(head, nn.Linear) or head.in_features != rows.weight.shape[1]:
        raise ValueError(
            f"{folder / CHARACTERS} does not fit the head of a {type(base).__name__}; load the "
            "model that it was made for"
        )


def _attach(model: PeftModel, rows: nn.Linear, name: str) -> None:
    base = model.get_base_model()
    head = getattr(base, HEAD)
    if not isinstance(head, CharacterHead):
        head = CharacterHead(head)
        head.set_adapter(model.active_adapters)
        setattr(base, HEAD, head)
    head.new_rows[name] = rows.to(head.base_layer.weight)
    head.train(model.training)


def _first_rows(head: nn.Linear, charset: str, characters: str, nearest: Nearest) -> nn.Linear:
    """The rows that new characters start from; row 0 of the head is the blank."""
    weight, bias = head.weight.detach(), head.bias.detach()
    weights, biases = [], []
    for character in characters:
        near = nearest(character, charset)
        row = slice(1, None) if near is None else [charset.index(near) + 1]
        weights.append(weight[row].mean(0))
        biases.append(bias[row].mean(0) - RESERVE)
    return _linear(torch.stack(weights), torch.stack(biases), characters)


def _linear(weight: Tensor, bias: Tensor, characters: str) -> nn.Linear:
    layer = nn.Linear(weight.shape[1], len(weight), device=weight.device, dtype=weight.dtype)
    layer.load_state_dict({"weight": weight, "bias": bias})
    vars(layer)["characters"] = characters
    return layer
