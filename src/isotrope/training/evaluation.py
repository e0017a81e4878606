"""Classifiers as they are kept, and how well they do at the four turns."""

from __future__ import annotations

import json
from collections.abc import Iterable
from dataclasses import asdict, dataclass
from pathlib import Path

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from isotrope.data.classification import LabelledImages
from isotrope.files import replacing
from isotrope.models.vit import EquivariantViT

TURNS = (0, 90, 180, 270)
_FILE = "preprocessing.json"
_SAMPLE = 10_000  # images that mean and spread are taken from, where there are more


@dataclass(frozen=True)
class Preprocessing:
    """What a classifier's images go through, and what its classes are; kept beside its weights.

    Args:
        mean, std: of the training images in [0, 1], one of each a channel.
    """

    mean: tuple[float, ...]
    std: tuple[float, ...]
    classes: tuple[str, ...]

    @classmethod
    def of(cls, data: LabelledImages) -> Preprocessing:
        """Of a training set; of 10,000 images at even distances where it has more."""
        count = len(data)
        if count > _SAMPLE:
            data = data.take(torch.linspace(0, count - 1, _SAMPLE).long())
        levels = torch.arange(256, dtype=torch.float64) / 255
        means, stds = [], []
        for channel in data.images[:].unbind(1):  # by a histogram: exact, and no copy in floats
            share = torch.bincount(channel.flatten(), minlength=256).double() / channel.numel()
            means.append((share @ levels).item())
            stds.append((share @ (levels - means[-1]) ** 2).sqrt().item())
        # A channel of one value stays finite.
        return cls(tuple(means), tuple(max(std, 1e-3) for std in stds), data.classes)

    def __call__(self, images: Tensor) -> Tensor:
        """uint8 `(B, C, H, W)` -> float32, standardised."""
        mean, std = (torch.tensor(v, device=images.device) for v in (self.mean, self.std))
        return (images / 255 - mean[:, None, None]) / std[:, None, None]

    def check(self, data: LabelledImages) -> None:
        """Raises ValueError where `data` has other classes or channels."""
        if data.classes != self.classes:
            raise ValueError(
                f"the data has the classes {', '.join(data.classes)}, the model "
                f"{', '.join(self.classes)}; give data like what it was trained on"
            )
        if data.images.shape[1] != len(self.mean):
            raise ValueError(
                f"the images have {data.images.shape[1]} channels, the model takes "
                f"{len(self.mean)}; give data like what it was trained on"
            )

    def save(self, folder: Path) -> None:
        with replacing(folder / _FILE) as temporary:
            temporary.write_text(json.dumps(asdict(self), indent=2, ensure_ascii=False))

    @classmethod
    def load(cls, folder: Path) -> Preprocessing:
        values = json.loads((folder / _FILE).read_text())
        return cls(**{name: tuple(value) for name, value in values.items()})


def load_classifier(folder: str | Path) -> tuple[EquivariantViT, Preprocessing]:
    """The model of a folder that `ClassificationTrainer` wrote, and what its images go through.

    Raises:
        FileNotFoundError: a file is missing.
        ValueError: a file is broken.
    """
    from safetensors import SafetensorError

    folder = Path(folder)
    if not (folder / _FILE).is_file():
        raise FileNotFoundError(
            f"{folder} has no {_FILE}; give the folder model/ of `isotrope train classifier --out`"
        )
    try:
        return EquivariantViT.from_pretrained(folder), Preprocessing.load(folder)
    except (SafetensorError, ValueError, TypeError, LookupError, RuntimeError) as error:
        reason = str(error).split("\n")[0]
        raise ValueError(f"{folder} is broken ({reason}); train or copy it again") from error


@dataclass(frozen=True)
class Score:
    """At one turn: right answers in [0, 1], cross-entropy, and what the turn did to the logits.

    `difference` is `max |logits - upright logits| / max |upright logits|`: nil (but for rounding)
    where the model is exact.
    """

    accuracy: float
    loss: float
    difference: float


def evaluate(
    model: nn.Module,
    data: LabelledImages,
    preprocessing: Preprocessing,
    turns: Iterable[int] = (0,),
    batch_size: int = 256,
) -> dict[int, Score]:
    """The score at each turn, in degrees counter-clockwise, multiples of 90; upright is first.

    Raises:
        ValueError: data of other classes or channels than the model's.
    """
    preprocessing.check(data)
    upright = logits_of(model, data, preprocessing, 0, batch_size)
    return {
        degrees: _score(
            upright if degrees == 0 else logits_of(model, data, preprocessing, degrees, batch_size),
            upright,
            data.labels,
        )
        for degrees in turns
    }


@torch.no_grad()
def logits_of(
    model: nn.Module,
    data: LabelledImages,
    preprocessing: Preprocessing,
    degrees: int = 0,
    batch_size: int = 256,
) -> Tensor:
    """float32 `(N, classes)` of the images turned by `degrees`, a multiple of 90, in eval mode."""
    training, device = model.training, next(model.parameters()).device
    model.eval()
    logits = []
    for start in range(0, len(data), batch_size):
        images = preprocessing(data.images[start : start + batch_size].to(device))
        logits.append(model(torch.rot90(images, degrees // 90, (2, 3))).float().cpu())
    model.train(training)
    return torch.cat(logits)


def _score(logits: Tensor, upright: Tensor, labels: Tensor) -> Score:
    right = (logits.argmax(dim=1) == labels).double().mean()
    difference = (logits - upright).abs().max() / upright.abs().max()
    return Score(right.item(), F.cross_entropy(logits, labels).item(), difference.item())
