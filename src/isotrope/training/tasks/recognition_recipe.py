"""The recipe of a line recognizer, which makes its task."""

from __future__ import annotations

from pathlib import Path
from typing import ClassVar, Literal

import numpy as np
import torch
from pydantic import Field, PositiveInt

from isotrope.data.images import load_image
from isotrope.data.lines import LabeledLines
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
    """The model to train.

    Args:
        size: "small" or "tiny".
        start: The initial weights: "published" (those of PP-OCRv6), or the folder of a saved model.
    """

    size: Literal["small", "tiny"] = "small"
    start: str = "published"


class LineSource(Fields, frozen=True):
    """One labeled set; for the other fields see `Source`.

    Args:
        case: "given", or "mended" for labels in capitals: use the case that the published model
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
    """The training data.

    Args:
        source: Labeled sets.
        rendered: Share of rendered lines.
        group, parts: Number of samples in a group of the stream, and of batches made from it.
    """

    source: tuple[LineSource, ...] = ()
    rendered: float = Field(default=0.15, ge=0, lt=1)
    group: PositiveInt = 256
    parts: PositiveInt = 16


class ReaderLosses(Fields, frozen=True):
    """The losses in addition to CTC.

    Args:
        keep: Weight of the divergence from the teacher, as in `RecognitionTask`.
        teacher: A model to stay close to, by default the initial one: "published", or the folder of
            a saved model. Use it to distill a tiny model from a small one.
        pull: Strength of the pull towards the published weights, as in `RecognitionTask`; 2 to 10
            has a noticeable effect in a run of 20,000 lines.
        labels: Weight of the labels of `taught` lines, as in `RecognitionTask`.
    """

    keep: float = Field(default=0.5, ge=0)
    teacher: str | None = None
    pull: float = Field(default=0.0, ge=0)
    labels: float = Field(default=1.0, ge=0)


class RecognitionRecipe(Recipe, frozen=True):
    """The recipe of `isotrope train reader --config FILE`."""

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
        """The task; relative paths of sources are relative to `data`."""
        model = self._begun(self.model.start)
        teacher = self._begun(self.losses.teacher) if self.losses.teacher else None
        sources = [
            Source(path=str(data / s.path), **s.model_dump(exclude={"case", "path"}))
            for s in self.data.source
        ]
        mended = {s.name for s in self.data.source if s.case == "mended"}

        def relabel(name: str, lines: LabeledLines) -> LabeledLines:
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
            labels=self.losses.labels,
        )

    def _begun(self, start: str) -> LineRecognizer:
        return published(self.model.size) if start == "published" else load_model(start)


def _mended(lines: LabeledLines, size: str) -> LabeledLines:
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
    """A function that reads an upright line `(H, W, 3)` uint8 with the model."""

    @torch.inference_mode()
    def read(line: np.ndarray) -> str:
        return read_one(model, LineSample(line_pixels(load_image(line)), ""))

    return read


def rendered_lines(seed: int):
    """A function that draws unpainted lines, determined by the generator's state alone."""
    text = SyntheticText(
        "train", seed, lines=0.3, height=(HEIGHT, HEIGHT), max_characters=60, stride=STRIDE
    )

    def draw(rng: np.random.Generator) -> Rendered:
        return Rendered(text.draw(rng), drawn_seed(rng))

    return draw
