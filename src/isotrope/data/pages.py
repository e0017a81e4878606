"""Text lines cut from whole pages that archives have transcribed: PAGE-XML and ALTO."""

from __future__ import annotations

import logging
from dataclasses import dataclass
from functools import lru_cache
from pathlib import Path
from xml.etree import ElementTree

import numpy as np
import torch
from PIL import Image, ImageDraw
from torch import Tensor

from isotrope.data.images import SUFFIXES, ImageError, load_image
from isotrope.data.lines import LabelledLines

logger = logging.getLogger(__name__)

Point = tuple[float, float]


@dataclass(frozen=True)
class Outline:
    """Where a line lies: the page image, and the corners `(x, y)` of a polygon in its pixels."""

    image: Path
    corners: tuple[Point, ...]


class PageLines(LabelledLines):
    """The transcribed lines of a folder of PAGE-XML or ALTO files, page images beside them.

    A line is cut along its polygon; what lies outside takes the colour of the paper. A page that
    cannot be read is reported and left out, and so are lines without text or outline.

    Raises:
        ValueError: no page of the folder could be read; on access, an image that cannot be.
    """

    def __init__(self, path: str | Path) -> None:
        self.path = Path(path)
        self.items: list[tuple[Outline, str]] = []
        for file in sorted(self.path.rglob("*.xml")):
            try:
                self.items += page_lines(file)
            except ValueError as error:
                logger.warning("%s; this page is left out", error)
        if not self.items:
            raise ValueError(
                f"{self.path} has no page with transcribed lines; give PAGE-XML or ALTO files with "
                "their images beside them, or line images with a labels.tsv"
            )

    def __getitem__(self, index: int) -> tuple[Tensor, str]:
        """The line's image `(3, H, W)` in [0, 1] and its text."""
        outline, text = self.items[index]
        return cut(_page(outline.image), outline.corners), text

    def ratio(self, index: int) -> float:
        """Width over height of the box around a line."""
        x, y = zip(*self.items[index][0].corners, strict=True)
        return (max(x) - min(x)) / max(1.0, max(y) - min(y))


def load_lines(path: str | Path) -> LabelledLines:
    """Labelled lines of whatever form lies at `path`.

    Args:
        path: a folder or tar of line images with `labels.tsv`, or a folder of PAGE-XML or ALTO.

    Raises:
        ValueError: neither.
    """
    path = Path(path)
    pages = path.is_dir() and not (path / "labels.tsv").is_file() and any(path.rglob("*.xml"))
    return PageLines(path) if pages else LabelledLines(path)


def page_lines(file: Path) -> list[tuple[Outline, str]]:
    """The lines of one PAGE-XML or ALTO file, in its order.

    Raises:
        ValueError: broken XML, another format, another unit than pixels, or no image.
    """
    try:
        root = ElementTree.parse(file).getroot()
    except (ElementTree.ParseError, OSError, UnicodeDecodeError) as error:
        raise ValueError(f"{file} is not whole XML ({error}); export it again") from error
    kind = _name(root)
    if kind not in _FORMATS:
        raise ValueError(f"{file} is <{kind}>, neither PAGE-XML (PcGts) nor ALTO; export it as one")
    try:
        named, lines = _FORMATS[kind](root)
        image = _image_beside(file, named)
        return [(Outline(image, corners), text) for corners, text in lines if text]
    except ValueError as error:
        raise ValueError(f"{file}: {error}") from error


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


@lru_cache(maxsize=4)  # the lines of a page are asked for one after the other
def _page(path: Path) -> Tensor:
    return load_image(path)


def _image_beside(file: Path, named: str | None) -> Path:
    """The image that an XML file names, or the one with its own name."""
    if named:
        name = named.replace("\\", "/").rpartition("/")[2]
        if (file.parent / name).is_file():
            return file.parent / name
    suffixes = (s for suffix in sorted(SUFFIXES) for s in (suffix, suffix.upper()))
    for suffix in suffixes:
        if file.with_suffix(suffix).is_file():
            return file.with_suffix(suffix)
    told = f"{named!r} is not beside it" if named else "it names no image"
    raise ValueError(f"{told}; put the page's image into {file.parent}")


def _page_xml(root: ElementTree.Element) -> tuple[str | None, list[tuple[tuple[Point, ...], str]]]:
    page = next((e for e in root.iter() if _name(e) == "Page"), None)
    lines = []
    for line in (e for e in root.iter() if _name(e) == "TextLine"):
        outline = _child(line, "Coords")
        readings = [e for e in line if _name(e) == "TextEquiv"]
        readings.sort(key=lambda e: int(e.get("index", 0)))  # the likeliest is the first
        text = _child(readings[0], "Unicode") if readings else None
        if outline is not None and text is not None and outline.get("points"):
            lines.append((_points(outline.get("points")), _clean(text.text)))
    return page.get("imageFilename") if page is not None else None, lines


def _alto(root: ElementTree.Element) -> tuple[str | None, list[tuple[tuple[Point, ...], str]]]:
    texts = {_name(e): (e.text or "").strip() for e in root.iter() if len(e) == 0}
    unit = texts.get("MeasurementUnit", "pixel")
    if unit != "pixel":  # ALTO's other units need the scan's resolution, which it does not tell
        raise ValueError(f"its coordinates are in {unit}, not in pixels; export it in pixels")
    lines = []
    for line in (e for e in root.iter() if _name(e) == "TextLine"):
        polygon = next((e.get("POINTS") for e in line.iter() if _name(e) == "Polygon"), None)
        corners = _points(polygon) if polygon else _box(line)
        words = (e for e in line if _name(e) in ("String", "SP", "HYP"))
        text = "".join(" " if _name(e) == "SP" else e.get("CONTENT", "") for e in words)
        if corners:
            lines.append((corners, _clean(text)))
    return texts.get("fileName"), lines


_FORMATS = {"PcGts": _page_xml, "alto": _alto}


def _box(line: ElementTree.Element) -> tuple[Point, ...]:
    names = ("HPOS", "VPOS", "WIDTH", "HEIGHT")
    if any(line.get(name) is None for name in names):
        return ()
    x, y, width, height = (float(line.get(name)) for name in names)
    return (x, y), (x + width, y), (x + width, y + height), (x, y + height)


def _points(text: str) -> tuple[Point, ...]:
    """`"1,2 3,4"` or `"1 2 3 4"` as pairs."""
    numbers = [float(n) for n in text.replace(",", " ").split()]
    if len(numbers) < 6 or len(numbers) % 2:
        raise ValueError(f"the outline {text[:40]!r} is no polygon; export it again")
    return tuple(zip(numbers[::2], numbers[1::2], strict=True))


def _clean(text: str | None) -> str:
    return " ".join((text or "").split())


def _name(element: ElementTree.Element) -> str:
    """Without the namespace, which changes with every version of the formats."""
    return element.tag.rpartition("}")[2]


def _child(element: ElementTree.Element, name: str) -> ElementTree.Element | None:
    return next((e for e in element if _name(e) == name), None)
