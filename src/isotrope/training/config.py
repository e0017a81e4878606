"""The recipe of a recogniser as a value, read from TOML."""

from __future__ import annotations

from dataclasses import dataclass, field, fields
from pathlib import Path

from isotrope.models.vit import EquivariantViTConfig
from isotrope.training.recipe_file import read_recipe


@dataclass
class RecognitionConfig:
    """What `isotrope train recognizer --config FILE` trains, on what, and for how long.

    Args:
        encoder: fields of `EquivariantViTConfig`.
        decoder: keywords of `Recognizer.from_config` (`dim`, `layers`, `heads`, `dropout`).
        start: a folder of `Recognizer.save_pretrained` whose weights a new run begins with, or
            "shipped"; random ones if left out.
        max_ratio: the longest image that the model will take, as long side over short side.
        samples: images to see in all; the learning rate falls to zero over the last `cooldown` of
            them. Raise it to train on from where a run ended.
        batch_pixels: pixels in a batch; 64 words of 32x112 are 229,376.
        lines: share of the rendered texts that are lines of several words, of at most
            `max_characters`.
        real: folders or tars with labels.tsv to mix in with probability `real_share`, each drawn
            alike, one named twice twice as often; every `real_held_out`-th image of each is left
            out and validated on.
        recut: share of the real lines that are cut between words, where the model of `start` sees
            the spaces, and shown as runs of words of one line or two.
        noise: share of the characters before that the decoder is shown as any other, so that it
            looks at the image rather than remembers what follows.
        validate_every, save_every: samples between validations, and between checkpoints.
    """

    encoder: dict = field(default_factory=dict)
    decoder: dict = field(default_factory=dict)
    start: str | None = None
    max_ratio: float = 32.0
    samples: int = 500_000
    batch_pixels: int = 229_376
    learning_rate: float = 1e-3
    warmup: int = 30_000
    cooldown: float = 0.3
    weight_decay: float = 0.05
    ema: float = 0.99
    dense_weight: float = 0.5
    order_weight: float = 0.2
    look_weight: float = 0.2
    ctc_weight: float = 0.5
    noise: float = 0.0
    lines: float = 0.1
    max_characters: int = 40
    difficulty: float = 1.0
    real: list[str] = field(default_factory=list)
    real_share: float = 0.0
    real_held_out: int = 10
    recut: float = 0.0
    seed: int = 0
    workers: int = 1
    precision: str = "bf16-mixed"
    validation_words: int = 250
    validate_every: int = 50_000
    save_every: int = 10_000

    def __post_init__(self) -> None:
        if isinstance(self.real, str):
            self.real = [self.real]
        if not isinstance(self.real, list) or not all(isinstance(p, str) for p in self.real):
            raise ValueError(f'real={self.real!r} is not a list of paths; write real = ["x.tar"]')
        for f in fields(self):
            value = getattr(self, f.name)
            if isinstance(f.default, int | float) and not isinstance(value, int | float):
                raise ValueError(f"{f.name}={value!r} is not a number; write it without quotes")
        unknown = sorted(set(self.decoder) - {"dim", "layers", "heads", "dropout"})
        if unknown:
            raise ValueError(
                f"decoder has no {', '.join(unknown)}; use dim, layers, heads, dropout"
            )
        if self.warmup < 1 or self.workers < 0 or min(self.validate_every, self.save_every) < 1:
            raise ValueError(
                f"warmup={self.warmup}, validate_every={self.validate_every}, "
                f"save_every={self.save_every}, workers={self.workers}: the first three must be 1 "
                "or more, the last 0 or more"
            )
        if self.samples < 1 or not 0 <= self.cooldown <= 1 or not 0 <= self.real_share <= 1:
            raise ValueError(
                f"samples={self.samples}, cooldown={self.cooldown}, real_share={self.real_share}: "
                "samples must be 1 or more, the other two between 0 and 1"
            )
        if not 0 <= self.noise < 1 or not 0 <= self.recut <= 1:
            raise ValueError(
                f"noise={self.noise}, recut={self.recut}: the first must be 0 or more and below 1, "
                "the second between 0 and 1"
            )
        if self.recut and not self.start:
            raise ValueError(f"recut={self.recut} needs a model that sees the spaces; give start")
        if self.real_held_out < 2 or not 4 <= self.max_characters <= 126:
            raise ValueError(
                f"real_held_out={self.real_held_out}, max_characters={self.max_characters}: the "
                "first must be 2 or more, the second from 4 to 126"
            )
        try:
            self.vit = EquivariantViTConfig(**self.encoder)
        except TypeError as error:
            raise ValueError(f"encoder: {error}; give fields of EquivariantViTConfig") from error

    @classmethod
    def from_toml(cls, path: str | Path, **changes) -> RecognitionConfig:
        """Reads a recipe; `changes` that are not `None` replace its fields.

        Raises:
            ValueError: a missing file, broken TOML, or a field that is not one of this class.
        """
        return read_recipe(cls, path, "recipes/recognizer.toml", changes)

    def learning_rate_at(self, samples: int) -> float:
        """Linear warm-up, a constant, a linear cool-down to zero over the last `cooldown`."""
        left = (self.samples - samples) / max(1.0, self.cooldown * self.samples)
        return self.learning_rate * max(0.0, min(1.0, (samples + 1) / self.warmup, left))
