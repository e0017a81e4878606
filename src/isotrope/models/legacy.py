"""The first format of a saved stage: one flat dict with every option of every mixer."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from isotrope.models.mixers import MIXERS
from isotrope.models.values import options_of

OPTIONS = ("heads", "encoding", "sum_orientations", "kernel_size", "window", "kv_pool")
STAGE = ("mixer", "depth", "dim", "stride", "step_kernel", "mlp_ratio")


def from_flat(saved: Mapping[str, Any]) -> dict[str, Any]:
    """The arguments of `Stage` from a dict; a flat one loses the options its mixer does not use.

    The flat format lists every option for every mixer, such as `heads` for a convolution. Any other
    dict is returned unchanged, so that a misplaced option in a recipe is an error.
    """
    flat = set(OPTIONS[:5]) <= saved.keys() and saved.get("mixer") in MIXERS
    if not flat:
        return dict(saved)
    used = [*STAGE, *options_of(MIXERS[saved["mixer"]])]
    if saved.get("stride", 1) == 1 or saved["mixer"] == "plain":  # no filter to size
        used.remove("step_kernel")
    return {name: value for name, value in saved.items() if name in used}
