"""What is done to files, in this process or another: their pages, or words and lines, are read."""

from __future__ import annotations

import warnings
from collections import deque
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from functools import partial
from itertools import islice
from pathlib import Path
from typing import TYPE_CHECKING, Any, Literal, NamedTuple, Protocol

from isotrope.io.errors import ImageError
from isotrope.jobs.inputs import NOTHING, STDIN

if TYPE_CHECKING:
    import numpy as np

    from isotrope.io.sheets import PageImage
    from isotrope.ocr.document import Page
    from isotrope.ocr.reader import Reader
    from isotrope.ocr.reading import Reading


@dataclass(frozen=True)
class Item:
    """A file to read.

    Args:
        path: Where it is.
        relative: As in `Found`.
        content: That of standard input, or of another pipe that this process has open.
        picture: Where its pages are drawn.
        thumbnail: Whether its images are wanted, for a sheet.
    """

    path: Path
    relative: Path
    content: bytes | None = None
    picture: Path | None = None
    thumbnail: bool = False


class Event(NamedTuple):
    """Something about one file of a task.

    Args:
        index: Which file.
        kind: A "result"; a "problem", after which it counts as failed; a "warning"; or its "end".
        value: The result, or a line of text.
    """

    index: int
    kind: Literal["result", "problem", "warning", "end"]
    value: Any = None


class Loaded(NamedTuple):
    """Work that is ready.

    Args:
        read: Reads the files of a task, in order.
        size: How many files a task should have.
    """

    read: Callable[[Sequence[Item]], Iterator[Event]]
    size: int


class Work(Protocol):
    """Reads files; it can be pickled, and is loaded where it runs."""

    def load(self, threads: int | None = None) -> Loaded:
        """Load a reader.

        Args:
            threads: Number of CPU threads. None: the reader's default.
        """
        ...


class PageRead(NamedTuple):
    """A page that was read.

    Args:
        page: As it is, with its file and number.
        count: How many pages the file has.
        same: Whether it is the same document at each turn.
    """

    page: Page
    count: int
    same: bool


class CropRead(NamedTuple):
    """An image of a word or line that was read.

    Args:
        name: Its file, or `FILE#2`.
        readings: One for each turn.
        thumbnail: The image, small, if it was asked for.
    """

    name: str
    readings: Sequence[Reading]
    thumbnail: np.ndarray | None


@dataclass(frozen=True)
class PageWork:
    """Reads whole pages.

    Args:
        reader: Arguments of `Reader.from_pretrained`.
        batch_size: How many lines are read at once.
        turns: Each page is turned by these degrees, read again and compared.
        skip_text: Whether to pass over the pages of PDF files that have text.
    """

    reader: Mapping[str, Any]
    batch_size: int = 32
    turns: Sequence[int] = (0,)
    skip_text: bool = False

    def load(self, threads: int | None = None) -> Loaded:
        """See `Work`."""
        reader = load_reader(self.reader, threads)

        def read(items: Sequence[Item]) -> Iterator[Event]:
            for index, item in enumerate(items):
                for kind, value in self._read(reader, item):
                    yield Event(index, kind, value)
                yield Event(index, "end")

        return Loaded(read, 1)

    def _read(self, reader: Reader, item: Item) -> Iterator[tuple[Any, Any]]:
        image = None
        for image in images_of(item, self.skip_text):
            if isinstance(image, ImageError):
                yield "problem", str(image)
            else:
                yield from self._read_page(reader, item, image)
        if image is None:
            yield "warning", f"{item.path}: all of its pages have text and were passed over"

    def _read_page(self, reader: Reader, item: Item, image: PageImage) -> Iterator[tuple[Any, Any]]:
        from isotrope.io.resize import turn
        from isotrope.io.sheets import page_name
        from isotrope.ocr.pages.stream import with_origin

        name = page_name(str(item.path), image.number, image.count)
        turned = (turn(image.pixels, degrees) for degrees in self.turns)
        pages: list[Page] = []
        for page in reader.read_pages(turned, self.batch_size, on_error="return"):
            if isinstance(page, ImageError):
                yield "problem", str(ImageError(page.problem, name))
                return
            pages.append(with_origin(page, image, str(item.path)))
        differing = [
            f"{degrees}°"
            for degrees, page in zip(self.turns, pages, strict=True)
            if page != pages[0].turned(degrees)
        ]
        if differing:
            yield "warning", f"{name}: another document at {' '.join(differing)}"
        if item.picture is not None:
            yield from self._draw(item.picture, image, pages)
        yield "result", PageRead(pages[0], image.count, not differing)

    def _draw(
        self, picture: Path, image: PageImage, pages: Sequence[Page]
    ) -> Iterator[tuple[Any, Any]]:
        from isotrope.io.resize import turn
        from isotrope.ocr.overlay import draw_pages

        path = numbered(picture, picture.suffix, image.number, image.count)
        try:
            path.parent.mkdir(parents=True, exist_ok=True)
            draw_pages([turn(image.pixels, degrees) for degrees in self.turns], pages, path)
        except OSError as error:
            yield "problem", unwritable(path, error)


