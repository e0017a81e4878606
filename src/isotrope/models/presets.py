"""Model configs by name and image size, with equal numbers of positions and equal total widths.

`preset("gcsa", 96)` is the G-CSA ViT for images of 96 px, and `preset("vit", 96)` the plain ViT
with the same number of positions and the same width `|G| * C`, so that you can compare their speed
and accuracy.
"""

from __future__ import annotations

from collections.abc import Callable

from isotrope.groups import group_from_name
from isotrope.models.config import EquivariantViTConfig, Stage
from isotrope.models.mixers import GCSA, GSA, DepthwiseConv, Mixer

WIDTHS = {
    # image size: patch, [(depth, total width, channels per head, kv_pool, mlp_ratio) of each stage]
    28: ((4, 2, 1), [(2, 128, 16, 2, 3.0)]),
    96: ((8, 4, 2), [(2, 128, 16, 4, 4.0), (6, 256, 32, 2, 4.0)]),
    224: ((16, 8, 4), [(2, 256, 32, 4, 4.0), (6, 512, 32, 2, 4.0)]),
}
"""Dimensions for the image sizes of rotated MNIST, PatchCamelyon and ImageNet."""

PRESETS: dict[str, Callable[[int, int], Mixer]] = {
    "gcsa": lambda heads, pool: GCSA(heads, kv_pool=pool),
    "gsa-rotary": lambda heads, pool: GSA(heads, "rotary", kv_pool=pool),
    "gsa-mlp": lambda heads, pool: GSA(heads, "mlp", kv_pool=pool),
    "gsa-table": lambda heads, pool: GSA(heads, "table", kv_pool=pool),
    "cnn": lambda heads, pool: DepthwiseConv(),
    "vit": lambda heads, pool: GSA(heads, "rotary", kv_pool=pool),
}
"""Each preset's function from the number of heads and `kv_pool` to the mixer of a stage."""


def preset(
    name: str, size: int, group: str | None = None, *, in_channels: int = 3, classes: int = 10
) -> EquivariantViTConfig:
    """The config of a model by name.

    Args:
        name: "gcsa" ([GCSA]), "gsa-rotary", "gsa-mlp", "gsa-table" ([LoRA-GSA], with one of the
            position encodings), "cnn" (equivariant, depthwise filters in place of attention), or
            "vit" (a plain ViT with rotary positions).
        size: side of the images: 28, 96 or 224 px. The models also take other sizes that fit their
            strides.
        group: by default "C4", or "C1" for "vit". The total width is fixed: `C` is that width
            divided by `|G|`.

    Raises:
        ValueError: an unknown name or size, or a group that does not divide the widths.
    """
    if name not in PRESETS:
        raise ValueError(f"name={name!r} is not a preset; use one of {', '.join(PRESETS)}")
    if size not in WIDTHS:
        raise ValueError(
            f"size={size} has no preset; use one of {', '.join(map(str, WIDTHS))}, or write an "
            "EquivariantViTConfig"
        )
    group = group or ("C1" if name == "vit" else "C4")
    order = group_from_name(group).order
    patch, rows = WIDTHS[size]
    stages = [_stage(name, order, row, stride=2 if index else 1) for index, row in enumerate(rows)]
    return EquivariantViTConfig(
        group=group, in_channels=in_channels, patch=patch, stages=stages, classes=classes
    )


def _stage(name: str, order: int, row: tuple[int, int, int, int, float], stride: int) -> Stage:
    depth, width, head, kv_pool, mlp_ratio = row
    if width % order:
        raise ValueError(
            f"a group of {order} elements does not divide the total width {width}; "
            "use one of 1, 2, 4, 8 or 16"
        )
    dim = width // order
    mixer = PRESETS[name](max(1, dim // head), kv_pool)
    step = mixer.step(stride) if stride > 1 else None
    return Stage(mixer, depth, dim, step=step, mlp_ratio=mlp_ratio)
