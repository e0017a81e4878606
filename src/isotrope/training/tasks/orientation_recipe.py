"""The recipe of an orientation finder, which makes its task."""

from __future__ import annotations

from pathlib import Path
from typing import ClassVar, Literal

import numpy as np
from pydantic import Field, PositiveInt
from torch import Tensor

from isotrope.data.lines import LabeledLines
from isotrope.data.pages import load_lines
from isotrope.data.tiles import PageTiles
from isotrope.ocr.orientation.model import UprightNet
from isotrope.ocr.orientation.store import load_finder
from isotrope.training.recipe import GROUPED, Fields, Recipe
from isotrope.training.relabel import upright_turns
from isotrope.training.tasks.orientation import OrientationTask
from isotrope.training.tasks.recognition_recipe import reader_of, rendered_lines
from isotrope.training.tasks.start import published, remembered
from isotrope.training.upright import (
    Draw,
    UprightMix,
    UprightSample,
    alike_upside_down,
    border_color,
    finder_pixels,
    slanted,
    window,
)

_AREA = 3072
_SLANTS = (10, -10, 30, -30, 40, -40)


class UprightSource(Fields, frozen=True):
    """A set of upright images.

    Args:
        name: Its name in the log.
        path: Labeled lines or words, or a folder of pages if `kind` is "pages".
        share: Its share of the samples, relative to the other sources; 0: only validate on it.
        kind: "words": used as they are; "lines": mostly cut to words; "pages": cut to pieces.
        held_out: Every `held_out`-th image is held out for validation.
        turned: Whether some words are turned; the published small recognizer finds which.
        slanted: Whether to validate on it again at slants of 10 to 40 degrees.
        collections: Subfolders of pages to use; None: all.
    """

    name: str
    path: str
    share: float = Field(default=1.0, ge=0)
    kind: Literal["words", "lines", "pages"] = "words"
    held_out: int = Field(default=10, ge=1)
    turned: bool = False
    slanted: bool = False
    collections: tuple[str, ...] | None = None


class FinderModel(Fields, frozen=True):
    """The model to train.

    Args:
        start: The initial weights: "published" (the filters of PP-OCRv6-tiny), "random", or the
            folder of a saved finder.
    """

    start: str = "published"


class FinderData(Fields, frozen=True):
    """The training data.

    Args:
        source: Sets of upright images.
        rendered: Share of rendered words and lines.
        slanted: Share of slanted samples, as in `UprightMix`.
        areas: Minimum and maximum number of pixels in an image of a batch.
        group, parts: Number of samples in a group of the stream, and of batches made from it.
    """

    source: tuple[UprightSource, ...] = ()
    rendered: float = Field(default=0.4, ge=0, le=1)
    slanted: float = Field(default=0.3, ge=0, le=0.5)
    areas: tuple[PositiveInt, PositiveInt] = (_AREA, _AREA)
    group: PositiveInt = 1024
    parts: PositiveInt = 16


class FinderLosses(Fields, frozen=True):
    """The losses; that of the turn has weight 1.

    Args:
        slant: Weight of the slant loss, `slant_weight` in `OrientationTask`.
    """

    slant: float = Field(default=1.0, ge=0)


class OrientationRecipe(Recipe, frozen=True):
    """The recipe of `isotrope train finder --config FILE`."""

    data: FinderData = FinderData()
    model: FinderModel = FinderModel()
    losses: FinderLosses = FinderLosses()

    may_change: ClassVar = (*Recipe.may_change, "data.group", "data.parts")
    renamed: ClassVar = GROUPED | {
        "start": "model.start",
        "slanted": "data.slanted",
        "areas": "data.areas",
        "slant_weight": "losses.slant",
    }

    def task(self, data: Path) -> OrientationTask:
        """The task; relative paths of sources are relative to `data`."""
        draws: list[tuple[float, Draw]] = []
        held: dict[str, list[UprightSample]] = {}
        rng = np.random.default_rng(self.run.seed)
        for source in self.data.source:
            train, valid = self._drawn(source, data / source.path, rng)
            if source.share:
                draws.append((source.share, train))
            held[source.name] = [s for s in map(_as_it_is, valid) if s is not None]
            if source.slanted:
                held[f"{source.name}_slanted"] = _at_slants(valid)
        if share := self.data.rendered:
            rest = sum(share for share, _ in draws) or 1.0
            draws.append((rest * share / (1 - share), rendered_lines(self.run.seed)))
        mix = UprightMix(draws, self.data.slanted)
        return OrientationTask(
            self._start(),
            mix,
            held,
            self.data.areas,
            self.losses.slant,
            self.data.group,
            self.data.parts,
            self.run.seed,
        )

    def _start(self) -> UprightNet:
        if self.model.start not in ("published", "random"):
            return load_finder(self.model.start)
        net = UprightNet()
        if self.model.start == "published":
            net.begin_with(published("tiny"))
        return net

    def _drawn(
        self, source: UprightSource, path: Path, rng: np.random.Generator
    ) -> tuple[Draw, list[tuple[Tensor, str | None]]]:
        """A function that draws training images, and the held-out images."""
        if source.kind == "pages":
            tiles = PageTiles(path, source.held_out, source.collections)
            return tiles.draw, [(image, None) for image in tiles.held_out(rng)]
        lines = load_lines(path)
        turns = _turns(lines) if source.turned else dict.fromkeys(range(len(lines)), 0)
        train = [i for i in turns if i % source.held_out or source.held_out == 1]
        valid = [i for i in turns if i % source.held_out == 0]

        def upright(place: int) -> tuple[Tensor, str]:
            image, text = lines[place]
            return image.rot90(turns[place], (1, 2)), text

        def draw(rng: np.random.Generator) -> tuple[Tensor, str | None]:
            image, text = upright(train[int(rng.integers(len(train)))])
            cut = source.kind == "lines" and rng.random() < 0.75
            return (window(image, rng), None) if cut else (image, text)

        shown = valid[:: max(1, len(valid) // 400)]
        return draw, [upright(place) for place in shown]


def _turns(lines: LabeledLines) -> dict[int, int]:
    return remembered("turns", lines, lambda: upright_turns(lines, reader_of(published("small"))))


def _as_it_is(held: tuple[Tensor, str | None]) -> UprightSample | None:
    image, text = held
    if text is not None and alike_upside_down(text):
        return None
    return UprightSample(finder_pixels(image, _AREA), 0.0)


def _at_slants(held: list[tuple[Tensor, str | None]]) -> list[UprightSample]:
    samples = []
    for number, (image, text) in enumerate(held[::3]):
        if text is None or not alike_upside_down(text):
            slant = _SLANTS[number % len(_SLANTS)]
            turned = slanted(image, slant, border_color(image))
            samples.append(UprightSample(finder_pixels(turned, _AREA), slant))
    return samples
