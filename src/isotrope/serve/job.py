"""What passes between the server and its workers: a request's files, and the answer."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any, NamedTuple

from isotrope.serve.limits import Limits


class File(NamedTuple):
    """A file to read.

    Args:
        name: As the client calls it.
        content: An image or a PDF.
    """

    name: str
    content: bytes


class Choice(NamedTuple):
    """Who reads. These are names or paths of the server's own choice, never a client's text.

    Args:
        engine: A name of `isotrope.ocr.engines.ENGINES`.
        adapter: A shipped one's name, or a folder. None: none.
        detector: A name, or a folder. None: the default.
    """

    engine: str
    adapter: str | None = None
    detector: str | None = None


@dataclass(frozen=True)
class Job:
    """A request to read files.

    Args:
        files: One or more.
        choice: Who reads them.
        format: "json", or the name of a format.
        crops: Whether each image is one word or line.
        min_confidence: Texts of a lower confidence are left out.
    """

    files: list[File]
    choice: Choice
    format: str = "json"
    crops: bool = False
    min_confidence: float = 0.0


@dataclass(frozen=True)
class PictureJob:
    """A request for the picture of a page, for browsers that cannot show it themselves.

    Args:
        content: A file.
        page: Its number in the file, from 1.
    """

    content: bytes
    page: int = 1


@dataclass(frozen=True)
class Answer:
    """What a client gets.

    Args:
        body: The content.
        media_type: Of the content.
        name: The name of the file to save it as. None: it is not one.
        pages: How many pages, words or lines were read.
        of: For the picture of a page, how many pages its file has.
    """

    body: bytes
    media_type: str
    name: str | None = None
    pages: int = 0
    of: int | None = None


@dataclass(frozen=True)
class Setup:
    """What a worker needs to know once.

    Args:
        choice: Who reads by default; loaded at the start.
        limits: Of a request.
        reader: More arguments of `Reader.from_pretrained`, for the default engine alone.
        threads: Threads of a worker.
    """

    choice: Choice
    limits: Limits
    reader: dict[str, Any] = field(default_factory=dict)
    threads: int = 1
