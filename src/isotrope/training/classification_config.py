"""The recipe of a classifier as a value, read from TOML."""

from __future__ import annotations

import math
from dataclasses import dataclass, field, fields
from pathlib import Path

from isotrope.models.config import EquivariantViTConfig
from isotrope.models.presets import preset
from isotrope.training.augmentation import AUGMENTATIONS, SHIFT
from isotrope.training.recipe_file import read_recipe

KEPT = ("lowest", "last")
PRECISIONS = ("32-true", "bf16-mixed")


@dataclass
class ClassificationConfig:
    """What `isotrope train classifier --config FILE` trains, and for how long.

    Args:
        model: `preset`, `size` and perhaps `group`, as `models.preset` takes them, or fields of
            `EquivariantViTConfig`. Channels and classes are those of the data.
        start: a folder of `EquivariantViT.save_pretrained` whose weights a new run begins with;
            random ones if left out.
        epochs: how often each training image is seen.
        learning_rate: of AdamW at its height; a cosine takes it to zero.
        warmup: epochs over which it rises.
        ema: decay of the averaged weights a step, less at first: `min(ema, (1 + n) / (10 + n))`.
        augment: "none", "turns" (quarter turns), "angles" (turns by any angle), "affine" (also a
            size, a slant and a shift) or "elastic" (also a smooth random warp).
        shift: the furthest shift of "affine" and "elastic", in sides; 0 where what is to be told
            apart is always in the middle, as MNIST's digits are.
        warp: by which the sizes, the slants and the smooth warp of these two are multiplied.
        settle: over so many epochs at the end half of each batch is left as it is. What is warped
            is a little blurred, and what a model is used on is not.
        train_samples: so many training images, drawn by `seed`; all if left out.
        validate_every: epochs between validations.
        keep: whose weights `model/` has at the end: of the validation with the "lowest" loss, or
            the "last". The latter where so few images are validated on that the last epochs, at
            small steps, differ by chance alone.
        save_every: steps between checkpoints; there is one after each validation too.
        precision: of the products: "32-true" (float32) or "bf16-mixed".
    """

    model: dict = field(default_factory=lambda: {"preset": "gcsa", "size": 28})
    start: str | None = None
    epochs: int = 30
    batch_size: int = 64
    learning_rate: float = 1e-3
    weight_decay: float = 0.05
    warmup: float = 2.0
    ema: float = 0.999
    augment: str = "none"
    shift: float = SHIFT
    warp: float = 1.0
    settle: int = 0
    label_smoothing: float = 0.0
    train_samples: int | None = None
    validate_every: int = 1
    keep: str = "lowest"
    save_every: int = 500
    seed: int = 0
    precision: str = "bf16-mixed"

    def __post_init__(self) -> None:
        for f in fields(self):
            value = getattr(self, f.name)
            whole = isinstance(f.default, int) or (f.name == "train_samples" and value is not None)
            if whole and type(value) is not int:
                raise ValueError(f"{f.name}={value!r} is not a whole number; write it as 1 or 30")
            if isinstance(f.default, float) and type(value) not in (int, float):
                raise ValueError(f"{f.name}={value!r} is not a number; write it without quotes")
        for name in ("epochs", "batch_size", "validate_every", "save_every", "train_samples"):
            if getattr(self, name) is not None and getattr(self, name) < 1:
                raise ValueError(f"{name}={getattr(self, name)} must be 1 or more")
        for name in ("ema", "label_smoothing"):
            if not 0 <= getattr(self, name) < 1:
                raise ValueError(f"{name}={getattr(self, name)} must be 0 or more and below 1")
        if self.learning_rate <= 0 or self.weight_decay < 0 or not 0 <= self.warmup < self.epochs:
            raise ValueError(
                f"learning_rate={self.learning_rate}, weight_decay={self.weight_decay}, "
                f"warmup={self.warmup}: the first must be above 0, the second 0 or more, the third "
                f"0 or more and below epochs={self.epochs}"
            )
        for name in ("settle", "shift", "warp"):
            if getattr(self, name) < 0:
                raise ValueError(f"{name}={getattr(self, name)} must be 0 or more")
        names = (("augment", AUGMENTATIONS), ("keep", KEPT), ("precision", PRECISIONS))
        for name, known in names:
            if getattr(self, name) not in known:
                raise ValueError(
                    f"{name}={getattr(self, name)!r} is not known; use one of {', '.join(known)}"
                )
        if not isinstance(self.start, str | None):
            raise ValueError(f"start={self.start!r} is not a folder's name; write it in quotes")
        self.vit(1, 2)  # a faulty model is told now, not when the data is loaded

    @classmethod
    def from_toml(cls, path: str | Path, **changes) -> ClassificationConfig:
        """Reads a recipe; `changes` that are not `None` replace its fields.

        Raises:
            ValueError: a missing file, broken TOML, or a field that is not one of this class.
        """
        return read_recipe(cls, path, "recipes/rotmnist-gcsa-c4.toml", changes)

    def vit(self, channels: int, classes: int) -> EquivariantViTConfig:
        """The config of the model for images of so many channels and so many classes.

        Raises:
            ValueError: a `model` that is neither a preset nor fields of `EquivariantViTConfig`.
        """
        sizes = {"in_channels": channels, "classes": classes}
        if not isinstance(self.model, dict):
            raise ValueError(f"model={self.model!r} is not a table; write it under [model]")
        fixed = sorted(set(self.model) & set(sizes))
        if fixed:
            raise ValueError(f"model has {', '.join(fixed)}, which the data says; leave it out")
        try:
            if "preset" in self.model:
                named = {n: value for n, value in self.model.items() if n != "preset"}
                return preset(self.model["preset"], **named, **sizes)
            return EquivariantViTConfig(**self.model, **sizes)
        except (TypeError, AttributeError) as error:
            raise ValueError(
                f"model: {error}; give preset, size and group, or fields of EquivariantViTConfig"
            ) from error

    def learning_rate_at(self, step: int, steps_per_epoch: int) -> float:
        """Linear warm-up, then half a cosine to zero at the last step."""
        rising, total = self.warmup * steps_per_epoch, self.epochs * steps_per_epoch
        if step < rising:
            return self.learning_rate * (step + 1) / (rising + 1)
        return self.learning_rate * (1 + math.cos(math.pi * (step - rising) / (total - rising))) / 2
