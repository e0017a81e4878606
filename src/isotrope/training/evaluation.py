"""Classifiers as they are kept, and how well they do on images turned by any angle."""

from __future__ import annotations

import json
import math
from collections.abc import Iterable
from dataclasses import asdict, dataclass
from pathlib import Path

import torch
import torch.nn.functional as F
from torch import Tensor

from isotrope.data.classification import LabelledImages
from isotrope.io.files import replacing
from isotrope.models.vit import EquivariantViT
from isotrope.training.augmentation import turned

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
        """Write it into a model's folder."""
        with replacing(folder / _FILE) as temporary:
            temporary.write_text(json.dumps(asdict(self), indent=2, ensure_ascii=False))

    @classmethod
    def load(cls, folder: Path) -> Preprocessing:
        """Read it from a model's folder."""
        values = json.loads((folder / _FILE).read_text())
        return cls(**{name: tuple(value) for name, value in values.items()})


def load_classifier(folder: str | Path) -> tuple[EquivariantViT, Preprocessing]:
    """The model of a folder that a classification run wrote, and what its images go through.

    Raises:
        FileNotFoundError: a file is missing.
        ValueError: a file is broken, or they are of two models.
    """
    folder = Path(folder)
    if not (folder / _FILE).is_file():
        raise FileNotFoundError(
            f"{folder} has no {_FILE}; give the folder model/ of `isotrope train classifier --out`"
        )
    model = EquivariantViT.from_pretrained(folder)
    try:
        preprocessing = Preprocessing.load(folder)
    except (ValueError, TypeError, AttributeError) as error:
        reason = str(error).split("\n")[0]
        raise ValueError(f"{folder / _FILE} is broken ({reason}); copy it again") from error
    own = (len(preprocessing.classes), len(preprocessing.mean), len(preprocessing.std))
    sizes = (model.config.classes, *[model.config.in_channels] * 2)
    if own != sizes:
        raise ValueError(
            f"{folder / _FILE} has so many classes, means and spreads: {own}, the weights beside "
            f"it {sizes}; copy the whole folder again"
        )
    return model, preprocessing


def to_accelerator(model: EquivariantViT) -> EquivariantViT:
    """The model on the GPU, if there is one, where convolutions are then taken in float32.

    TF32, torch's default for them there, rounds to ten bits, and a turn to other bits.
    """
    torch.backends.cudnn.allow_tf32 = False
    return model.to(torch.accelerator.current_accelerator(check_available=True) or "cpu")


@dataclass(frozen=True)
class Score:
    """At one angle: right answers in [0, 1], cross-entropy, and what the turn did to the logits.

    `difference` is `max |logits - upright logits| / max |upright logits|`: nil (but for rounding)
    where the model is exact. Between the quarter turns it has the interpolation of the image in it.
    """

    accuracy: float
    loss: float
    difference: float


def evaluate(
    model: EquivariantViT,
    data: LabelledImages,
    preprocessing: Preprocessing,
    angles: Iterable[int] = (0,),
    batch_size: int = 256,
    average: int = 1,
    label_smoothing: float = 0.0,
) -> dict[int, Score]:
    """The score at each angle, in degrees counter-clockwise.

    Args:
        average: the mean of the logits over so many turns of each image, at equal steps, is taken:
            4 is what one does for a model that is not equivariant; more helps one of quarter turns,
            which is read at a quarter of them, as it says the same at the others.
        label_smoothing: of the loss, as in training.

    Raises:
        ValueError: data of other classes or channels than the model's.
    """
    preprocessing.check(data)

    def logits(angle: float) -> Tensor:
        quarters = model.group.rotations % 4 == 0 and average % 4 == 0
        count = average // 4 if quarters else average
        turns = (angle + 360 * turn / average for turn in range(count))
        each = [logits_of(model, data, preprocessing, turn, batch_size) for turn in turns]
        return torch.stack(each).mean(0)

    upright = logits(0)

    def score(angle: int) -> Score:
        here = logits(angle) if angle else upright
        right = (here.argmax(dim=1) == data.labels).double().mean()
        loss = F.cross_entropy(here, data.labels, label_smoothing=label_smoothing)
        difference = (here - upright).abs().max() / upright.abs().max()
        return Score(right.item(), loss.item(), difference.item())

    return {angle: score(angle) for angle in angles}


@torch.no_grad()
def logits_of(
    model: EquivariantViT,
    data: LabelledImages,
    preprocessing: Preprocessing,
    degrees: float = 0,
    batch_size: int = 256,
) -> Tensor:
    """float32 `(N, classes)` of the images turned by `degrees` counter-clockwise, in eval mode.

    Quarter turns move pixels; what lies between them is bilinear, see `turned`.
    """
    training, device = model.training, next(model.parameters()).device
    model.eval()
    quarters, rest = divmod(degrees, 90)
    logits = []
    for start in range(0, len(data), batch_size):
        images = preprocessing(data.images[start : start + batch_size].to(device))
        images = torch.rot90(images, int(quarters), (2, 3))
        if rest:
            images = turned(images, torch.full((len(images),), math.radians(rest)))
        logits.append(model(images).float().cpu())
    model.train(training)
    return torch.cat(logits)
