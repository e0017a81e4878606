"""Text lines cut from whole pages that archives have transcribed: PAGE-XML and ALTO."""

from __future__ import annotations

import io
import logging
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from urllib.parse import unquote
from xml.etree import ElementTree
from xml.etree.ElementTree import Element

import numpy as np
import torch
from PIL import Image, ImageDraw
from torch import Tensor

from isotrope.data.images import load_encoded, load_image
from isotrope.data.lines import LabelledLines
from isotrope.io.images import ImageError, image_suffixes
from isotrope.text.normalise import clean

logger = logging.getLogger(__name__)

Point = tuple[float, float]

_FEW_PAGES = 5  # fewer, and a page held out would be a fifth or more of all


@dataclass(frozen=True)
class Outline:
    """Where a line lies: the page image, and the corners `(x, y)` of a polygon in its pixels.

    `size`: width and height of the image that was transcribed, where the file tells.
    """

    image: Path
    corners: tuple[Point, ...]
    size: tuple[float, float] | None = None


class PageLines(LabelledLines):
    """The transcribed lines of a folder of PAGE-XML or ALTO files, page images beside them.

    A line is cut along its polygon; what lies outside takes the colour of the paper. A page that
    cannot be read is reported and left out, and so are lines without text or outline, and a second
    file of the same page.

    Args:
        collections: names of the folders to take, of those that hold the files; None: all.

    Raises:
        ValueError: no page of the folder could be read; on access, an image that cannot be.
    """

    def __init__(self, path: str | Path, collections: Sequence[str] | None = None) -> None:
        self.path = Path(path)
        self.items: list[tuple[Outline, str]] = []
        self._crops: dict[Outline, bytes | ImageError] = {}
        sources: dict[Path, Path] = {}
        for file in sorted(self.path.rglob("*.xml")):
            if collections is not None and file.parent.name not in collections:
                continue
            try:
                lines = page_lines(file)
            except ValueError as error:
                logger.warning("%s; this page is left out", error)
                continue
            if lines and (image := lines[0][0].image) in sources:
                logger.warning("%s is left out: %s has that page", file, sources[image])
            elif lines:
                sources[image] = file
                self.items += lines
        if not self.items:
            raise ValueError(
                f"{self.path} has no page with transcribed lines; give PAGE-XML or ALTO files with "
                "their images beside them, or line images with a labels.tsv"
            )

    def split(self, every: int) -> tuple[LabelledLines, LabelledLines]:
        """All pages but every `every`-th, and those; lines instead where there are few pages.

        Lines of one page are alike: to hold out some of them tells little of other pages.
        """
        pages = sorted({outline.image for outline, _ in self.items})
        if len(pages) < _FEW_PAGES:
            logger.warning(
                "%s: %d pages, too few to hold one out: lines are, of the same pages",
                *(self.path, len(pages)),
            )
            return super().split(every)
        held = set(pages[::every])
        inside = [outline.image in held for outline, _ in self.items]
        return self.keep(lambda i, _: not inside[i]), self.keep(lambda i, _: inside[i])

    def __getitem__(self, index: int) -> tuple[Tensor, str]:
        """The line's image `(3, H, W)` in [0, 1] and its text."""
        outline, text = self.items[index]
        if outline not in self._crops:
            self._cut_page(outline.image)
        crop = self._crops[outline]
        if isinstance(crop, ImageError):
            raise crop
        return load_encoded(crop), text

    def _cut_page(self, image: Path) -> None:
        """All lines of a page at once: it is large to open, and lines are asked for at random."""
        page = load_image(image)
        for outline, _ in self.items:
            if outline.image == image:
                try:
                    self._crops[outline] = _png(cut(page, _corners_on(page, outline)))
                except ImageError as error:
                    self._crops[outline] = error

    def ratio(self, index: int) -> float:
        """Width over height of the box around a line."""
        x, y = zip(*self.items[index][0].corners, strict=True)
        return max(1.0, max(x) - min(x)) / max(1.0, max(y) - min(y))


