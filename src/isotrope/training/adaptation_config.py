"""How an adapter is trained, as a value."""

from __future__ import annotations

import math
from dataclasses import dataclass


@dataclass
class AdaptationConfig:
    """What `isotrope adapt` trains, and for how long.

    Args:
        targets: of `isotrope.lora.TARGETS`, with commas.
        rank, alpha, dora: as `isotrope.lora.add_adapter` takes them.
        start: an adapter to go on from, as `isotrope read --adapter` takes it; its layers, rank,
            alpha and kind then stand for those above. At the end the mean of both is tried too.
        full: fine-tune all weights instead; what an adapter is compared with.
        epochs: how often each line is seen at most; if left out, see `epochs_for`.
        validate_every: epochs from one validation, and one checkpoint, to the next.
        patience: so many validations without a lower character error rate end the training.
        batch_pixels: pixels in a batch; eight lines of 32x1024 are 262,144.
        learning_rate: at its height, after a tenth of an epoch; a cosine takes it to zero.
        ctc_weight: of the columns' part of the loss; the text's is 1.
        noise: as in `RecognitionConfig`.
        turned: turn the lines by quarter turns; what a model needs that is not equivariant.
        lines: so many lines, drawn by `seed`; all if left out.
        held_out: every so-many-th line is left out and validated on.
    """

    targets: str = "all"
    rank: int = 8
    alpha: float | None = None
    dora: bool = False
    start: str | None = None
    full: bool = False
    epochs: int | None = None
    validate_every: int = 1
    patience: int = 5
    batch_pixels: int = 131_072
    learning_rate: float = 3e-3
    weight_decay: float = 0.01
    label_smoothing: float = 0.05
    ctc_weight: float = 0.5
    noise: float = 0.15
    turned: bool = False
    lines: int | None = None
    held_out: int = 10
    seed: int = 0
    precision: str = "bf16-mixed"

    def __post_init__(self) -> None:
        least = dict.fromkeys(
            ("rank", "epochs", "validate_every", "patience", "batch_pixels", "lines"), 1
        )
        for name, value in (least | {"held_out": 2}).items():
            given = getattr(self, name)
            if given is not None and given < value:
                raise ValueError(f"{name}={given} must be {value} or more")
        if self.full and self.start is not None:
            raise ValueError(
                f"start={self.start!r} is an adapter, and full=True trains none; leave one out"
            )
        shares, weights = ("label_smoothing", "noise"), ("weight_decay", "ctc_weight")
        for name in shares + weights:
            value = getattr(self, name)
            if value < 0 or (name in shares and value >= 1):
                below = " and below 1" if name in shares else ""
                raise ValueError(f"{name}={value} must be 0 or more{below}")
        if self.learning_rate <= 0:
            raise ValueError(f"learning_rate={self.learning_rate} must be above 0")

    def epochs_for(self, lines: int) -> int:
        """As many as were asked for, or so many that 8,000 lines are seen: from 5 to 40.

        8,000 lines take half an hour on two cores, whether a hand has a hundred or a thousand.
        """
        return self.epochs or min(40, max(5, round(8000 / lines)))

    def learning_rate_at(self, step: int, steps_per_epoch: int) -> float:
        """A linear rise over a tenth of an epoch, then a cosine to zero."""
        rise = max(1, steps_per_epoch // 10)
        if step < rise:
            return self.learning_rate * (step + 1) / rise
        along = (step - rise) / max(1, self.epochs * steps_per_epoch - rise)
        return self.learning_rate * (1 + math.cos(math.pi * min(1.0, along))) / 2
