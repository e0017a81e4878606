"""The recipe of a line recognizer as a value, and the task that it makes."""

from __future__ import annotations

from pathlib import Path
from typing import ClassVar, Literal

import numpy as np
import torch
from pydantic import Field, PositiveInt

from isotrope.data.images import load_image
from isotrope.data.lines import LabelledLines
from isotrope.data.synthetic.text import SyntheticText
from isotrope.ocr.recognition.constants import HEIGHT, STRIDE
from isotrope.ocr.recognition.model import LineRecognizer
from isotrope.ocr.recognition.store import load_model
from isotrope.training.mix import LineMix, LineSample, Source, line_pixels
from isotrope.training.recipe import GROUPED, Fields, Recipe
from isotrope.training.relabel import Read, mended_case
from isotrope.training.rendered import Rendered, drawn_seed
from isotrope.training.tasks.recognition import RecognitionTask, read_one
from isotrope.training.tasks.start import published, remembered


class ReaderModel(Fields, frozen=True):
    """What is trained.

    Args:
        size: "small" or "tiny".
        start: "published": the weights of PP-OCRv6; or a folder of a saved model.
    """

    size: Literal["small", "tiny"] = "small"
    start: str = "published"


class LineSource(Fields, frozen=True):
    """One labeled set; fields as `Source` has them.

    Args:
        case: "given"; or "mended", for labels in capitals: the case is what the published model
            reads.
    """

    name: str
    path: str
    share: float = Field(default=1.0, ge=0)
    held_out: int = Field(default=10, ge=1)
    taught: bool = False
    hand: bool = False
    case: Literal["given", "mended"] = "given"
    collections: tuple[str, ...] | None = None


class ReaderData(Fields, frozen=True):
    """What it is trained on.

    Args:
        source: Labeled sets.
        rendered: Share of rendered lines.
        group, parts: Samples of a group of the stream, and batches made of them.
    """

    source: tuple[LineSource, ...] = ()
    rendered: float = Field(default=0.15, ge=0, lt=1)
    group: PositiveInt = 256
    parts: PositiveInt = 16


class ReaderLosses(Fields, frozen=True):
    """What it learns beside the labels.

    Args:
        keep: Weight of the divergence from the published model, as `RecognitionTask` has it.
        teacher: A model to keep to in place of the one to begin with: "published", or a folder of
            a saved model. So a tiny model is distilled from a small one.
        pull: How strongly the weights are drawn back to the published ones, as in
            `RecognitionTask`; 2 to 10 is a pull worth the name in a run of 20,000 lines.
    """

    keep: float = Field(default=0.5, ge=0)
    teacher: str | None = None
    pull: float = Field(default=0.0, ge=0)


class RecognitionRecipe(Recipe, frozen=True):
    """What `isotrope train reader --config FILE` trains, on what, and how."""

    data: ReaderData = ReaderData()
    model: ReaderModel = ReaderModel()
    losses: ReaderLosses = ReaderLosses()

    may_change: ClassVar = (*Recipe.may_change, "data.group", "data.parts", "losses.teacher")
    renamed: ClassVar = GROUPED | {
        "keep": "losses.keep",
        "teacher": "losses.teacher",
        "pull": "losses.pull",
    }

    def task(self, data: Path) -> RecognitionTask:
        """The task; relative paths of sources are looked for under `data`."""
        model = self._begun(self.model.start)
        teacher = self._begun(self.losses.teacher) if self.losses.teacher else None
        sources = [
            Source(path=str(data / s.path), **s.model_dump(exclude={"case", "path"}))
            for s in self.data.source
        ]
        mended = {s.name for s in self.data.source if s.case == "mended"}

        def relabel(name: str, lines: LabelledLines) -> LabelledLines:
            return _mended(lines, self.model.size) if name in mended else lines

        mix = LineMix(
            sources,
            model.config.charset,
            rendered_lines(self.run.seed) if self.data.rendered else None,
            self.data.rendered,
            relabel=relabel,
        )
        return RecognitionTask(
            model,
            mix,
            self.losses.keep,
            self.data.group,
            self.data.parts,
            self.run.seed,
            teacher=teacher,
            anchor=published(self.model.size) if self.losses.pull else None,
            pull=self.losses.pull,
        )

    def _begun(self, start: str) -> LineRecognizer:
        return published(self.model.size) if start == "published" else load_model(start)


def _mended(lines: LabelledLines, size: str) -> LabelledLines:
    """Lines labeled in capitals, in the case that the published model reads."""

    def make() -> dict[int, str]:
        mended = mended_case(lines, reader_of(published(size)))
        places = {file: number for number, (file, _) in enumerate(lines.items)}
        return {places[file]: text for file, text in mended.items}

    found = remembered(f"case-{size}", lines, make)
    kept = lines.keep(lambda number, _: number in found)
    kept.items = [(file, found[n]) for n, (file, _) in enumerate(lines.items) if n in found]
    return kept


def reader_of(model: LineRecognizer) -> Read:
    """What the model reads of an upright line `(H, W, 3)` uint8."""

    @torch.inference_mode()
    def read(line: np.ndarray) -> str:
        return read_one(model, LineSample(line_pixels(load_image(line)), ""))

    return read


def rendered_lines(seed: int):
    """Draws lines to be painted, each from the generator's state alone."""
    text = SyntheticText(
        "train", seed, lines=0.3, height=(HEIGHT, HEIGHT), max_characters=60, stride=STRIDE
    )

    def draw(rng: np.random.Generator) -> Rendered:
        return Rendered(text.draw(rng), drawn_seed(rng))

    return draw