def load_lines(path: str | Path, collections: Sequence[str] | None = None) -> LabelledLines:
    """Labelled lines of whatever form lies at `path`.

    Args:
        path: a folder or tar of line images with `labels.tsv`, or a folder of PAGE-XML or ALTO.
        collections: of pages, as `PageLines` has it.

    Raises:
        ValueError: neither.
    """
    path = Path(path)
    pages = path.is_dir() and not (path / "labels.tsv").is_file() and any(path.rglob("*.xml"))
    return PageLines(path, collections) if pages else LabelledLines(path)


def page_lines(file: Path) -> list[tuple[Outline, str]]:
    """The lines of one PAGE-XML or ALTO file, in its order.

    Raises:
        ValueError: broken XML, another format, another unit than pixels, or no image.
    """
    try:
        root = ElementTree.parse(file).getroot()
    except (ElementTree.ParseError, OSError, UnicodeDecodeError, LookupError) as error:
        raise ValueError(f"{file} is not whole XML ({error}); export it again") from error
    kind = _name(root)
    if kind not in _FORMATS:
        raise ValueError(f"{file} is <{kind}>, neither PAGE-XML (PcGts) nor ALTO; export it as one")
    head, read = _FORMATS[kind]
    try:
        named, size = head(root)
        image = _image_of(file, named)
    except ValueError as error:
        raise ValueError(f"{file}: {error}") from error
    elements = [e for e in root.iter() if _name(e) == "TextLine"]
    lines, faults = [], []
    for number, element in enumerate(elements, start=1):
        try:
            corners, text = read(element)
            lines.append((Outline(image, corners, size), text))
        except ValueError as error:
            faults.append(f"{number} ({error})")
    if faults:
        logger.warning(
            "%s: %d of %d lines left out: %s%s",
            *(file, len(faults), len(elements), ", ".join(faults[:3])),
            ", ..." if faults[3:] else "",
        )
    return lines


def _corners_on(page: Tensor, outline: Outline) -> tuple[Point, ...]:
    """The corners on a page image that may be a smaller or larger copy of the transcribed one."""
    if outline.size is None:
        return outline.corners
    rows, columns = page.shape[1:]
    across, down = columns / outline.size[0], rows / outline.size[1]
    if abs(across / down - 1) > 0.01:
        raise ImageError(
            "{}: {}x{} px, but {:g}x{:g} were transcribed; give that image, not turned or "
            "cropped".format(outline.image, columns, rows, *outline.size)
        )
    return tuple((x * across, y * down) for x, y in outline.corners)


def _png(image: Tensor) -> bytes:
    array = (image * 255).round().byte().permute(1, 2, 0).numpy()
    file = io.BytesIO()
    Image.fromarray(array).save(file, "png", compress_level=1)
    return file.getvalue()


def cut(page: Tensor, corners: tuple[Point, ...]) -> Tensor:
    """The box around a polygon of a page `(3, H, W)`; outside the polygon is the paper's colour.

    Raises:
        ImageError: the polygon lies outside the page.
    """
    rows, columns = page.shape[1:]
    x, y = (np.array(values) for values in zip(*corners, strict=True))
    left, right = max(0, int(x.min())), min(columns, int(np.ceil(x.max())) + 1)
    top, bottom = max(0, int(y.min())), min(rows, int(np.ceil(y.max())) + 1)
    if right - left < 2 or bottom - top < 2:
        raise ImageError(
            f"a line at {left}, {top} lies outside its page of {columns}x{rows} px; "
            "check that the image is the one that was transcribed"
        )
    box = page[:, top:bottom, left:right]
    mask = Image.new("1", (right - left, bottom - top))
    inside = [(float(a) - left, float(b) - top) for a, b in zip(x, y, strict=True)]
    ImageDraw.Draw(mask).polygon(inside, fill=1, outline=1)
    inside = torch.from_numpy(np.array(mask))
    return torch.where(inside, box, _paper(box)[:, None, None])


def _paper(box: Tensor) -> Tensor:
    """The colour of the paper: the median, as ink covers less than half of a line."""
    return box.flatten(1).median(dim=1).values


