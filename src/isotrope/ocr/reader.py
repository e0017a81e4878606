"""The reader: reads text from images, identically whichever way up they are. No torch."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass, replace
from functools import cached_property
from pathlib import Path
from typing import Literal, TypeVar, overload

import numpy as np

from isotrope.io.images import ImageError, ImageSource
from isotrope.ocr.adapter_names import Given
from isotrope.ocr.detection import Detector, make_detector
from isotrope.ocr.document import Page
from isotrope.ocr.engines import Engine, make_engine, readapted
from isotrope.ocr.engines.adapted import Adapted
from isotrope.ocr.engines.translating import Translate, translated
from isotrope.ocr.finders import make_finder
from isotrope.ocr.loading import default_engine
from isotrope.ocr.orientation.orbit import OrbitFinder
from isotrope.ocr.pages.reader import PageReader
from isotrope.ocr.pages.stream import page_reader, read_pages
from isotrope.ocr.reading import Reading
from isotrope.ocr.upright import read_upright
from isotrope.ocr.views import Finder
from isotrope.ocr.windows import check_size, raised, read_each, turned, windows

T = TypeVar("T")

WINDOW = 2
"""Number of batches held at once, if the engine does not say; more are fuller, fewer are sooner."""


@dataclass(frozen=True, eq=False)
class Reader:
    """Reads words and lines in any orientation: it finds which way is up, then reads.

    The finder is equivariant, so the engine sees the same set of turned-back images, and gives the
    same text, at every turn of the input: this is canonicalization (Kaba et al. 2023,
    https://arxiv.org/abs/2211.06489). It works with any engine. An equivariant engine gets the
    image as it is.

    Args:
        engine: Reads upright lines.
        finder: Finds which way is up. None: the engine itself, by reading all four turns.
        min_confidence: Texts with lower confidence are dropped: their `Reading` is empty.
        detector: Finds the lines of pages. None: the shipped one.

    Raises:
        ValueError: `min_confidence` is outside [0, 1].
    """

    engine: Engine
    finder: Finder | None = None
    min_confidence: float = 0.0
    detector: Detector | None = None

    def __post_init__(self) -> None:
        if not 0 <= self.min_confidence <= 1:
            raise ValueError(f"min_confidence={self.min_confidence} must be in [0, 1]")
        if self.finder is None and not self._equivariant:
            object.__setattr__(self, "finder", OrbitFinder(self.engine))

    @classmethod
    def from_pretrained(
        cls,
        path: str | Path | None = None,
        adapter: Given = None,
        engine: str | Engine | Callable | None = None,
        model: str | None = None,
        finder: str | Path | Finder = "isotrope",
        min_confidence: float = 0.0,
        threads: int | None = None,
        device: str | None = None,
        runtime: str | None = None,
        beams: int | None = None,
        language: str | None = None,
        detector: str | Path | Detector | None = None,
        translate: str | Path | Translate | None = None,
    ) -> Reader:
        """Load a reader from saved weights.

        None means the engine's default. An engine rejects options that it does not support.

        Args:
            path: The folder of the engine's weights. None: the shipped ones.
            adapter: A LoRA adapter (isotrope, gsanet, trocr): its folder, a shipped one's name, or
                a sum such as "0.7*A+0.3*B". "auto": the one that suits each page, or each image
                of `read`; "auto:FOLDER": also of those in FOLDER. "none": None.
            engine: A name of `isotrope.ocr.engines.ENGINES`, or a function as in `make_engine`.
                None: "isotrope", or the one whose weights `path` contains.
            model: "small" or "tiny" (isotrope, rapidocr).
            finder: "isotrope": the shipped finder. A folder: a finder's weights. "orbit": the
                engine reads all four turns, and the most confident text decides.
            min_confidence: As in the constructor.
            threads: Number of CPU threads; engines on torch use torch's setting.
            device: "cpu", "cuda", "mps" (gsanet, trocr), or "auto", the fastest. None: the CPU.
                Finder and detector use the GPU if onnxruntime supports it.
            runtime: "auto", "torch" or "onnx" (gsanet).
            beams: Beam width (gsanet, trocr).
            language: Tesseract's codes, such as "deu+fra".
            detector: "pp-ocr", "isotrope", a folder of weights, or a detector. None: the default.
            translate: Translates what the engine reads, as in `engines.translating.translated`.

        Raises:
            ValueError: There are no weights at `path` or no matching adapter at `adapter`, a name
                is not known, `threads` is below 1, or the engine does not take an option.
            ModuleNotFoundError: A package that the engine needs is not installed.
        """
        if threads is not None and threads < 1:
            raise ValueError(f"threads={threads} must be at least 1; leave it out to use all cores")
        named = engine is None or isinstance(engine, str)
        built = make_engine(
            default_engine(path) if engine is None else engine,
            **{"path": path, "adapter": adapter, "model": model, "language": language},
            **{"runtime": runtime, "beams": beams},
            **({"threads": threads, "device": device} if named else {}),
        )
        built = translated(built, translate, device)
        place = device if device in (None, "cpu") else "auto"  # onnxruntime may lack torch's device
        lines = make_detector(detector, threads=threads, device=place)
        if getattr(built, "equivariant", False):
            return cls(built, None, min_confidence, lines)
        return cls(built, make_finder(finder, threads, place), min_confidence, lines)

    @overload
    def read(
        self,
        images: ImageSource | Iterable[ImageSource],
        batch_size: int = ...,
        on_error: Literal["raise"] = ...,
        adapters: Iterable[Given] | None = ...,
    ) -> list[Reading]: ...

    @overload
    def read(
        self,
        images: ImageSource | Iterable[ImageSource],
        batch_size: int = ...,
        *,
        on_error: Literal["return"],
        adapters: Iterable[Given] | None = ...,
    ) -> list[Reading | ImageError]: ...

    def read(
        self,
        images: ImageSource | Iterable[ImageSource],
        batch_size: int = 32,
        on_error: Literal["raise", "return"] = "raise",
        adapters: Iterable[Given] | None = None,
    ) -> list[Reading] | list[Reading | ImageError]:
        """Read one image or many.

        Args:
            images: One image, or an iterable of images, of any kind that `load_pixels` takes.
            batch_size: Number of images of one size per pass through a model.
            on_error: What to do if an image cannot be read. "raise": raise its `ImageError` and
                return nothing. "return": put its `ImageError` in its place in the list and read the
                others.
            adapters: One for each image, as in `with_adapter`, in place of the reader's own. Images
                of one adapter are read together, and threads may read with others at the same time.

        Returns:
            One `Reading` for each image, in order.

        Raises:
            ImageError: An image cannot be read; the message names the file, or the position in
                `images`.
            ValueError: An adapter does not exist or does not fit, or there are fewer than images.
        """
        return list(self._checked(images, batch_size, on_error, (0,), False, adapters))

    @overload
    def stream(
        self,
        images: ImageSource | Iterable[ImageSource],
        batch_size: int = ...,
        on_error: Literal["raise"] = ...,
        turns: Sequence[int] = ...,
        soon: bool = ...,
    ) -> Iterator[Reading]: ...

    @overload
    def stream(
        self,
        images: ImageSource | Iterable[ImageSource],
        batch_size: int = ...,
        *,
        on_error: Literal["return"],
        turns: Sequence[int] = ...,
        soon: bool = ...,
    ) -> Iterator[Reading | ImageError]: ...

    def stream(
        self,
        images: ImageSource | Iterable[ImageSource],
        batch_size: int = 32,
        on_error: Literal["raise", "return"] = "raise",
        turns: Sequence[int] = (0,),
        soon: bool = True,
    ) -> Iterator[Reading] | Iterator[Reading | ImageError]:
        """Like `read`, one result at a time, with bounded memory for any number of images.

        Args:
            images, batch_size, on_error: As in `read`.
            turns: Degrees counter-clockwise, multiples of 90: each image is turned (exactly) by
                each and read again.
            soon: Whether to read few images at first, for early results.

        Yields:
            The results of the first image at each of `turns`, then of the second, and so on.
        """
        return self._checked(images, batch_size, on_error, turns, soon)

    def read_pages(
        self,
        pages: ImageSource | Iterable[ImageSource],
        batch_size: int = 32,
        on_error: Literal["raise", "return"] = "raise",
    ) -> Iterator[Page]:
        """Read whole pages, with `pages`: see `isotrope.ocr.pages.stream.read_pages`."""
        return read_pages(self.pages, pages, batch_size, on_error)

    @cached_property
    def pages(self) -> PageReader:
        """The reader of pages with this engine, finder and detector; made once."""
        return page_reader(self.engine, self.finder, self.detector, self.min_confidence)

    def _checked(
        self,
        images: ImageSource | Iterable[ImageSource],
        batch_size: int,
        on_error: str,
        turns: Sequence[int],
        soon: bool,
        adapters: Iterable[Given] | None = None,
    ) -> Iterator[Reading | ImageError]:
        """Check the arguments, then read; `soon` as in `stream`."""
        if batch_size < 1:
            raise ValueError(f"batch_size={batch_size} must be at least 1")
        if on_error not in ("raise", "return"):
            raise ValueError(f"on_error={on_error!r} must be 'raise' or 'return'")
        if any(degrees % 90 for degrees in turns):
            raise ValueError(f"turns={tuple(turns)} must be multiples of 90 degrees")
        prepared = turned(images, turns, getattr(self.engine, "check", check_size))
        names = None if adapters is None else iter(adapters)
        if on_error == "return":
            return self._stream(prepared, batch_size, soon, names)
        return map(raised, self._stream(map(raised, prepared), batch_size, soon, names))

    def with_adapter(self, adapter: Given) -> Reader:
        """Return another reader with this adapter, or None for no adapter, sharing what it can.

        Args:
            adapter: As in `from_pretrained` (isotrope, gsanet, trocr).

        Raises:
            ValueError: The adapter does not exist or does not fit, or the engine takes no adapters.
        """
        finder = None if isinstance(self.finder, OrbitFinder) else self.finder
        return replace(self, engine=readapted(self.engine, adapter), finder=finder)

    @property
    def _equivariant(self) -> bool:
        return getattr(self.engine, "equivariant", False)

    def _stream(
        self, prepared, batch_size: int, soon: bool, adapters: Iterator[Given] | None
    ) -> Iterator[Reading | ImageError]:
        most = getattr(self.engine, "window", WINDOW) * batch_size
        for window in windows(prepared, batch_size if soon else most, most):
            count = len(window)
            each = self._adapted.each(adapters, count) if adapters else [self.engine] * count
            pairs = [
                (i, e) for i, e in zip(window, each, strict=True) if not isinstance(i, ImageError)
            ]
            readings = iter(read_each(self._read, pairs, batch_size))
            yield from [
                image if isinstance(image, ImageError) else self._sure(next(readings))
                for image in window
            ]

    def _read(self, pairs: Sequence[tuple[np.ndarray, Engine]], batch_size: int) -> list[Reading]:
        """Read each image with its engine."""
        images, engines = zip(*pairs, strict=True) if pairs else ((), ())
        return read_upright(engines, None if self._equivariant else self.finder, images, batch_size)

    @cached_property
    def _adapted(self) -> Adapted:
        return Adapted(self.engine)

    def _sure(self, reading: Reading | ImageError) -> Reading | ImageError:
        """Drop the text of a reading if its confidence is too low."""
        if isinstance(reading, ImageError) or reading.confidence >= self.min_confidence:
            return reading
        return replace(reading, text="", characters=(), warnings=(), source="")
