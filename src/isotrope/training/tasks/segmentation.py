"""The segmentation task: find the instances in images, such as nuclei."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np
import torch
from torch import Tensor, nn
from torch.nn import functional

from isotrope.data.instances import LabeledInstances
from isotrope.models.instances import Watershed, segment
from isotrope.training.detection_losses import map_loss
from isotrope.training.instance_scores import aggregated_jaccard, average_precision
from isotrope.training.segmentation_targets import distances
from isotrope.training.tasks.windows import UNIT, Window, WindowsOf, WindowTask, packed

_WINDOWS, _WATERSHED = WindowsOf(), Watershed()


class SegmentationTask(WindowTask[nn.Module]):
    """Trains a segmenter on windows of images.

    The model gives logits of the foreground and distances, `(B, 2, H, W)`; it has a `group` and a
    `unit` as `models.instances.segment` needs, and `save_pretrained`.

    Args:
        windows: How windows are drawn.
        watershed: How instances are made in validation.
        distance: Weight of the loss of distances; that of the foreground is 1.
        group, parts: As in `GroupedTask`.
    """

    def __init__(
        self,
        model: nn.Module,
        train: Sequence[LabeledInstances],
        valid: Sequence[LabeledInstances],
        windows: WindowsOf = _WINDOWS,
        watershed: Watershed = _WATERSHED,
        distance: float = 2.0,
        group: int = 32,
        parts: int = 4,
        seed: int = 0,
    ) -> None:
        super().__init__(model, train, valid, windows, group, parts, seed)
        self.watershed, self.distance = watershed, distance

    def known(self, labels: np.ndarray) -> Tensor:
        """Distances, in 16 bits."""
        return torch.from_numpy(distances(labels)).half()

    def collate(self, samples: Sequence[Window]) -> dict[str, Any]:
        """Pixels and distances."""
        return {
            "pixels": packed(torch.stack([each.pixels for each in samples])),
            "distance": packed(torch.stack([each.known for each in samples])),
        }

    def loss(self, model: nn.Module, batch: dict[str, Tensor]) -> dict[str, Tensor]:
        """Cross-entropy and Dice loss of the foreground, and smooth L1 of the distances."""
        pixels, true = (batch[name].float() / UNIT for name in ("pixels", "distance"))
        logits, distance = model(pixels).float().unbind(1)
        inside = (true > 0).float()
        parts = {
            "inside": map_loss(logits, inside, torch.ones_like(inside), near=1, paper=1.0),
            "distance": functional.smooth_l1_loss(distance, true, beta=0.1),
        }
        total = parts["inside"] + self.distance * parts["distance"]
        return {"loss": total, **{name: part.detach() for name, part in parts.items()}}

    @torch.inference_mode()
    def validate(self, model: nn.Module) -> dict[str, float]:
        """Means over the validation images; `score` is the AP over IoUs from 0.5 to 0.95."""
        scores = instance_scores(model, self.valid, self.watershed)
        return {**{name: round(value, 4) for name, value in scores.items()}, "score": scores["ap"]}

    def panels(self, columns: Sequence[str]) -> dict[str, list[str]]:
        """One panel with the scores, and one with the losses."""
        del columns
        losses = ["train_loss", "train_inside", "train_distance"]
        return {"score": ["ap50", "ap", "aji"], "loss": losses}


def instance_scores(
    model: Any, images: Sequence[LabeledInstances], how: Watershed = _WATERSHED
) -> dict[str, float]:
    """`ap50`, `ap` (over IoUs from 0.5 to 0.95) and `aji`, means over the images.

    Args:
        model: In eval mode; see `models.instances.segment`.
    """
    device = next(model.parameters()).device
    rows = []
    for each in images:
        found = segment(model, each.pixels.to(device), how)
        precisions = average_precision(each.labels, found)
        index = aggregated_jaccard(each.labels, found)
        rows.append((precisions[0], float(np.mean(precisions)), index))
    means = np.mean(rows, axis=0).tolist() if rows else [0.0] * 3
    return dict(zip(("ap50", "ap", "aji"), means, strict=True))