def _image_of(file: Path, named: str | None) -> Path:
    """The image that an XML file names, beside it or a folder above, or the one with its name."""
    places = []
    if named:
        path = unquote(named.replace("\\", "/"))
        names = dict.fromkeys((path, path.rpartition("/")[2], named))
        places += [folder / n for folder in (file.parent, file.parent.parent) for n in names]
    suffixes = [s for suffix in sorted(image_suffixes()) for s in (suffix, suffix.upper())]
    places += [file.with_suffix(suffix) for suffix in suffixes]
    found = next((place for place in places if place.is_file()), None)
    if found is None:
        told = f"{named!r} is not beside it" if named else "it names no image"
        raise ValueError(f"{told}; put the page's image into {file.parent}")
    return found


def _page_head(root: Element) -> tuple[str | None, tuple[float, float] | None]:
    page = _first(root, "Page")
    named = page.get("imageFilename") if page is not None else None
    return named, _size(page, "imageWidth", "imageHeight")


def _page_line(line: Element) -> tuple[tuple[Point, ...], str]:
    outline = _child(line, "Coords")
    readings = [e for e in line if _name(e) == "TextEquiv"]
    readings.sort(key=lambda e: int(e.get("index", 0)))  # the likeliest is the first
    text = _child(readings[0], "Unicode") if readings else None
    if outline is None:
        raise ValueError("no outline")
    points = outline.get("points")
    if points is None:  # the format of 2010
        points = " ".join(f"{p.get('x')},{p.get('y')}" for p in outline if _name(p) == "Point")
    return _points(points), _written(text.text if text is not None else "")


def _alto_head(root: Element) -> tuple[str | None, tuple[float, float] | None]:
    texts = {_name(e): (e.text or "").strip() for e in root.iter() if len(e) == 0}
    unit = texts.get("MeasurementUnit", "pixel")
    if unit != "pixel":  # ALTO's other units need the scan's resolution, which it does not tell
        raise ValueError(f"its coordinates are in {unit}, not in pixels; export it in pixels")
    return texts.get("fileName"), _size(_first(root, "Page"), "WIDTH", "HEIGHT")


def _alto_line(line: Element) -> tuple[tuple[Point, ...], str]:
    shape = _child(line, "Shape")  # its own, not that of a word
    polygon = _child(shape, "Polygon") if shape is not None else None
    corners = _points(polygon.get("POINTS", "")) if polygon is not None else _box(line)
    text, last = "", None
    for element in line:
        name = _name(element)
        # SP may be left out between two words, and HYP ends the line.
        text += " " if name == "SP" or name == last == "String" else ""
        text += element.get("CONTENT", "") if name in ("String", "HYP") else ""
        last = name
    return corners, _written(text)


_FORMATS = {"PcGts": (_page_head, _page_line), "alto": (_alto_head, _alto_line)}


def _size(page: Element | None, *names: str) -> tuple[float, float] | None:
    sides = [float(page.get(name) or 0) for name in names] if page is not None else [0.0]
    return tuple(sides) if all(side > 0 for side in sides) else None


def _box(line: Element) -> tuple[Point, ...]:
    names = ("HPOS", "VPOS", "WIDTH", "HEIGHT")
    if any(line.get(name) is None for name in names):
        raise ValueError("no outline")
    x, y, width, height = (float(line.get(name)) for name in names)
    return (x, y), (x + width, y), (x + width, y + height), (x, y + height)


def _points(text: str) -> tuple[Point, ...]:
    """`"1,2 3,4"` or `"1 2 3 4"` as pairs."""
    numbers = [float(n) for n in text.replace(",", " ").split()]
    if len(numbers) < 6 or len(numbers) % 2:
        raise ValueError(f"the outline {text[:40]!r} is no polygon")
    return tuple(zip(numbers[::2], numbers[1::2], strict=True))


def _written(text: str | None) -> str:
    if not (cleaned := clean(text)):
        raise ValueError("no text")
    return cleaned


def _name(element: Element) -> str:
    """Without the namespace, which changes with every version of the formats."""
    return element.tag.rpartition("}")[2]


def _child(element: Element, name: str) -> Element | None:
    return next((e for e in element if _name(e) == name), None)


def _first(root: Element, name: str) -> Element | None:
    return next((e for e in root.iter() if _name(e) == name), None)
