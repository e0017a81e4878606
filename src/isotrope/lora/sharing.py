"""Copies of a model that share its weights."""

from __future__ import annotations

import copy
from typing import Any, cast

from peft import PeftModel
from torch import nn


def shared_copy(model: nn.Module) -> nn.Module:
    """The model without its adapters, as another one that uses the memory of its weights.

    Adapters can be added to it while others read with `model`.
    """
    memo: dict[int, Any] = {
        id(p): nn.Parameter(p.detach(), p.requires_grad) for p in model.parameters()
    }
    shared = copy.deepcopy(model, memo)
    return cast("nn.Module", shared.unload()) if isinstance(shared, PeftModel) else shared
