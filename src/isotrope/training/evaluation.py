"""Load saved classifiers, and score them on images turned by any angle."""

from __future__ import annotations

import json
import math
from collections.abc import Iterable
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import TypeVar

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from isotrope.data.classification import LabeledImages, load_classification
from isotrope.data.fitting import fitted
from isotrope.data.image_files import FileImages, load_image_files
from isotrope.data.views import middle
from isotrope.io.files import replacing
from isotrope.models.pixels import like_weights
from isotrope.models.vit import EquivariantViT
from isotrope.training.augmentation import turned

_FILE = "preprocessing.json"
Network = TypeVar("Network", bound=nn.Module)

_SAMPLE = 10_000  # maximum number of images for mean and standard deviation

IMAGENET_MEAN, IMAGENET_STD = (0.485, 0.456, 0.406), (0.229, 0.224, 0.225)


@dataclass(frozen=True)
class Preprocessing:
    """A classifier's normalization and class names, stored next to its weights.

    Args:
        mean, std: mean and standard deviation of each channel of the training images in [0, 1].
        classes: names of the classes.
        fit: side of the squares that the images were fitted into, see `load_classification`.
        crop: side of the squares cut from the images, see `load_image_files`.
        size: height and width of the training images if they were neither fitted nor cut.
    """

    mean: tuple[float, ...]
    std: tuple[float, ...]
    classes: tuple[str, ...]
    fit: int | None = None
    crop: int | None = None
    size: tuple[int, int] | None = None

    @classmethod
    def of(cls, data: LabeledImages, fit: int | None = None) -> Preprocessing:
        """Compute it from a training set, using at most 10,000 evenly spaced images.

        Photographs in files get the mean and deviation of ImageNet's, as is usual, unread.
        """
        if isinstance(data.images, FileImages):
            return cls(IMAGENET_MEAN, IMAGENET_STD, data.classes, fit, data.images.side)
        count = len(data)
        if count > _SAMPLE:
            data = data.take(torch.linspace(0, count - 1, _SAMPLE).long())
        levels = torch.arange(256, dtype=torch.float64) / 255
        means, stds = [], []
        for channel in data.images[:].unbind(1):  # by histogram: exact, without a float copy
            share = torch.bincount(channel.flatten(), minlength=256).double() / channel.numel()
            means.append((share @ levels).item())
            stds.append((share @ (levels - means[-1]) ** 2).sqrt().item())
        stds = [max(std, 1e-3) for std in stds]  # a constant channel stays finite
        rows, columns = data.images.shape[2:]
        size = (rows, columns) if fit is None else None
        return cls(tuple(means), tuple(stds), data.classes, fit, size=size)

    def __call__(self, images: Tensor) -> Tensor:
        """uint8 `(B, C, H, W)` -> float32, standardized."""
        mean, std = (torch.tensor(v, device=images.device) for v in (self.mean, self.std))
        return (images / 255 - mean[:, None, None]) / std[:, None, None]

    def prepared(self, image: Tensor) -> Tensor:
        """What training had of an image: fitted, cut or as it is, uint8 `(C, H, W)`.

        Args:
            image: `(3, H, W)`, RGB in [0, 1]. A model of one channel gets the mean of the three.

        Raises:
            ValueError: the model takes other than one or three channels, or it was trained on
                images of one other size.
        """
        size = tuple(image.shape[1:])
        if self.size is not None and sorted(size) != sorted(self.size):
            raise ValueError(
                f"has {size[1]}x{size[0]} px, and the model was trained on images of "
                f"{self.size[1]}x{self.size[0]}; resize it, or train with data.fit"
            )
        channels = len(self.mean)
        if channels not in (1, 3):
            raise ValueError(f"the model takes {channels} channels, and images have 1 or 3")
        image = image.mean(0, keepdim=True) if channels == 1 else image
        if self.fit is not None:
            return fitted(image, self.fit)
        pixels = (255 * image).round().to(torch.uint8)
        return pixels if self.crop is None else middle(pixels.movedim(0, -1).numpy(), self.crop)

    def check(self, data: LabeledImages) -> None:
        """Raise ValueError if `data` has other classes or channels."""
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
        sides = {side: values.pop(side, None) for side in ("fit", "crop")}  # absent in older files
        tuples = {name: tuple(value) for name, value in values.items() if value is not None}
        return cls(**tuples, **sides)


def load_images(
    path: str | Path, split: str, fit: int | None = None, crop: int | None = None
) -> LabeledImages:
    """A split of a labeled set: in memory, or photographs in files if `crop` gives their side."""
    if crop is None:
        return load_classification(path, split, fit)
    return load_image_files(path, split, crop)


def load_classifier(folder: str | Path) -> tuple[EquivariantViT, Preprocessing]:
    """The model in a folder that a classification run wrote, and its preprocessing.

    Raises:
        FileNotFoundError: a file is missing.
        ValueError: a file is broken, or the files belong to different models.
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


def to_accelerator(model: Network) -> Network:
    """The model on the GPU, if there is one, with convolutions set to full float32.

    torch's default there, TF32, rounds to ten bits, and differently for a turned image.
    """
    torch.backends.cudnn.allow_tf32 = False
    return model.to(torch.accelerator.current_accelerator(check_available=True) or "cpu")


@dataclass(frozen=True)
class Score:
    """Accuracy in [0, 1], cross-entropy and the change of the logits, at one angle.

    `difference` is `max |logits - upright logits| / max |upright logits|`: 0 up to rounding if the
    model is exactly invariant. Between quarter turns it includes the interpolation of the image.
    """

    accuracy: float
    loss: float
    difference: float


def evaluate(
    model: EquivariantViT,
    data: LabeledImages,
    preprocessing: Preprocessing,
    angles: Iterable[int] = (0,),
    batch_size: int = 256,
    average: int = 1,
    label_smoothing: float = 0.0,
) -> dict[int, Score]:
    """The score at each angle, in degrees counter-clockwise.

    Args:
        average: number of turns of each image, in equal steps, over which to average the logits. 4
            is usual for a model that is not equivariant; more helps a model equivariant to quarter
            turns, which is run on a quarter of the turns, as the others give the same logits.
        label_smoothing: label smoothing of the loss, as in training.

    Raises:
        ValueError: the data has other classes or channels than the model.
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
    data: LabeledImages,
    preprocessing: Preprocessing,
    degrees: float = 0,
    batch_size: int = 256,
) -> Tensor:
    """Logits, float32 `(N, classes)`, of images turned by `degrees` counter-clockwise.

    The model runs in eval mode. Quarter turns move pixels; the remaining angle is interpolated
    bilinearly, see `turned`.
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
        logits.append(model(like_weights(images, model)).float().cpu())
    model.train(training)
    return torch.cat(logits)


@torch.no_grad()
def probabilities(
    model: EquivariantViT, preprocessing: Preprocessing, images: list[Tensor]
) -> Tensor:
    """The probability of each class, float32 `(N, classes)`, for images of one size.

    Args:
        model: in eval mode.
        images: as `Preprocessing.prepared` gives them.

    Raises:
        ValueError: the model does not take images of this size.
    """
    batch = like_weights(preprocessing(torch.stack(images)), model)
    return model(batch).float().softmax(1).cpu()
