"""The task of finding objects, such as nuclei, by their boxes."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np
import torch
from torch import Tensor

from isotrope.data.instances import LabeledInstances
from isotrope.models.boxes import box_ious, boxes_of, side_elements
from isotrope.models.detector import Detector
from isotrope.training.detection_losses import map_loss
from isotrope.training.object_targets import draw_objects
from isotrope.training.tasks.windows import UNIT, Window, WindowsOf, WindowTask, packed

_WINDOWS = WindowsOf()


class ObjectTask(WindowTask[Detector]):
    """Trains a `Detector` of one class on the boxes of instances.

    Args:
        windows: How windows are drawn.
        sides: Weight of the loss of the sides; that of the cores is 1.
        group, parts: As in `GroupedTask`.
    """

    def __init__(
        self,
        model: Detector,
        train: Sequence[LabeledInstances],
        valid: Sequence[LabeledInstances],
        windows: WindowsOf = _WINDOWS,
        sides: float = 0.5,
        group: int = 32,
        parts: int = 4,
        seed: int = 0,
    ) -> None:
        super().__init__(model, train, valid, windows, group, parts, seed)
        self.sides = sides

    def known(self, labels: np.ndarray) -> Tensor:
        """The labels themselves, for their boxes may be cut by a window."""
        return torch.from_numpy(labels)

    def collate(self, samples: Sequence[Window]) -> dict[str, Any]:
        """Pixels, cores and sides."""
        size = self.windows.size, self.windows.size
        drawn = [
            draw_objects(boxes_of(each.known.numpy()), size, self.model.stride) for each in samples
        ]
        maps = [torch.from_numpy(np.stack(each)) for each in zip(*drawn, strict=True)]
        return {
            "pixels": packed(torch.stack([each.pixels for each in samples])),
            "core": packed(maps[0]),
            "sides": packed(maps[1]),
        }

    def loss(self, model: Detector, batch: dict[str, Tensor]) -> dict[str, Tensor]:
        """Cross-entropy and Dice loss of cores, and mean absolute error of the sides in them."""
        pixels, core, sides = (batch[name].float() / UNIT for name in ("pixels", "core", "sides"))
        found = model(pixels)
        said = found.sides[:, side_elements(model.group), :, :, 0].float()
        wrong = (said - sides).abs().mean(1)
        logits = found.core[:, 0].float()
        parts = {
            "core": map_loss(logits, core, torch.ones_like(core), near=1, paper=0.5),
            "sides": (wrong * core).sum() / core.sum().clamp(min=1),
        }
        total = parts["core"] + self.sides * parts["sides"]
        return {"loss": total, **{name: part.detach() for name, part in parts.items()}}

    @torch.inference_mode()
    def validate(self, model: Detector) -> dict[str, float]:
        """`TP / (TP + FP + FN)` of boxes at an IoU above 0.5, the mean over the images."""
        device = next(model.parameters()).device
        scores = [
            box_precision(
                boxes_of(each.labels),
                np.array([box.sides for box in model.boxes(each.pixels.to(device))]).reshape(-1, 4),
            )
            for each in self.valid
        ]
        score = round(float(np.mean(scores)), 4) if scores else 0.0
        return {"ap50": score, "score": score}


def box_precision(true: np.ndarray, found: np.ndarray, threshold: float = 0.5) -> float:
    """`TP / (TP + FP + FN)`: as many pairs as can be made with an IoU above the threshold.

    Args:
        true, found: Boxes `(n, 4)` and `(m, 4)`.
    """
    from scipy.optimize import linear_sum_assignment

    n, m = len(true), len(found)
    if not n + m:
        return 1.0
    good = box_ious(true, found) > threshold
    hits = int(good[linear_sum_assignment(good, maximize=True)].sum())
    return hits / (n + m - hits)
