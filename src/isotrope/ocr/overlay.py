"""Draw what was read over a page: outlines, directions, reading order and text."""

from __future__ import annotations

import math
from collections.abc import Iterable, Sequence
from functools import cache
from importlib.util import find_spec
from itertools import pairwise
from pathlib import Path
from statistics import median

import numpy as np
from PIL import Image, ImageDraw, ImageFont

from isotrope.io.files import replacing
from isotrope.ocr.document import Line, Page
from isotrope.ocr.geometry import Point, Points

SUFFIXES = (".png", ".jpg", ".jpeg", ".webp", ".tif", ".tiff", ".pdf")
"""Supported suffixes for the file of a picture."""

COLORS = {0: (0, 93, 171), 90: (0, 128, 92), 180: (200, 72, 0), 270: (140, 58, 156)}
"""The color of a line by its orientation; they differ for the color-blind too."""

_LONGEST, _MOST = 1600, 2600  # px of the picture's long side: usually; where lines are small
_LEGIBLE = 18  # px, the height of a line that can be read easily
_SMOOTH = 2  # times larger it is drawn, then shrunk
_PAPER, _TINT = 240, 40  # of 255: how much of the page the ground of a text covers; of the color
_GAP, _CAPTION = 24, 44  # px between pages; below them
_INK = (40, 40, 40)
_UNIT = 100  # px, a font's size at which texts are measured


def draw_pages(images: Sequence[np.ndarray], pages: Sequence[Page], path: str | Path) -> None:
    """Draw pages and what was read on them to a file, which is written whole or not at all.

    A line has the color of its orientation, a dot with its number in reading order where it starts,
    an arrow along its baseline, and its text in place of the page's.

    Args:
        images: (H, W, 3), uint8 RGB.
        pages: What was read on each; several are drawn two in a row.
        path: The file to write, in the format of its suffix; replaced if it exists.

    Raises:
        ValueError: `path` has a suffix that is not one of `SUFFIXES`.
    """
    suffix = Path(path).suffix.lower()
    if suffix not in SUFFIXES:
        raise ValueError(f"{path}: a page cannot be drawn as {suffix!r}; use {' '.join(SUFFIXES)}")
    drawn = [draw_page(image, page) for image, page in zip(images, pages, strict=True)]
    picture = drawn[0] if len(drawn) == 1 else _grid(drawn, map(_caption, pages))
    with replacing(path) as temporary:
        picture.save(temporary, Image.registered_extensions()[suffix], quality=85)


def draw_page(image: np.ndarray, page: Page) -> Image.Image:
    """Draw one page, at a size at which its lines can be read; see `draw_pages`.

    Args:
        image: (H, W, 3), uint8 RGB.
        page: What was read on it.
    """
    scale = _scale(page)
    size = round(page.width * scale), round(page.height * scale)
    paper = Image.fromarray(image).resize(size, Image.Resampling.BOX, reducing_gap=2)
    layer = Image.new("RGBA", (size[0] * _SMOOTH, size[1] * _SMOOTH), (255, 255, 255, 0))
    pen = _Pen(layer, scale * _SMOOTH)
    for region in page.regions:
        pen.outline(region.polygon)
    for line in page.lines:
        pen.ground(line)
    for number, line in enumerate(page.lines, start=1):
        pen.point(line, number)
        pen.write(line)
    picture = paper.convert("RGBA")
    picture.alpha_composite(layer.resize(size, Image.Resampling.BOX))
    return picture.convert("RGB")


