"""Model configs by name and size, with equal numbers of positions and equal total widths.

`preset("gcsa", "s")` is the G-CSA ViT with the width, depth and patches of DeiT-S/16, and
`preset("vit", "s")` the plain ViT with the same number of positions, the same depth and the same
width `|G| * C`, so that you can compare their speed and accuracy. `preset("gcsa", 96)` is a smaller
one for images of 96 px.

Parameters at 1,000 classes, over C4. A linear map of one orientation is a quarter as wide and as
high as the plain ViT's, and all four share it, so it has a sixteenth of the weights:

| size | width, depth | `gcsa` | `gsa-rotary` | `hybrid` | `vit` | DeiT |
|------|--------------|--------|--------------|----------|-------|------|
| `ti` | 192, 12 | 0.49M | 0.42M | 0.40M | 5.7M | 5.7M |
| `s` | 384, 12 | 1.64M | 1.50M | 1.40M | 22.0M | 22.1M |
| `b` | 768, 12 | 5.93M | 5.62M | 5.21M | 86.4M | 86.6M |
| `l` | 1,024, 24 | 20.07M | 19.21M | 17.74M | 304.1M | 304.4M |
"""

from __future__ import annotations

from collections.abc import Callable
from itertools import pairwise
from typing import NamedTuple

from isotrope.groups import group_from_name
from isotrope.models.config import EquivariantViTConfig, Stage
from isotrope.models.mixers import GCSA, GSA, DepthwiseConv, Mixer


class Shape(NamedTuple):
    """A run of blocks at one resolution, whatever its mixer and group.

    Args:
        depth: number of blocks.
        width: channels of a position, `|G| * C`.
        head: channels in an attention head of a lifted signal.
        kv_pool: keys and values are averaged over `kv_pool x kv_pool` positions.
        mlp_ratio: width of the feed-forward divided by `C`.
    """

    depth: int
    width: int
    head: int
    kv_pool: int
    mlp_ratio: float


Patch = tuple[int, int, int]
Size = int | str

SIZES: dict[Size, tuple[Patch, list[Shape]]] = {
    28: ((4, 2, 1), [Shape(2, 128, 16, 2, 3.0)]),
    96: ((8, 4, 2), [Shape(2, 128, 16, 4, 4.0), Shape(6, 256, 32, 2, 4.0)]),
    224: ((16, 8, 4), [Shape(2, 256, 32, 4, 4.0), Shape(6, 512, 32, 2, 4.0)]),
    "ti": ((16, 16, 0), [Shape(12, 192, 32, 2, 4.0)]),
    "s": ((16, 16, 0), [Shape(12, 384, 32, 2, 4.0)]),
    "b": ((16, 16, 0), [Shape(12, 768, 32, 2, 4.0)]),
    "l": ((16, 16, 0), [Shape(24, 1024, 32, 2, 4.0)]),
}
"""The patch embedding and the stages by size: a side in pixels (rotated MNIST, PatchCamelyon,
ImageNet), or the name of a DeiT or ViT (Touvron et al. 2021, Dosovitskiy et al. 2021)."""

DEIT_HEAD = 64
"""Channels in a head of the plain ViT at DeiT's sizes, whose keys are not pooled."""

PRESETS: dict[str, Callable[[int, int], Mixer]] = {
    "gcsa": lambda heads, pool: GCSA(heads, kv_pool=pool),
    "gsa-rotary": lambda heads, pool: GSA(heads, "rotary", kv_pool=pool),
    "gsa-mlp": lambda heads, pool: GSA(heads, "mlp", kv_pool=pool),
    "gsa-table": lambda heads, pool: GSA(heads, "table", kv_pool=pool),
    "cnn": lambda heads, pool: DepthwiseConv(),
    "hybrid": lambda heads, pool: GSA(heads, "rotary", kv_pool=pool),
    "vit": lambda heads, pool: GSA(heads, "rotary", kv_pool=pool),
}
"""Each preset's function from the number of heads and `kv_pool` to the mixer of a stage."""

LOCAL = 4
"""One block in `LOCAL` of the first stage of "hybrid" is a depthwise convolution."""


def preset(
    name: str,
    size: Size,
    group: str | None = None,
    *,
    in_channels: int = 3,
    classes: int = 10,
    layer_scale: float | None = None,
    drop_path: float = 0.0,
) -> EquivariantViTConfig:
    """The config of a model by name.

    Args:
        name: "gcsa" ([GCSA]), "gsa-rotary", "gsa-mlp", "gsa-table" ([LoRA-GSA], with one of the
            position encodings), "cnn" (equivariant, depthwise filters in place of attention),
            "hybrid" (the first quarter of the blocks of "cnn", then "gsa-rotary"), or "vit" (a
            plain ViT with rotary positions).
        size: side of the images: 28, 96 or 224 px, or the DeiT whose width, depth and patches of
            16 px the model has: "ti", "s", "b" or "l". The models also take other image sizes that
            fit their strides. At DeiT's sizes equivariant models pool keys and values over 2 x 2
            positions, so that over C4 a query sees as many as in the plain ViT, and both sides of
            an image must be multiples of 32 px.
        group: by default "C4", or "C1" for "vit". The total width is fixed: `C` is that width
            divided by `|G|`.
        layer_scale, drop_path: as in `EquivariantViTConfig`.

    Raises:
        ValueError: an unknown name or size, or a group that does not divide the widths.
    """
    if name not in PRESETS:
        raise ValueError(f"name={name!r} is not a preset; use one of {', '.join(PRESETS)}")
    if size not in SIZES:
        raise ValueError(
            f"size={size} has no preset; use one of {', '.join(map(str, SIZES))}, or write an "
            "EquivariantViTConfig"
        )
    group = group or ("C1" if name == "vit" else "C4")
    patch, shapes = SIZES[size]
    if name == "vit" and isinstance(size, str):
        shapes = [shape._replace(head=DEIT_HEAD, kv_pool=1) for shape in shapes]
    order = group_from_name(group).order
    stages = [_stage(name, order, shape) for shape in shapes]
    if name == "hybrid":
        local = -(-shapes[0].depth // LOCAL)
        first = _stage("cnn", order, shapes[0]._replace(depth=local))
        stages[:1] = [first, _stage(name, order, shapes[0]._replace(depth=shapes[0].depth - local))]
    for before, stage in pairwise(stages):
        if stage.dim != before.dim:
            stage.step = stage.mixer.step(2)
    return EquivariantViTConfig(
        group=group,
        in_channels=in_channels,
        patch=patch,
        stages=stages,
        classes=classes,
        layer_scale=layer_scale,
        drop_path=drop_path,
    )


def _stage(name: str, order: int, shape: Shape) -> Stage:
    if shape.width % order:
        raise ValueError(
            f"a group of {order} elements does not divide the total width {shape.width}; "
            "use one of 1, 2, 4, 8 or 16"
        )
    dim = shape.width // order
    mixer = PRESETS[name](max(1, dim // shape.head), shape.kv_pool)
    return Stage(mixer, shape.depth, dim, mlp_ratio=shape.mlp_ratio)
