"""What a worker does with a request: open its files, read them, write the answer. No torch."""

from __future__ import annotations

import json
from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

from isotrope.io.errors import ImageError
from isotrope.io.sheets import PageImage, page_images
from isotrope.ocr.document_json import page_to_json
from isotrope.ocr.formats.json import json_objects
from isotrope.ocr.pages.frame import turn_scores, upright
from isotrope.ocr.pages.stream import with_origin
from isotrope.ocr.reading import TURNS
from isotrope.ocr.windows import check_size
from isotrope.serve.documents import crops_document, pages_document
from isotrope.serve.job import Answer, File, Job, PictureJob, Setup
from isotrope.serve.limits import Refusal
from isotrope.serve.picture import picture
from isotrope.serve.readers import Loaded, Readers

if TYPE_CHECKING:
    from isotrope.ocr.document import Page
    from isotrope.ocr.reading import Reading


@dataclass
class Read:
    """What was read of a file.

    Args:
        name: Of the file.
        results: For each of its pages a `Page`, or with `crops` a `Reading`, and the four scores.
        problems: Why pages, or the whole file, could not be read, one line each.
    """

    name: str
    results: list[tuple[Any, tuple[float, ...]]] = field(default_factory=list)
    problems: list[str] = field(default_factory=list)


class Answerer:
    """Answers requests, one at a time.

    Args:
        setup: As for a `Worker`.

    Raises:
        ValueError, OSError, ModuleNotFoundError: The default reader cannot be loaded.
    """

    def __init__(self, setup: Setup) -> None:
        from PIL import Image

        self._limits = setup.limits
        # The size in a file's header is compared with this before anything is decoded.
        Image.MAX_IMAGE_PIXELS = setup.limits.pixels
        self._readers = Readers(setup)

    def answer(self, job: Job | PictureJob) -> Answer:
        """Do what a request asks for.

        Raises:
            Refusal: Nothing could be read, or what was read does not go into the format.
        """
        return picture(job) if isinstance(job, PictureJob) else self._answer(job)

    def _answer(self, job: Job) -> Answer:
        loaded = self._loaded(job)
        pages = 0
        files: list[Read] = []
        for file in job.files:
            files.append(self._read(file, job, loaded, pages))
            pages += len(files[-1].results) + len(files[-1].problems)
        problems = [f"{of.name}: {line}" for of in files for line in of.problems]
        if problems and (job.format != "json" or not any(of.results for of in files)):
            raise Refusal(422, problems[0] if len(job.files) > 1 else files[0].problems[0])
        if job.format == "json":
            body = json.dumps({"files": [_json(of, job.crops) for of in files]}, ensure_ascii=False)
            encoded = body.encode("utf-8", "backslashreplace")  # as the format jsonl
            return Answer(encoded, "application/json", pages=pages)
        results = [(of.name, [result for result, _ in of.results]) for of in files]
        if job.crops:
            return crops_document(job.format, results)
        return pages_document(job.format, results, [file.content for file in job.files])

    def _loaded(self, job: Job) -> Loaded:
        try:
            return self._readers.get(job.choice).at_least(job.min_confidence)
        except (ValueError, OSError, ModuleNotFoundError) as error:
            raise Refusal(422, str(error).replace("\n", " ")) from error

    def _read(self, file: File, job: Job, loaded: Loaded, before: int) -> Read:
        """Read a file.

        Raises:
            Refusal: It has too many pages, with those that came `before`.
        """
        read = Read(file.name)
        for image in self._images(file.content, before):
            try:
                if isinstance(image, ImageError):
                    raise image
                check_size(image.pixels)
                read.results.append(
                    _crop(image, loaded) if job.crops else _page(image, loaded, file.name)
                )
            except ImageError as error:
                read.problems.append(_line(error, image))
        return read

    def _images(self, content: bytes, before: int) -> Iterator[PageImage | ImageError]:
        most = self._limits.pages
        for number, image in enumerate(page_images(content), start=1):
            count = number if isinstance(image, ImageError) else image.count
            if before + count > most:
                raise Refusal(
                    413, f"{before + count} pages; at most {most} at once: send it in parts"
                )
            yield image


def _page(image: PageImage, loaded: Loaded, name: str) -> tuple[Page, tuple[float, ...]]:
    frame = upright(image.pixels, loaded.pages.finder)
    page = loaded.pages.read_frame(frame)
    return with_origin(page, image, name), frame.scores


def _crop(image: PageImage, loaded: Loaded) -> tuple[Reading, tuple[float, ...]]:
    scores = turn_scores(image.pixels, loaded.pages.finder)
    (reading,) = loaded.reader.read([image.pixels])
    return reading, scores


def _line(error: ImageError, image: PageImage | ImageError) -> str:
    """A problem in one line; the readers of words and lines name an image by its position."""
    if not isinstance(image, ImageError) and image.count > 1:
        return f"page {image.number}: {error.problem}"
    return error.problem


def _json(read: Read, crops: bool) -> dict[str, Any]:
    if crops:
        rows = json_objects(((read.name, [reading]) for reading, _ in read.results), (0,))
    else:
        rows = (page_to_json(page) for page, _ in read.results)
    pages = [
        row | {"scores": {str(turn): round(s, 6) for turn, s in zip(TURNS, scores, strict=True)}}
        for row, (_, scores) in zip(rows, read.results, strict=True)
    ]
    return {"name": read.name, "pages": pages, "error": "; ".join(read.problems) or None}
