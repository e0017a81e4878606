"""Blocks of a model that are compiled, or computed again in the backward pass to save memory."""

from __future__ import annotations

from collections.abc import Sequence
from functools import partial

import torch
from torch import nn
from torch.utils.checkpoint import checkpoint

from isotrope.training.recipe import RunConfig


def check_blocks(run: RunConfig, blocks: Sequence[nn.Module]) -> None:
    """Raise ValueError if the recipe asks for something that needs blocks and there are none."""
    asked = {"compile": run.compile, "recompute": run.recompute, "strategy": run.strategy == "fsdp"}
    if not blocks and any(asked.values()):
        name = next(name for name, value in asked.items() if value)
        raise ValueError(
            f"run.{name}={getattr(run, name)!r} treats a model block by block, which this task "
            "does not offer; leave it out"
        )


def change_blocks(run: RunConfig, blocks: Sequence[nn.Module]) -> None:
    """Compile and recompute each block as the recipe says, in place; the weights keep their names.

    Equal blocks share their compiled code.
    """
    if not (run.compile or run.recompute):
        return
    for block in blocks:
        forward = block.forward
        if run.compile:
            forward = torch.compile(forward)
        if run.recompute:
            forward = partial(checkpoint, forward, use_reentrant=False)
        block.forward = forward
