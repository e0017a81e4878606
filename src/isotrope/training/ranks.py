"""The processes of a run (ranks), and models whose weights are spread over them (FSDP2).

A checkpoint always holds whole tensors, whatever the strategy and the number of ranks, so a run may
go on with others: `gathered` makes them whole, `scattered` gives each rank its part again.
"""

from __future__ import annotations

import os
from collections.abc import Mapping, Sequence
from typing import Any

import torch
from lightning.fabric import Fabric
from lightning.fabric.strategies.model_parallel import ModelParallelStrategy
from torch import Tensor, nn
from torch.distributed.device_mesh import DeviceMesh
from torch.distributed.fsdp import MixedPrecisionPolicy, fully_shard
from torch.distributed.tensor import DTensor, distribute_tensor

from isotrope.training.recipe import Precision, RunConfig


def precision_of(run: RunConfig) -> Precision:
    """Fabric's precision for a run on this machine."""
    if run.precision != "auto":
        return run.precision
    return "bf16-mixed" if torch.accelerator.is_available() else "32-true"


def make_fabric(run: RunConfig) -> Fabric:
    """The Fabric of a run: one process, DDP or FSDP2, as the recipe and `torchrun` say."""
    devices, nodes = run.devices, 1
    if torch.distributed.is_available() and torch.distributed.is_torchelastic_launched():
        devices = int(os.environ["LOCAL_WORLD_SIZE"])
        nodes = int(os.environ["WORLD_SIZE"]) // devices
    here = torch.accelerator.device_count() or 1 if devices == "auto" else devices
    strategy: str | ModelParallelStrategy = "auto"
    if run.strategy == "fsdp" and here * nodes > 1:
        if run.precision in ("16-mixed", "64-true"):
            raise ValueError(
                f"run.precision={run.precision!r} is not for run.strategy='fsdp'; use bf16-mixed "
                "or 32-true, or the strategy ddp"
            )
        strategy = ModelParallelStrategy(
            lambda module, mesh: module,  # `shard` has done it
            data_parallel_size=here * nodes,
            tensor_parallel_size=1,
        )
    return Fabric(
        accelerator="auto",
        strategy=strategy,
        devices=devices,
        num_nodes=nodes,
        precision=precision_of(run),
    )


def mesh_of(fabric: Fabric) -> DeviceMesh | None:
    """The ranks over which weights are sharded; None if each rank has all of them."""
    strategy = fabric.strategy
    if not isinstance(strategy, ModelParallelStrategy):
        return None
    return strategy.device_mesh["data_parallel"]


def shard(model: nn.Module, blocks: Sequence[nn.Module], mesh: DeviceMesh, precision: str) -> None:
    """Spread a model's weights over the ranks, in place: each block on its own, and the rest.

    A block's weights are gathered when it runs, in the precision in which it computes.
    """
    low = torch.bfloat16 if precision == "bf16-mixed" else None
    policy = MixedPrecisionPolicy(
        param_dtype=low, reduce_dtype=torch.float32, cast_forward_inputs=False
    )
    for part in (*blocks, model):
        fully_shard(part, mesh=mesh, mp_policy=policy)


def gathered(state: Any, keep: bool = True) -> Any:
    """A state with whole tensors on the CPU in place of sharded ones; every rank must call it.

    Args:
        state: a tensor, or dicts, lists and tuples of tensors and other values.
        keep: whether this rank needs them; a sharded tensor is None where it does not.
    """
    if isinstance(state, DTensor):
        whole = state.full_tensor().detach()
        return whole.cpu() if keep else None
    if isinstance(state, Mapping):
        return {name: gathered(value, keep) for name, value in state.items()}
    if isinstance(state, list | tuple):
        return type(state)(gathered(value, keep) for value in state)
    return state


def scattered(state: Mapping[str, Any], like: Mapping[str, Any]) -> dict[str, Any]:
    """This rank's part of each tensor that is sharded in `like`, by the same names."""
    return {name: _part(value, like.get(name)) for name, value in state.items()}


def scattered_moments(state: dict[str, Any], optimizer: torch.optim.Optimizer) -> dict[str, Any]:
    """The state of an optimizer, with this rank's part of what is shaped like a parameter."""
    parameters = [p for group in optimizer.param_groups for p in group["params"]]
    moments = {
        number: {
            name: _part(value, parameters[number])
            if isinstance(value, Tensor) and value.shape == parameters[number].shape
            else value
            for name, value in values.items()
        }
        for number, values in state["state"].items()
    }
    return state | {"state": moments}


def local(tensor: Tensor) -> Tensor:
    """This rank's part of a sharded tensor, sharing its memory; any other tensor as it is."""
    return tensor.to_local() if isinstance(tensor, DTensor) else tensor


def _part(value: Any, like: Any) -> Any:
    if not isinstance(like, DTensor):
        return value
    value = value.to(like.device)
    # Every rank has read the whole checkpoint, so nothing is sent.
    return distribute_tensor(value, like.device_mesh, like.placements, src_data_rank=None)
