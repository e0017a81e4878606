"""Every layer under beartype, which holds it to the shapes in its signatures; see test_shapes.py.

A program of its own: a wrong shape raises an error of beartype before the layer's own, which the
other tests ask for.
"""

# ruff: noqa: E402 - the hook comes before what it watches
from jaxtyping import TypeCheckError, install_import_hook

PARTS = ["isotrope.groups", "isotrope.harmonics", "isotrope.equivariance", "isotrope.nn"]
with install_import_hook(PARTS, "beartype.beartype"):
    import isotrope.equivariance.auditing
    import isotrope.nn

import torch

from isotrope import EquivariantViT, EquivariantViTConfig, Stage, audit
from isotrope.groups import CyclicGroup, DihedralGroup, Group
from isotrope.nn import (
    Frame,
    GroupConv,
    GroupSelfAttention,
    LiftingConv,
    LiftingSelfAttention,
    Orbit,
    plain,
)

STAGES = {
    "convolutions": [Stage("plain", 1, 8), Stage("conv", 1, 12, stride=2), Stage("gcsa", 1, 8, 2)],
    "pooled": [Stage("gcsa", 1, 8, 2, kv_pool=2, window=4), Stage("plain", 1, 8, stride=2)],
    "mlp": [Stage("gsa", 1, 8, 2, "mlp", kv_pool=2)],
    "table": [Stage("gsa", 1, 8, 2, "table")],
    "rotary": [Stage("gsa", 1, 32, 2, "rotary", kv_pool=2)],
    "summed": [Stage("gsa", 1, 32, 2, "rotary", sum_orientations=True)],
    "no encoding": [Stage("gsa", 1, 8, 2, window=2)],
}


def passes(module: torch.nn.Module, signal: torch.Tensor) -> None:
    """Training and inference by the fast forms, training by their plain twins."""
    module(signal).sum().backward()
    with torch.inference_mode():
        module(signal)
    with plain():
        module(signal).sum().backward()


def check(group: Group) -> None:
    images = torch.randn(2, 3, 16, 32)
    for name, stages in STAGES.items():
        if name == "table" and not group.exact:
            continue
        norm, pool = ("batch", "max") if name == "convolutions" else ("layer", "mean")
        config = EquivariantViTConfig(
            group, patch=(4, 4, 0), stages=stages, classes=5, norm=norm, pool=pool
        )
        passes(EquivariantViT(config), images)
    for encoding in ("mlp", "rotary"):
        layer = LiftingSelfAttention(3, 32, 2, group=group, encoding=encoding, window=4)
        passes(layer, images[:, :, :8, :8])
    lifted = torch.randn(2, group.order, 3, 3, 6)
    passes(GroupConv(6, 4, 3, padding=1, group=group), lifted)
    for h in group.elements:
        group.act_lifted(h, lifted)
    if group.exact:
        front = Orbit(torch.nn.Sequential(torch.nn.Flatten(), torch.nn.LazyLinear(1)), group)
        Frame(front, group).candidates(images[:, :, :, :16], margin=0.1)
        lifting = LiftingConv(3, 4, 4, 4, group=group)
        Frame.from_lifted(lifting, 4, group, outputs=2)(images)
    audit(LiftingConv(3, 4, 3, group=group), images, group)


def refuses(call) -> bool:
    try:
        call()
    except TypeCheckError:
        return True
    return False


for group in (CyclicGroup(4), CyclicGroup(8), DihedralGroup(2)):
    check(group)

c4 = CyclicGroup(4)
assert refuses(lambda: LiftingConv(3, 4, 3, group=c4)(torch.rand(3, 8, 8))), "the check is off"
assert refuses(lambda: GroupSelfAttention(16, 2, group=c4)(torch.ones(1, 4, 3, 3, 16).long()))
assert refuses(lambda: isotrope.nn.encodings.in_frame(c4, 1, torch.rand(5, 3)))
print("every shape is as its signature says")
