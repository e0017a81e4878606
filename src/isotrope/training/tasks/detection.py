"""The detection task: find the lines of pages."""

from __future__ import annotations

import tempfile
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, ClassVar

import numpy as np
import torch
from torch import Tensor, nn

from isotrope.data.augment import Degrade
from isotrope.data.labeled_pages import LabeledPages
from isotrope.data.page_windows import Window, WindowShape, draw_window, side_by_side
from isotrope.ocr.detection.scores import LineScore, score_lines
from isotrope.training.detection_losses import arrow_loss, height_loss, map_loss
from isotrope.training.detection_targets import Targets, draw_targets
from isotrope.training.rendered import drawn_seed
from isotrope.training.task import GroupedTask
from isotrope.training.tasks.detection_networks import Network

_UNIT = 1000
"""Floats travel as integers: Fabric would round them to bfloat16."""

DrawPage = Callable[[np.random.Generator], Window]
"""Draws a page to cut windows from."""


@dataclass(frozen=True)
class Drawn:
    """A window, and the seed of how it is degraded."""

    window: Window
    seed: int

    extent: ClassVar[float] = 1.0


@dataclass(frozen=True)
class DetectionLosses:
    """Weights of the losses; that of cores is 1.

    Args:
        end, arrow, height: Weights of the other maps, if the network has them.
        paper: Weight of blank paper in maps of probabilities.
    """

    end: float = 0.5
    arrow: float = 0.5
    height: float = 0.5
    paper: float = 0.25


_WINDOW, _LOSSES = WindowShape(), DetectionLosses()


class DetectionTask(GroupedTask[nn.Module]):
    """Trains a detector of lines on windows of pages.

    Args:
        network: What its maps mean.
        draw_page: Draws a page.
        held_out: Sets of pages to validate on.
        size: Side of a window, px.
        window: How windows are drawn.
        degraded: Severity of `Degrade`.
        losses: Weights of the losses.
        group, parts: As in `GroupedTask`.
    """

    def __init__(
        self,
        model: nn.Module,
        network: Network,
        draw_page: DrawPage,
        held_out: Sequence[LabeledPages] = (),
        size: int = 512,
        window: WindowShape = _WINDOW,
        degraded: float = 0.7,
        losses: DetectionLosses = _LOSSES,
        group: int = 16,
        parts: int = 4,
        seed: int = 0,
    ) -> None:
        super().__init__(model, group, parts, seed)
        self.network, self.draw_page, self.held = network, draw_page, held_out
        self.size, self.window, self.weights = size, window, losses
        self.degraded = degraded
        self.degrade = Degrade(warp=0.0, shrink=0.0, bilevel=0.1)

    def draw(self, rng: np.random.Generator) -> Drawn:
        """A window of a page, or of two, and a seed."""
        size = (self.size, self.size)
        window = draw_window(self.draw_page(rng), size, self.window, rng)
        if rng.random() < self.window.split:
            other = draw_window(self.draw_page(rng), size, self.window, rng)
            at = int(rng.uniform(0.25, 0.75) * self.size)
            window = side_by_side(window, other, at, across=bool(rng.random() < 0.7))
        return Drawn(window, drawn_seed(rng))

    def collate(self, samples: Sequence[Drawn]) -> dict[str, Any]:
        """Pixels and maps."""
        network, size = self.network, (self.size, self.size)
        maps = [
            draw_targets(
                *(s.window.bands, size, network.scale, network.core, s.window.ignored),
                cores_only=network.cores_only,
            )._asdict()
            for s in samples
        ]
        names = [name for name, values in maps[0].items() if values is not None]
        pixels = np.stack([np.asarray(s.window.image) for s in samples])
        return {
            "pixels": torch.from_numpy(pixels).movedim(-1, 1).contiguous(),
            "seed": samples[0].seed,
            **{name: _packed(np.stack([m[name] for m in maps])) for name in names},
        }

    def finish(self, batch: dict[str, Any]) -> dict[str, Tensor]:
        """Make the pages look photographed or scanned."""
        batch = dict(batch)
        pixels: Tensor = batch["pixels"]
        generator = torch.Generator(pixels.device).manual_seed(batch.pop("seed"))
        worse = self.degrade(pixels.float() / 255, generator, self.degraded)
        return batch | {"pixels": (worse * 255).round().byte()}

    def loss(self, model: nn.Module, batch: dict[str, Tensor]) -> dict[str, Tensor]:
        """The weighted sum of the losses of the maps, and each of them."""
        pixels = batch["pixels"].float() / 127.5 - 1
        pixels = pixels.contiguous(memory_format=torch.channels_last)
        core, *more = (each.float() for each in self.network.maps(model, pixels))
        true = {name: batch[name].float() / _UNIT for name in Targets._fields if name in batch}
        near, paper = max(1, 8 // self.network.scale), self.weights.paper
        parts = {"core": map_loss(core, true["core"], true["known"], near, paper)}
        if more:
            end, arrow, height = more
            parts["end"] = map_loss(end, true["end"], true["known"], near, paper)
            parts["arrow"] = arrow_loss(arrow, true["arrow"])
            parts["height"] = height_loss(height, true["height"])
        weights = {"core": 1.0, **vars(self.weights)}
        total = sum((weights[name] * part for name, part in parts.items()), torch.zeros(()))
        return {"loss": total, **{name: part.detach() for name, part in parts.items()}}

    @torch.inference_mode()
    def validate(self, model: nn.Module) -> dict[str, float]:
        """Precision, recall and F of the lines of all held-out pages; `score` is the mean F."""
        total, each = LineScore(), []
        with tempfile.TemporaryDirectory() as folder:
            self.network.save(model, Path(folder))
            detector = self.network.detector(Path(folder))
            for page in (pages[number] for pages in self.held for number in range(len(pages))):
                found = [np.array(line.polygon) for line in detector.find(page.pixels)]
                score = score_lines(found, [line.polygon for line in page.lines])
                total, each = total + score, [*each, score.f]
        return {
            "precision": round(total.hits / max(1, total.found), 4),
            "recall": round(total.hits / max(1, total.true), 4),
            "lines": round(total.f, 4),
            "score": round(sum(each) / max(1, len(each)), 4),
        }

    def save(self, model: nn.Module, folder: Path) -> None:
        """Write the weights, the configuration and the ONNX graph."""
        self.network.save(model, folder)


def _packed(values: np.ndarray) -> Tensor:
    return torch.from_numpy(values * _UNIT).round_().short()
