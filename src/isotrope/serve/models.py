"""The JSON of the API, for its description in OpenAPI."""

from __future__ import annotations

from dataclasses import dataclass, field

from pydantic import BaseModel

from isotrope.ocr.document import Page

SCORES = (
    "The probabilities that the image is turned by 0, 90, 180 and 270 degrees counter-clockwise "
    "from upright, by these names. A turn of the image permutes them exactly."
)


@dataclass(frozen=True, kw_only=True)
class ScoredPage(Page):
    """A page: its regions, lines and words in reading order, in pixels of the page as it is."""

    scores: dict[str, float] = field(metadata={"description": SCORES})


class ScoredReading(BaseModel):
    """A word or line."""

    file: str
    text: str
    confidence: float
    orientation: int
    slant: float
    characters: list[float]
    warnings: list[str]
    adapter: str | None = None
    scores: dict[str, float]


class ReadFile(BaseModel):
    """What was read of a file; `error` says in one line what could not be."""

    name: str
    pages: list[ScoredPage | ScoredReading]
    error: str | None = None


class ReadAnswer(BaseModel):
    """The files of a request, in order."""

    files: list[ReadFile]


class Problem(BaseModel):
    """Why a request was not answered, and what to do, in one line."""

    error: str


class FormatName(BaseModel):
    """A format of documents."""

    name: str
    suffix: str
    media_type: str


class LimitsOut(BaseModel):
    """What one request may ask for."""

    bytes: int
    pages: int
    pixels: int
    seconds: float
    queue: int


class Defaults(BaseModel):
    """Who reads if a request does not say."""

    engine: str
    adapter: str | None
    detector: str


class Options(BaseModel):
    """What a request may choose from."""

    engines: list[str]
    adapters: list[str]
    adapters_of: dict[str, list[str]]
    detectors: list[str]
    defaults: Defaults
    formats: list[FormatName]
    crop_formats: list[FormatName]
    limits: LimitsOut


class Health(BaseModel):
    """The state of the server."""

    status: str
    version: str
    workers: int
    ready: int
    busy: int
    queue: int
