"""Blocks of a model that are compiled, or computed again in the backward pass to save memory."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from contextlib import AbstractContextManager, contextmanager, nullcontext
from functools import partial

import torch
from torch import nn
from torch.nn.modules.batchnorm import _BatchNorm
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
            contexts = partial(_contexts, block)
            forward = partial(checkpoint, forward, use_reentrant=False, context_fn=contexts)
        block.forward = forward


def _contexts(block: nn.Module) -> tuple[AbstractContextManager, AbstractContextManager]:
    """The contexts of a block's pass and of its second one, which must count no batch again."""
    return nullcontext(), _uncounted(block)


@contextmanager
def _uncounted(block: nn.Module) -> Iterator[None]:
    """Let batch norms normalize as before, and leave their running statistics as they are."""
    norms = [each for each in block.modules() if isinstance(each, _BatchNorm)]
    momenta = [norm.momentum for norm in norms]
    counts = [None if (n := norm.num_batches_tracked) is None else n.clone() for norm in norms]
    for norm in norms:  # not without them: the pass must keep the tensors that the first one kept
        norm.momentum = 0.0
    try:
        yield
    finally:
        for norm, momentum, count in zip(norms, momenta, counts, strict=True):
            norm.momentum = momentum
            if count is not None and norm.num_batches_tracked is not None:
                norm.num_batches_tracked.copy_(count)
