"""The networks of detectors, as `DetectionTask` trains them."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Protocol, cast

from torch import Tensor, nn

from isotrope.ocr.detection.lines import Detector
from isotrope.training.detection_targets import CoreShape
from isotrope.training.task import channels_last

if TYPE_CHECKING:
    from isotrope.ocr.detection.db.model import DBNet
    from isotrope.ocr.detection.linenet.model import LineNet


class Network(Protocol):
    """What training needs to know of a network.

    Attributes:
        scale: Pixels per position of its maps.
        core: The core of a line that it learns to mark.
        cores_only: Whether it has a map of cores alone.
    """

    scale: int
    core: CoreShape
    cores_only: bool

    def random(self) -> nn.Module:
        """The network with random weights."""
        ...

    def published(self) -> nn.Module:
        """The network with published weights."""
        ...

    def load(self, folder: str | Path) -> nn.Module:
        """The network of a folder."""
        ...

    def save(self, model: nn.Module, folder: Path) -> None:
        """Write a network."""
        ...

    def detector(self, folder: Path) -> Detector:
        """Load a detector from the folder of its network."""
        ...

    def maps(self, model: nn.Module, pixels: Tensor) -> tuple[Tensor, ...]:
        """Its maps of RGB pages `(B, 3, H, W)` in [-1, 1].

        Logits of cores, or also logits of ends, arrows, and logarithms of heights.
        """
        ...


class MapNetwork(Network):
    """`DBNet`: one map of cores, at the pixels of the page."""

    scale = 1
    core = CoreShape(share=0.4, gap=0.3)
    cores_only = True

    def random(self) -> nn.Module:
        from isotrope.ocr.detection.db.model import DBNet, DBNetConfig

        return channels_last(DBNet(DBNetConfig.small()))

    def published(self) -> nn.Module:
        from isotrope.training.tasks.start import published_detector

        return channels_last(published_detector("small"))

    def load(self, folder: str | Path) -> nn.Module:
        from isotrope.ocr.detection.db.store import load_detector

        return channels_last(load_detector(folder))

    def save(self, model: nn.Module, folder: Path) -> None:
        from isotrope.ocr.detection.db.store import save_detector

        save_detector(cast("DBNet", model), folder)

    def detector(self, folder: Path) -> Detector:
        from isotrope.ocr.detection.db.session import DBDetector

        return DBDetector(folder)

    def maps(self, model: nn.Module, pixels: Tensor) -> tuple[Tensor, ...]:
        return (model(pixels.flip(1)),)


class ArrowNetwork(Network):
    """`LineNet`: maps of cores and ends, arrows and heights, at 1/2 of the resolution."""

    scale = 2
    core = CoreShape(share=0.5, gap=0.3)
    cores_only = False

    def random(self) -> nn.Module:
        from isotrope.ocr.detection.linenet.model import LineNet

        return _channels_last(LineNet())

    def published(self) -> nn.Module:
        from isotrope.ocr.detection.linenet.published import orbit_of
        from isotrope.training.tasks.start import published_detector

        return _channels_last(orbit_of(published_detector("tiny")))

    def load(self, folder: str | Path) -> nn.Module:
        from isotrope.ocr.detection.linenet.store import load_line_net

        return _channels_last(load_line_net(folder))

    def save(self, model: nn.Module, folder: Path) -> None:
        from isotrope.ocr.detection.linenet.store import save_line_net

        save_line_net(cast("LineNet", model), folder)

    def detector(self, folder: Path) -> Detector:
        from isotrope.ocr.detection.linenet.session import LineNetDetector

        return LineNetDetector(folder)

    def maps(self, model: nn.Module, pixels: Tensor) -> tuple[Tensor, ...]:
        return model(pixels)


def _channels_last(model: LineNet) -> LineNet:
    channels_last(model.features)
    return model


NETWORKS: dict[str, Network] = {"map": MapNetwork(), "equivariant": ArrowNetwork()}
"""The networks by the `kind` of `DetectorModel`."""
