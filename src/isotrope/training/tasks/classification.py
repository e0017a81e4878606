"""The classification task: cross-entropy of an `EquivariantViT` on a finite labeled set."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any
from zlib import crc32

import numpy as np
import torch
from torch import Tensor, nn
from torch.nn import functional

from isotrope.data.classification import LabeledImages
from isotrope.data.image_files import FileImages
from isotrope.data.stream import EpochStream, seeded
from isotrope.io.files import filling
from isotrope.models.vit import EquivariantViT
from isotrope.training.augmentation import SHIFT, augmented
from isotrope.training.evaluation import Preprocessing, evaluate
from isotrope.training.mixing import mixed
from isotrope.training.task import Task

_AUGMENTING = 1  # the generator's purpose; 0 is the order of the images, 2 a subset
_MIXING = 3


@dataclass(frozen=True)
class Augmentation:
    """How training images are varied; for the first three fields see `augmented`.

    Args:
        settled: Number of epochs after which half of each batch stays unaugmented; None: never.
            Warping blurs images slightly, and the images that the model will see are not blurred.
        recolor: Whether views of photographs in files get other colors, see `random_view`.
        mixup, cutmix: See `mixed`.
    """

    kind: str = "none"
    shift: float = SHIFT
    warp: float = 1.0
    settled: float | None = None
    recolor: bool = False
    mixup: float = 0.0
    cutmix: float = 0.0


class ClassificationTask(Task[EquivariantViT]):
    """Trains an `EquivariantViT` on labeled images.

    The order of the images and their variations depend only on the seed and the number of the
    batch, so a run that was killed and resumed ends with the same weights as one that was not.

    Args:
        binary: Train with binary cross-entropy, one for each class, in place of the softmax's.
        start: A folder written by `EquivariantViT.save_pretrained`, with the initial weights of a
            new run.
        fit: Side of the squares that the images were fitted into, to be stored with the model.

    Raises:
        ValueError: `valid` has other classes or channels than `train`.
    """

    def __init__(
        self,
        model: EquivariantViT,
        train: LabeledImages,
        valid: LabeledImages,
        batch_size: int = 64,
        augmentation: Augmentation | None = None,
        label_smoothing: float = 0.0,
        seed: int = 0,
        start: str | None = None,
        fit: int | None = None,
        binary: bool = False,
    ) -> None:
        self.model, self.train, self.valid = model, train, valid
        self.batch_size, self.seed, self.start = batch_size, seed, start
        self.augmentation = augmentation or Augmentation()
        self.label_smoothing, self.binary = label_smoothing, binary
        self.preprocessing = Preprocessing.of(train, fit)
        self.preprocessing.check(valid)
        self.epoch = len(train)
        labels = crc32(valid.labels.numpy().tobytes(), crc32(train.labels.numpy().tobytes()))
        own = vars(self.preprocessing)
        self.made_of = {"images": len(train), "labels": labels} | {
            f"preprocessing.{name}": list(own[name]) for name in ("mean", "std", "classes")
        }

    def begin(self) -> None:
        """Load the weights of `start`."""
        if not self.start:
            return
        given, own = EquivariantViT.from_pretrained(self.start), self.model
        if given.config != own.config:
            mine, others = vars(own.config), vars(given.config)
            other = ", ".join(name for name in mine if others[name] != mine[name])
            raise ValueError(
                f"model.start={self.start!r} has another {other} than the recipe and the data; "
                "give weights of the same, or leave start out"
            )
        own.load_state_dict(given.state_dict())

    def stream(self, start: int, rank: int, ranks: int) -> EpochStream:
        """Each image once per epoch, in a new order for each epoch."""
        return EpochStream(
            len(self.train),
            self.batch_size,
            self.collate,
            seed=self.seed,
            start=start,
            rank=rank,
            ranks=ranks,
        )

    def collate(self, numbers: Tensor, number: int) -> dict[str, Any]:
        """The images with these indices, as bytes, and their labels."""
        images, labels = self.train.images, self.train.labels[numbers]
        if isinstance(images, FileImages):
            views = images.drawn(numbers, (self.seed, number), self.augmentation.recolor)
        else:
            views = images[numbers]
        return {"images": views, "labels": labels, "number": number}

    def finish(self, batch: dict[str, Any]) -> dict[str, Tensor]:
        """Standardize the images and vary them: `pixels` `(B, C, H, W)`, `labels` `(B,)`.

        If images are mixed, labels are shares of the classes `(B, classes)`.
        """
        how, number = self.augmentation, batch["number"]
        images = self.preprocessing(batch["images"])
        settled = how.settled is not None and self._epochs_before(number) >= how.settled
        # The unaugmented images come first; the order is random.
        count = len(images) // 2 if settled else 0
        draws = seeded(self.seed, _AUGMENTING, number)
        varied = augmented(images[count:], how.kind, draws, how.shift, how.warp)
        pixels, labels = torch.cat([images[:count], varied]), batch["labels"]
        if how.mixup or how.cutmix:
            rng = np.random.default_rng((self.seed, _MIXING, number))
            classes = len(self.train.classes)
            pixels, labels = mixed(pixels, labels, classes, rng, how.mixup, how.cutmix)
        return {"pixels": pixels, "labels": labels}

    def loss(self, model: EquivariantViT, batch: dict[str, Tensor]) -> dict[str, Tensor]:
        """The cross-entropy of the labels; a binary one is the mean over the classes.

        For the binary one each of two mixed classes is there in full, as in DeiT III.
        """
        logits, labels = model(batch["pixels"]).float(), batch["labels"]
        if not self.binary:
            smoothing = self.label_smoothing
            return {"loss": functional.cross_entropy(logits, labels, label_smoothing=smoothing)}
        if labels.ndim == 1:
            labels = functional.one_hot(labels, logits.shape[1])
        present = (labels > 0).to(logits)
        return {"loss": functional.binary_cross_entropy_with_logits(logits, present)}

    def blocks(self, model: EquivariantViT) -> list[nn.Module]:
        """The layers of every stage."""
        return [block for stage in model.stages for block in stage.children()]

    def validate(self, model: EquivariantViT) -> dict[str, float]:
        """Cross-entropy and accuracy.

        `score` is minus the cross-entropy, which is less noisy, or the accuracy of a model trained
        with binary ones, whose logits are no log-probabilities of one class among all.
        """
        # Smoothed as in training.
        score = evaluate(
            model, self.valid, self.preprocessing, label_smoothing=self.label_smoothing
        )[0]
        return {
            "valid_loss": round(score.loss, 5),
            "valid_accuracy": round(score.accuracy, 5),
            "score": round(score.accuracy if self.binary else -score.loss, 5),
        }

    def save(self, model: EquivariantViT, folder: Path) -> None:
        """Write the weights and the preprocessing, for `load_classifier`."""
        with filling(folder) as partial:
            model.save_pretrained(partial)
            self.preprocessing.save(partial)

    def panels(self, columns: Sequence[str]) -> dict[str, list[str]]:
        """One panel with the accuracy, and one with both losses."""
        del columns
        return {
            "validation accuracy": ["valid_accuracy"],
            "cross-entropy": ["train_loss", "valid_loss"],
        }

    def _epochs_before(self, number: int) -> int:
        """The number of whole epochs before a batch."""
        return number // -(-len(self.train) // self.batch_size)
