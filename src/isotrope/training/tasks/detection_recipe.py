"""The recipe of a detector of lines, which makes its task."""

from __future__ import annotations

from pathlib import Path
from typing import ClassVar, Literal

import numpy as np
from pydantic import Field, PositiveFloat, PositiveInt
from torch import nn

from isotrope.data.labeled_pages import LabeledPages
from isotrope.data.page_windows import Window, WindowShape, page_split
from isotrope.data.synthetic.pages import SyntheticPages
from isotrope.io.transcripts import transcripts_in
from isotrope.training.recipe import Fields, Recipe
from isotrope.training.tasks.detection import DetectionLosses, DetectionTask, DrawPage
from isotrope.training.tasks.detection_networks import NETWORKS


class PageSource(Fields, frozen=True):
    """A folder of PAGE-XML or ALTO files with their images.

    Args:
        path: The folder.
        share: Its share of the windows, relative to the other sources.
        held_out: One of so many pages of each subfolder is held out for validation (`page_split`).
        collections: Subfolders to use. None: all.
    """

    path: str
    share: PositiveFloat = 1.0
    held_out: int = Field(default=10, ge=5)
    collections: tuple[str, ...] | None = None


class DetectorModel(Fields, frozen=True):
    """The model to train.

    Args:
        kind: "map" (`DBNet`) or "equivariant" (`LineNet`).
        start: The initial weights: "published" (PP-OCRv6-small; for a `LineNet`, the orbit of
            PP-OCRv6-tiny), "random", or the folder of a saved detector.
        frozen: Beginnings of the names of weights that stay as they are.
    """

    kind: Literal["map", "equivariant"] = "map"
    start: str = "published"
    frozen: tuple[str, ...] = ()


class DetectorData(Fields, frozen=True):
    """The training data.

    Args:
        source: Folders of pages.
        rendered: Share of windows of rendered pages.
        size: Side of a window, px.
        heights: Smallest and largest median height of the lines in a window, px.
        slant: Largest turn of a window, degrees.
        split: Share of windows that are put together from two.
        degraded: Severity of blur, noise, light and the like.
        group, parts: Number of windows in a group of the stream, and of batches made from it.
    """

    source: tuple[PageSource, ...] = ()
    rendered: float = Field(default=0.4, ge=0, le=1)
    size: PositiveInt = Field(default=512, multiple_of=64)
    heights: tuple[PositiveFloat, PositiveFloat] = (10.0, 40.0)
    slant: float = Field(default=15.0, ge=0, le=45)
    split: float = Field(default=0.2, ge=0, le=1)
    degraded: float = Field(default=0.7, ge=0)
    group: PositiveInt = 16
    parts: PositiveInt = 4


class DetectorLosses(Fields, frozen=True):
    """Weights of the losses, as in `DetectionLosses`; that of cores is 1."""

    end: float = Field(default=0.5, ge=0)
    arrow: float = Field(default=0.5, ge=0)
    height: float = Field(default=0.5, ge=0)
    paper: float = Field(default=0.25, gt=0)


class DetectionRecipe(Recipe, frozen=True):
    """The recipe of `isotrope train detector --config FILE`."""

    data: DetectorData = DetectorData()
    model: DetectorModel = DetectorModel()
    losses: DetectorLosses = DetectorLosses()

    may_change: ClassVar = (*Recipe.may_change, "data", "losses")

    def task(self, data: Path) -> DetectionTask:
        """The task; relative paths of sources are relative to `data`."""
        draws: list[tuple[float, DrawPage]] = []
        held: list[LabeledPages] = []
        for source in self.data.source:
            train, valid = _split(data / source.path, source)
            draws.append((source.share, _drawn(train)))
            held += valid
        if share := self.data.rendered:
            rest = sum(share for share, _ in draws) or 1.0
            draws.append((rest * share / (1 - share) if draws else 1.0, _rendered()))
        return DetectionTask(
            self._start(),
            NETWORKS[self.model.kind],
            _mixed(draws),
            held,
            self.data.size,
            WindowShape(self.data.heights, self.data.slant, self.data.split),
            self.data.degraded,
            DetectionLosses(**self.losses.model_dump()),
            self.data.group,
            self.data.parts,
            self.run.seed,
        )

    def _start(self) -> nn.Module:
        network, start = NETWORKS[self.model.kind], self.model.start
        if start == "random":
            model = network.random()
        else:
            model = network.published() if start == "published" else network.load(start)
        for name, weight in model.named_parameters():
            if name.startswith(self.model.frozen):
                weight.requires_grad_(False)
        return model


def _split(path: Path, source: PageSource) -> tuple[LabeledPages, list[LabeledPages]]:
    names = [file.relative_to(path).as_posix() for file in transcripts_in(path)]
    train, valid = page_split(names, source.held_out)
    pages = LabeledPages(path, source.collections, train)
    return pages, [LabeledPages(path, source.collections, valid)] if valid else []


def _drawn(pages: LabeledPages) -> DrawPage:
    """Draws a page of a folder: any of its subfolders equally often, any page of one as well."""
    folders: dict[Path, list[int]] = {}
    for number, page in enumerate(pages.pages):
        folders.setdefault(page.image.parent, []).append(number)
    listed = list(folders.values())
    weights = np.array([len(numbers) ** 0.5 for numbers in listed])

    def draw(rng: np.random.Generator) -> Window:
        numbers = listed[int(rng.choice(len(listed), p=weights / weights.sum()))]
        return Window.of(pages[numbers[int(rng.integers(len(numbers)))]])

    return draw


def _rendered() -> DrawPage:
    """Draws a page with the fonts of this machine."""
    pages = SyntheticPages()

    def draw(rng: np.random.Generator) -> Window:
        return Window.of(pages.draw(rng))

    return draw


def _mixed(draws: list[tuple[float, DrawPage]]) -> DrawPage:
    """Draws from one of several, by their shares."""
    shares = np.array([share for share, _ in draws])

    def draw(rng: np.random.Generator) -> Window:
        return draws[int(rng.choice(len(draws), p=shares / shares.sum()))][1](rng)

    return draw