class _Pen:
    """Draws lines on a layer.

    Args:
        layer: RGBA.
        scale: Its pixels by those of the page.
    """

    def __init__(self, layer: Image.Image, scale: float) -> None:
        self.layer, self.scale, self.draw = layer, scale, ImageDraw.Draw(layer)
        self.width = _SMOOTH * 2

    def outline(self, polygon: Points) -> None:
        """Draw the outline of a region."""
        self.draw.polygon(self._to(polygon), outline=(90, 90, 90, 110), width=self.width // 2)

    def ground(self, line: Line) -> None:
        """Cover a line's ink, tinted by its orientation."""
        color = COLORS[line.orientation]
        tint = tuple(round(255 + (value - 255) * _TINT / 255) for value in color)
        polygon = self._to(line.polygon)
        self.draw.polygon(polygon, (*tint, _PAPER), (*color, 120), self.width // 2)

    def write(self, line: Line) -> None:
        """Write a line's text in one size, each word where it starts."""
        words = [word for word in line.words or (line,) if word.text]
        boxes = [self._to(_corners(word.polygon, line)) for word in words]
        sizes = [_sides(box) for box in boxes]
        natural = sum(_font(_UNIT).getlength(word.text) for word in words) / _UNIT
        if not words or not natural:
            return
        size = min(sum(wide for wide, _ in sizes) / natural, max(high for _, high in sizes))
        if size < 2:
            return
        for word, box, (wide, _) in zip(words, boxes, sizes, strict=True):
            letters = _letters(word.text, round(size))
            if letters.width > wide:
                letters = letters.resize((max(1, round(wide)), letters.height))
            (x0, y0), (x1, y1), _, (x3, y3) = box
            angle = math.atan2(y1 - y0, x1 - x0)
            along = letters.width / wide / 2
            center = (
                x0 + along * (x1 - x0) + (x3 - x0) / 2,
                y0 + along * (y1 - y0) + (y3 - y0) / 2,
            )
            self._paste(letters, center, angle, _INK)

    def point(self, line: Line, number: int) -> None:
        """Draw an arrow along the baseline, and the line's number where it starts."""
        color = (*COLORS[line.orientation], 255)
        baseline = self._to(line.baseline)
        high = _height(self._to(line.polygon), baseline)
        self.draw.line(baseline, color, max(self.width // 2, round(high / 20)), joint="curve")
        (x0, y0), (x1, y1) = baseline[-2:]
        along = math.atan2(y1 - y0, x1 - x0)
        size = max(3.0 * self.width, high / 3.5)
        wings = [
            (x1 - size * math.cos(along + side), y1 - size * math.sin(along + side))
            for side in (0.45, -0.45)
        ]
        self.draw.polygon([(x1, y1), *wings], color)
        self._number(number, baseline, high, color)

    def _number(self, number: int, baseline: list[Point], high: float, color: tuple) -> None:
        """Draw a number in a dot before the start of a line."""
        (x0, y0), (x1, y1) = baseline[:2]
        angle = math.atan2(y1 - y0, x1 - x0)
        radius = min(max(9.0, 0.36 * high / _SMOOTH), 15.0) * _SMOOTH
        # Half a line up, and before the first letter.
        back, up = 0.8 * radius, 0.3 * high
        x = x0 - back * math.cos(angle) + up * math.sin(angle)
        y = y0 - back * math.sin(angle) - up * math.cos(angle)
        ring = (x - radius, y - radius, x + radius, y + radius)
        self.draw.ellipse(ring, color, (255, 255, 255, 255), self.width // 2)
        digits = _letters(str(number), round(1.15 * radius))
        self._paste(digits, (x, y), angle, (255, 255, 255))

    def _paste(self, mask: Image.Image, center: Point, angle: float, color: tuple) -> None:
        """Paint through a mask that is turned clockwise by an angle in radians."""
        turned = mask.rotate(-math.degrees(angle), Image.Resampling.BICUBIC, expand=True)
        place = round(center[0] - turned.width / 2), round(center[1] - turned.height / 2)
        self.layer.paste((*color, 255), place, turned)

    def _to(self, points: Points) -> list[Point]:
        return [(x * self.scale, y * self.scale) for x, y in points]


def _scale(page: Page) -> float:
    """Pixels of the picture by those of the page."""
    longest = max(page.width, page.height)
    heights = [_height(line.polygon, line.baseline) for line in page.lines]
    legible = _LEGIBLE / max(1.0, median(heights)) if heights else 0.0
    return min(1.0, max(_LONGEST / longest, min(legible, _MOST / longest)))


def _height(polygon: Sequence[Point], baseline: Sequence[Point]) -> float:
    """The height of a line: its area by its length."""
    length = sum(math.dist(*pair) for pair in pairwise(baseline))
    ends = zip(polygon, [*polygon[1:], polygon[0]], strict=True)
    area = abs(sum(x0 * y1 - x1 * y0 for (x0, y0), (x1, y1) in ends)) / 2
    return area / length if length else 0.0


def _sides(box: Sequence[Point]) -> tuple[float, float]:
    """Width and height of a box given by its top left, top right, bottom right, bottom left."""
    a, b, c, d = box
    wide, high = (math.dist(a, b) + math.dist(d, c)) / 2, (math.dist(a, d) + math.dist(b, c)) / 2
    return max(wide, 1.0), high


def _corners(polygon: Points, line: Line) -> Points:
    """A polygon of four corners as it is; of another, the box around it along the baseline."""
    if len(polygon) == 4:
        return polygon
    (x0, y0), (x1, y1) = line.baseline[0], line.baseline[-1]
    length = math.hypot(x1 - x0, y1 - y0) or 1.0
    ux, uy = (x1 - x0) / length, (y1 - y0) / length
    along = [x * ux + y * uy for x, y in polygon]
    down = [-x * uy + y * ux for x, y in polygon]
    corners = (
        (min(along), min(down)),
        (max(along), min(down)),
        (max(along), max(down)),
        (min(along), max(down)),
    )
    return tuple((a * ux - d * uy, a * uy + d * ux) for a, d in corners)


def _letters(text: str, size: int) -> Image.Image:
    """A text as a mask, as wide as it is and as high as any text of the font."""
    font = _font(size)
    left, _, right, _ = font.getbbox(text)
    up, down = font.getmetrics() if isinstance(font, ImageFont.FreeTypeFont) else (size, 0)
    mask = Image.new("L", (max(1, round(right - left)), up + down))
    ImageDraw.Draw(mask).text((-left, 0), text, 255, font)
    return mask


@cache
def _font(size: int) -> ImageFont.FreeTypeFont | ImageFont.ImageFont:
    """DejaVu Sans, which has many scripts, where it is installed; otherwise Pillow's own font."""
    places = ["DejaVuSans.ttf"]
    if (spec := find_spec("matplotlib")) and spec.origin:
        places.insert(0, str(Path(spec.origin).parent / "mpl-data/fonts/ttf/DejaVuSans.ttf"))
    for place in places:
        try:
            return ImageFont.truetype(place, size)
        except OSError:
            continue
    return ImageFont.load_default(size)


def _caption(page: Page) -> str:
    lines = "1 line" if len(page.lines) == 1 else f"{len(page.lines)} lines"
    turn = f"turned by {page.orientation}°" if page.orientation else "upright"
    return f"{turn}, {lines}"


def _grid(pictures: Sequence[Image.Image], captions: Iterable[str]) -> Image.Image:
    """Pictures in two columns on white, each in the middle of its cell, above its caption."""
    side = max(max(picture.size) for picture in pictures)
    rows = math.ceil(len(pictures) / 2)
    high = side + _CAPTION + _GAP
    grid = Image.new("RGB", (2 * side + 3 * _GAP, rows * high + _GAP), "white")
    pen, font = ImageDraw.Draw(grid), _font(22)
    for index, (picture, caption) in enumerate(zip(pictures, captions, strict=True)):
        row, column = divmod(index, 2)
        x, y = _GAP + column * (side + _GAP), _GAP + row * high
        left, top = x + (side - picture.width) // 2, y + (side - picture.height) // 2
        frame = (left - 1, top - 1, left + picture.width, top + picture.height)
        pen.rectangle(frame, outline=(200, 200, 200))
        grid.paste(picture, (left, top))
        pen.text((x + side / 2, y + side + _CAPTION / 2), caption, _INK, font, anchor="mm")
    return grid
