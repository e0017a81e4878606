"""The orientation task: find which way is up, by cross-entropy over the turns, and the slant."""

from __future__ import annotations

import math
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np
import torch
from torch import Tensor
from torch.nn import functional

from isotrope.ocr.orientation.model import UprightNet, orbit_scores
from isotrope.ocr.orientation.sizing import LYING, finder_size
from isotrope.training.rendered import Rendered, given_pixels, painted, to_paint
from isotrope.training.task import GroupedTask, channels_last
from isotrope.training.upright import UprightMix, UprightSample


class OrientationTask(GroupedTask[UprightNet]):
    """Trains an `UprightNet`.

    The loss is the cross-entropy of the four scores, plus `slant_weight` times the chord of the
    slant's error, `2 sin(|angle| / 2)`. Unlike that of `1 - cos`, the slope of the chord does not
    vanish for small angles. An image slanted by 45 degrees is equally close to the next turn, and
    one that reads the same upside down has two right answers: both then count as right.

    Args:
        mix: Draws the training images.
        held_out: Sets of upright images to validate on.
        areas: Minimum and maximum number of pixels in an image of a batch.
        group, parts: As in `GroupedTask`.
    """

    def __init__(
        self,
        model: UprightNet,
        mix: UprightMix,
        held_out: dict[str, list[UprightSample]],
        areas: tuple[int, int] = (2048, 4608),
        slant_weight: float = 1.0,
        group: int = 512,
        parts: int = 8,
        seed: int = 0,
    ) -> None:
        super().__init__(channels_last(model), group, parts, seed)
        self.mix, self.held = mix, held_out
        self.areas, self.slant_weight = areas, slant_weight

    def draw(self, rng: np.random.Generator) -> UprightSample:
        """An image from the mix."""
        return self.mix.draw(rng)

    def collate(self, samples: Sequence[UprightSample]) -> dict[str, Any]:
        """Similarly shaped images at the shape of the middle one; the area varies by batch."""
        low, high = self.areas
        share = (sum(s.size[1] for s in samples) % 97) / 96  # arbitrary, but fixed by the seed
        middle = samples[len(samples) // 2].size
        size = finder_size(*middle, round(low * (high / low) ** share))
        pixels = torch.zeros(len(samples), 3, *size, dtype=torch.uint8)
        for row, sample in zip(pixels, samples, strict=True):
            if not isinstance(sample.pixels, Rendered):
                row[:] = _sized(sample.pixels, size)
        rendered = [
            s.pixels.sized(size) if isinstance(s.pixels, Rendered) else None for s in samples
        ]
        return {
            "pixels": pixels,
            # Integers, in thousandths: Fabric would round floats to bfloat16.
            "slant": torch.tensor([round(1000 * s.slant) for s in samples]),
            "known": torch.tensor([s.known for s in samples]),
            **to_paint(rendered),
        }

    def finish(self, batch: dict[str, Any]) -> dict[str, Tensor]:
        """Paint the rendered images."""
        return painted(batch)

    def loss(self, model: UprightNet, batch: dict[str, Tensor]) -> dict[str, Tensor]:
        """The cross-entropy of the turn, the chord of the slant's error, and the accuracy."""
        said = orbit_scores(model, batch["pixels"].float() / 127.5 - 1, LYING).float()
        slant = batch["slant"].float() / 1000
        target = targets(slant, batch["known"], said.shape[1])
        turn = -(target * said[..., 0].log_softmax(1)).sum(1).mean()
        off = torch.deg2rad(slant)
        direction = functional.normalize(said[:, 0, 1:], dim=1)
        away = direction - torch.stack([off.cos(), off.sin()], 1)
        missed = (away.square().sum(1) + 1e-4).sqrt().mean()
        right = (said[..., 0].argmax(1) == 0).float().mean()
        return {
            "loss": turn + self.slant_weight * missed,
            "turn": turn.detach(),
            "slant": missed.detach(),
            "right": right.detach(),
        }

    @torch.inference_mode()
    def validate(self, model: UprightNet) -> dict[str, float]:
        """Accuracy and mean slant error on each set; `score` is the mean accuracy of the sets."""
        row, device = {}, next(model.parameters()).device
        for name, samples in self.held.items():
            right = missed = 0.0
            for sample in samples:
                pixels = given_pixels(sample.pixels)[None].to(device).float() / 127.5 - 1
                said = orbit_scores(model, pixels, LYING).float()[0]
                right += float(said[:, 0].argmax() == 0)
                angle = math.degrees(math.atan2(float(said[0, 2]), float(said[0, 1])))
                missed += abs(angle - sample.slant)
            row[f"{name}_right"] = round(right / len(samples), 4)
            row[f"{name}_degrees"] = round(missed / len(samples), 2)
        found = [value for name, value in row.items() if name.endswith("_right")]
        return row | {"score": sum(found) / len(found)}

    def save(self, model: UprightNet, folder: Path) -> None:
        """Write the weights, the config and the ONNX graph."""
        from isotrope.ocr.orientation.store import save_finder

        save_finder(model, folder)


def _sized(pixels: Tensor, size: tuple[int, int]) -> Tensor:
    sized = functional.interpolate(pixels[None].float(), size, mode="bilinear", antialias=True)
    return sized[0].round().clamp(0, 255).byte()


def targets(slant: Tensor, known: Tensor, turns: int) -> Tensor:
    """`(B, turns)`: target probabilities of the four turns, or of the two of a long image."""
    target = torch.zeros(len(slant), turns, device=slant.device)
    next_to = ((slant.abs() - 35) / 20).clamp(0, 0.5) if turns == 4 else torch.zeros_like(slant)
    target[:, 0] = 1 - next_to
    if turns == 4:
        rows = torch.arange(len(slant), device=slant.device)
        target[rows, torch.where(slant > 0, 1, 3)] = next_to
    both = (target + target.roll(turns // 2, 1)) / 2
    return torch.where(known[:, None], target, both)