@dataclass(frozen=True)
class CropWork:
    """Reads images of single words or lines.

    Args:
        reader: Arguments of `Reader.from_pretrained`.
        batch_size: How many images are read at once.
        turns: Each image is turned by these degrees and read again.
    """

    reader: Mapping[str, Any]
    batch_size: int = 32
    turns: Sequence[int] = (0,)

    def load(self, threads: int | None = None) -> Loaded:
        """See `Work`."""
        from isotrope.ocr.reader import WINDOW

        reader = load_reader(self.reader, threads)
        window = getattr(reader.engine, "window", WINDOW)  # what it holds at once anyway
        return Loaded(partial(self._read, reader), window * self.batch_size)

    def _read(self, reader: Reader, items: Sequence[Item]) -> Iterator[Event]:
        waiting: deque[Event] = deque()  # a result for each image that is being read

        def images() -> Iterator[np.ndarray]:
            for index, item in enumerate(items):
                for image in images_of(item):
                    if isinstance(image, ImageError):
                        waiting.append(Event(index, "problem", str(image)))
                    else:
                        waiting.append(Event(index, "result", _crop(item, image)))
                        yield image.pixels
                waiting.append(Event(index, "end"))

        turns = len(self.turns)
        stream = reader.stream(
            images(), self.batch_size, on_error="return", turns=self.turns, soon=False
        )
        while readings := list(islice(stream, turns)):
            yield from _until_result(waiting)
            event = waiting.popleft()
            yield from _answered(event, readings)
        yield from waiting


def _crop(item: Item, image: PageImage) -> CropRead:
    from isotrope.io.sheets import page_name
    from isotrope.ocr.sheet import thumbnail

    small = thumbnail(image.pixels) if item.thumbnail else None
    return CropRead(page_name(str(item.path), image.number, image.count), (), small)


def _answered(event: Event, readings: Sequence[Reading | ImageError]) -> Iterator[Event]:
    """The event of an image that was read at each turn, with its warnings before it."""
    index, name = event.index, event.value.name
    said: dict[str, None] = {}
    for reading in readings:
        if isinstance(reading, ImageError):
            yield Event(index, "problem", str(ImageError(reading.problem, name)))
            return
        said.update(dict.fromkeys(reading.warnings))
    for warning in said:
        yield Event(index, "warning", f"{name}: {warning}")
    yield event._replace(value=event.value._replace(readings=readings))


def _until_result(waiting: deque[Event]) -> Iterator[Event]:
    while waiting[0].kind != "result":
        yield waiting.popleft()


def load_reader(given: Mapping[str, Any], threads: int | None = None) -> Reader:
    """Load a reader, quietly; libraries that decode files will be quiet too."""
    from isotrope.io.opening import silence_decoders
    from isotrope.ocr.reader import Reader

    silence_decoders()
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        options = dict(given) if threads is None else {**given, "threads": threads}
        return Reader.from_pretrained(**options)


def images_of(item: Item, skip_text: bool = False) -> Iterable[PageImage | ImageError]:
    """The pages of a file, decoded one at a time, or errors in their place, which name them."""
    from isotrope.io.sheets import page_images

    if item.path == STDIN and not item.content:
        return [ImageError(NOTHING, str(STDIN))]
    return page_images(item.content or item.path, skip_text, str(item.path))


def numbered(path: Path, suffix: str, number: int, count: int) -> Path:
    """The output of one page: `a-2.png` for page 2 if there are several, else `a.png`."""
    if count == 1:
        return path
    suffix = suffix if path.name.endswith(suffix) else path.suffix
    return path.with_name(f"{path.name.removesuffix(suffix)}-{number}{suffix}")


def unwritable(path: Path | str, error: OSError) -> str:
    """One line for an output that cannot be written."""
    return f"{path}: cannot be written ({error.strerror or error}); free or change it"
