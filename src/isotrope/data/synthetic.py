"""Synthetic text images: a line of text in a random font, colour, pose and condition."""

from __future__ import annotations

import io
import math
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from functools import lru_cache
from pathlib import Path

import numpy as np
from PIL import Image, ImageFilter

from isotrope.data.fonts import FontFile, font_families, load_typeface, outline_font
from isotrope.data.lexicon import TextSource

_EM = 64.0  # pixels per em at which lines are set, before they are scaled to the image
_LEAST_CAPITAL = 9.0  # pixels that a capital should be high, or the line is placed anew, upright
_MAX_ASPECT = 40.0  # of an image: narrower text of the limit's length stays below it


@dataclass(frozen=True)
class TextSample:
    """A text image. `image`: (H, W, 3) uint8, the text upright. `text`: what it says.

    `centers`: (len(text), 2) float32, the (x, y) of each character in fractions of W and H, spaces
    included: the middle of its advance, at half the height of a capital. `family`: the font's.
    """

    image: np.ndarray
    text: str
    centers: np.ndarray
    family: str


class SyntheticText:
    """Draws text images without end; `sample(index)` depends on (seed, index) and the fonts alone.

    `split`: "train" or "valid", whose font families are disjoint. `lines`: the share of samples
    with several words. `height`: least and greatest image height in pixels. `difficulty`: scales
    how often and how strongly images are degraded: 0 draws clean print, 1 is the training default.
    At least 30% of the samples are clean at any difficulty. `folders`: where fonts are, default
    `fonts.FOLDERS`. Raises ValueError for arguments out of range, FileNotFoundError where there
    are no fonts.
    """

    def __init__(
        self,
        split: str = "train",
        seed: int = 0,
        lines: float = 0.1,
        height: tuple[int, int] = (24, 64),
        difficulty: float = 1.0,
        max_characters: int = 40,
        folders: Sequence[str | Path] | None = None,
    ):
        if not 8 <= height[0] <= height[1]:
            raise ValueError(
                f"height={height} must be (least, greatest) pixels, with 8 <= least <= greatest"
            )
        if difficulty < 0:
            raise ValueError(f"difficulty={difficulty} is negative: give 0 (clean) or more")
        self.split, self.seed, self.height, self.difficulty = (
            split,
            seed,
            tuple(height),
            float(difficulty),
        )
        self.source = TextSource(lines, max_characters)
        self.families = list(font_families(split, folders).values())
        if not self.families:
            raise FileNotFoundError(
                f"no font family falls in the {split} split; install more fonts with `make fonts`"
            )

    def __iter__(self) -> Iterator[TextSample]:
        index = 0
        while True:
            yield self.sample(index)
            index += 1

    def sample(self, index: int) -> TextSample:
        rng = np.random.default_rng([self.seed, index, self.split == "valid"])
        clean = rng.random() < max(0.35, 1 - 0.65 * self.difficulty)
        difficulty = 0.0 if clean else self.difficulty
        text, font = self._text_and_font(rng)
        path, anchors, cap_height = _set_line(
            text, font, rng, bend=0.0 if rng.random() < 0.9 else difficulty
        )
        height = int(rng.integers(self.height[0], self.height[1] + 1))
        placement, width = _place(path, font, height, cap_height, rng, difficulty)
        if cap_height * placement.getScaleY() < _LEAST_CAPITAL:  # turned and set in wide margins
            placement, width = _place(path, font, height, cap_height, rng, 0.0)
        centers = _map_points(placement, anchors) / (width, height)
        capital = cap_height * placement.getScaleY()  # pixels of the image
        image = _paint(
            path, placement, (width, height), capital, _stem(font.path) * capital, rng, difficulty
        )
        image = _degrade(image, rng, difficulty) if difficulty else image
        return TextSample(image, text, centers.astype(np.float32), font.family)

    def _text_and_font(self, rng) -> tuple[str, FontFile]:
        """A text and a font that has all of its characters."""
        while True:
            text = self.source.draw(rng)
            for _ in range(12):
                family = self.families[int(rng.integers(len(self.families)))]
                font = family[int(rng.integers(len(family)))]
                written = _recased(text, font.case)
                if len(written) <= self.source.max_characters and _coverage(font).issuperset(
                    written
                ):
                    return written, font


def _recased(text: str, case: str) -> str:
    """The text in the case that the font can say (see `FontFile.case`)."""
    if case == "upper":
        return text.upper()
    if case == "lower" and text.isupper() and len(text) > 1:
        return text[0] + text[1:].lower()
    return text


@lru_cache(maxsize=4096)
def _coverage(font: FontFile) -> frozenset[str]:
    return frozenset(font.characters)


@lru_cache(maxsize=1024)
def _outlines(path: str):
    """The skia.Font of a file at _EM, and the height of its capitals in pixels."""
    font = outline_font(load_typeface(path), _EM)
    return font, font.getBounds(font.textToGlyphs("H"))[0].height() or 0.7 * _EM


@lru_cache(maxsize=4096)
def _stem(path: str) -> float:
    """The mean thickness of a font's strokes, 2 * area / perimeter, in heights of its capitals."""
    import skia

    font, cap_height = _outlines(path)
    letters, pen = skia.Path(), 0.0
    for glyph in font.textToGlyphs("noeht"):
        letters.addPath(font.getPath(glyph), pen, 0.0)
        pen += _EM
    perimeter, contours = 0.0, skia.PathMeasure(letters, False)
    while True:
        perimeter += contours.getLength()
        if not contours.nextContour():
            break
    pixels = np.zeros((int(2 * _EM), int(6 * _EM), 4), np.uint8)
    letters.offset(0.5 * _EM, 1.5 * _EM)
    skia.Surface(pixels).getCanvas().drawPath(
        letters, skia.Paint(AntiAlias=True, Color=skia.ColorWHITE)
    )
    return 2 * float(pixels[..., 3].sum()) / 255 / perimeter / cap_height


# --- Setting: outlines of a line, baseline at y = 0, x to the right, y down, in pixels at _EM ---


def _set_line(text: str, file: FontFile, rng, bend: float):
    """A line's outline, the (len(text), 2) anchors of its characters, and its capitals' height."""
    import skia

    font, cap_height = _outlines(file.path)
    glyphs = font.textToGlyphs(text)
    advances = np.asarray(font.getWidths(glyphs), np.float64) + _spacing(rng) * _EM
    starts = np.concatenate([[0.0], np.cumsum(advances)[:-1]]) + _kerning(font, glyphs)
    anchors = np.stack([starts + advances / 2, np.full(len(glyphs), -cap_height / 2)], axis=1)
    curvature = 0.0
    if bend:
        curvature = (
            rng.uniform(-0.6, 0.6) * min(bend, 1.5) / max(starts[-1] + advances[-1], 4 * _EM)
        )
    line = skia.Path()
    for glyph, start, advance in zip(glyphs, starts, advances, strict=True):
        outline = font.getPath(glyph)
        if outline is None or outline.isEmpty():
            continue
        if curvature:
            line.addPath(outline, _on_arc(start, advance, curvature))
        else:
            line.addPath(outline, float(start), 0.0)
    if curvature:
        anchors = np.concatenate(
            [
                _map_points(_on_arc(s, a, curvature), [[a / 2, -cap_height / 2]])
                for s, a in zip(starts, advances, strict=True)
            ]
        )
    return line, anchors, cap_height


def _spacing(rng) -> float:
    """Letter spacing in em: mostly none, at times wide, seldom tight."""
    draw = rng.random()
    if draw < 0.75:
        return 0.0
    return (
        rng.uniform(0.0, 0.12)
        if draw < 0.93
        else rng.uniform(0.1, 0.35)
        if draw < 0.97
        else rng.uniform(-0.03, 0)
    )


def _kerning(font, glyphs) -> np.ndarray:
    """The shift of each glyph by the font's pair adjustments, where it has a table of them."""
    shifts = np.zeros(len(glyphs))
    pairs = font.getTypeface().getKerningPairAdjustments(glyphs) if len(glyphs) > 1 else []
    if pairs:
        shifts[1:] = np.cumsum(pairs) * (_EM / font.getTypeface().getUnitsPerEm())
    return shifts


def _on_arc(start: float, advance: float, curvature: float):
    """The matrix that stands a glyph on a baseline of this curvature (1/pixel)."""
    import skia

    angle = (start + advance / 2) * curvature
    matrix = skia.Matrix()
    matrix.setTranslate(-advance / 2, 0)
    matrix.postRotate(math.degrees(angle))
    matrix.postTranslate(math.sin(angle) / curvature, (1 - math.cos(angle)) / curvature)
    return matrix


def _map_points(matrix, points) -> np.ndarray:
    """(n, 2) points through a skia.Matrix, perspective included."""
    grid = np.array([matrix.get(i) for i in range(9)]).reshape(3, 3)
    mapped = np.concatenate([points, np.ones((len(points), 1))], axis=1) @ grid.T
    return mapped[:, :2] / mapped[:, 2:]


# --- Placing: pose, margins and scale ---


def _place(path, file: FontFile, height: int, cap_height: float, rng, difficulty: float):
    """The matrix from the line to the image, and the image's width in pixels."""
    pose = _pose(path.getBounds(), rng, difficulty)
    posed = type(path)(path)
    posed.transform(pose)
    box = posed.computeTightBounds()
    left, top, right, bottom = box.left(), box.top(), box.right(), box.bottom()
    if rng.random() < 0.2:  # the font's own line height, as renderers crop
        metrics = _outlines(file.path)[0].getMetrics()
        top, bottom = (
            min(top, max(metrics.fAscent, -1.6 * _EM)),
            max(bottom, min(metrics.fDescent, 0.7 * _EM)),
        )
    if bottom - top < 0.6 * cap_height:  # a lone hyphen or comma keeps its size and its place
        top, bottom = min(top, -cap_height), max(bottom, 0.0)
    tallness = bottom - top
    margins = [_margin(rng) * tallness for _ in range(4)]
    left, top, right, bottom = (
        left - margins[0],
        top - margins[1],
        right + margins[2],
        bottom + margins[3],
    )
    scale = height / (bottom - top)
    scale_x = scale * (rng.uniform(0.8, 1.25) if rng.random() < 0.2 else 1.0)
    width = int(min(max(round((right - left) * scale_x), 8), _MAX_ASPECT * height))
    pose.postTranslate(-left, -top)
    pose.postScale(width / (right - left), scale)
    return pose, width


def _margin(rng) -> float:
    """A margin in heights of the text: mostly tight, as word detectors crop."""
    draw = rng.random()
    if draw < 0.55:
        return rng.uniform(-0.02, 0.10)
    return rng.uniform(0.05, 0.25) if draw < 0.92 else rng.uniform(0.2, 0.6)


def _pose(bounds, rng, difficulty: float):
    """Rotation, slant and perspective about the middle of the line."""
    import skia

    matrix = skia.Matrix()
    matrix.setTranslate(-bounds.centerX(), -bounds.centerY())
    if rng.random() < 0.12:
        matrix.postSkew(rng.uniform(-0.3, 0.12), 0.0)
    if difficulty:
        if rng.random() < 0.25:
            strength = 0.25 * min(difficulty, 1.5) / max(bounds.width(), 2 * bounds.height())
            perspective = skia.Matrix()
            perspective.setAll(
                1, 0, 0, 0, 1, 0, rng.uniform(-1, 1) * strength, rng.uniform(-1, 1) * strength, 1
            )
            matrix.postConcat(perspective)
        draw, most = rng.random(), math.degrees(bounds.height() / max(bounds.width(), 1.0))
        if draw < 0.6:  # a long line turns less, or it would be too small to read
            angle = rng.uniform(-1, 1) * (4 if draw < 0.5 else 10)
            matrix.postRotate(min(max(angle, -most), most))
    elif rng.random() < 0.2:
        matrix.postRotate(rng.uniform(-1.5, 1.5))
    matrix.postTranslate(bounds.centerX(), bounds.centerY())
    return matrix


# --- Painting: paper, clutter, ink ---


def _paint(
    path, placement, size: tuple[int, int], unit: float, stem: float, rng, difficulty: float
) -> np.ndarray:
    """(H, W, 3) uint8: ink on paper; capitals are `unit` pixels high, strokes `stem` thick."""
    import skia

    width, height = size
    ink, paper, contrast = _colours(rng, difficulty)
    pixels = np.empty((height, width, 4), np.uint8)
    pixels[..., :3], pixels[..., 3] = np.clip(paper, 0, 255), 255
    if difficulty and rng.random() < 0.45 * difficulty:
        _texture(pixels, paper, contrast, rng)
    surface = skia.Surface(pixels, colorType=skia.kRGBA_8888_ColorType)
    canvas = surface.getCanvas()
    if difficulty and rng.random() < 0.2 * difficulty:
        _clutter(canvas, size, paper, contrast, rng)
    placed = skia.Path(path)
    placed.transform(placement)
    if difficulty and rng.random() < 0.18 * difficulty:
        _surroundings(canvas, placed, size, ink, unit, rng)
    if difficulty and rng.random() < 0.15 * difficulty:
        _shadow(canvas, placed, ink, paper, unit, rng)
    _ink(canvas, placed, ink, paper, unit, stem, rng, difficulty)
    surface.flushAndSubmit()
    return np.ascontiguousarray(pixels[..., :3])


_LUMA = np.array([0.299, 0.587, 0.114])


def _colours(rng, difficulty: float):
    """Ink and paper as (3,) floats in 0-255, and the distance of their luminances.

    Dark on light or light on dark, grey or coloured; a distance below 90 is rare, none is below 45.
    """
    draw = rng.random()
    if draw < 0.35:
        ink, paper = np.zeros(3), np.full(3, 255.0)
        if difficulty:
            ink, paper = ink + rng.uniform(0, 60), paper - rng.uniform(0, 60)
    else:
        least = 90.0 if rng.random() > 0.12 * min(difficulty, 1.0) else 45.0
        dark = rng.uniform(0, 255 - least)
        light = rng.uniform(dark + least, 255)
        ink, paper = _tint(dark, rng), _tint(light, rng)
    if rng.random() < (0.08 if draw < 0.35 else 0.5):
        ink, paper = paper, ink
    return ink, paper, float(abs((ink - paper) @ _LUMA))


def _tint(luminance: float, rng) -> np.ndarray:
    """A colour of this luminance: grey, or of a random hue as far as it stays within 0-255."""
    if rng.random() < 0.35:
        return np.full(3, luminance)
    hue = rng.uniform(-1, 1, 3)
    hue -= hue @ _LUMA
    room = np.where(
        hue > 0, (255 - luminance) / np.maximum(hue, 1e-6), luminance / np.maximum(-hue, 1e-6)
    )
    return luminance + hue * room.min() * rng.uniform(0.2, 1.0)


def _texture(pixels: np.ndarray, paper: np.ndarray, contrast: float, rng) -> None:
    """Fills `pixels` with a gradient, clouds, stripes or grain, below the ink's contrast."""
    height, width = pixels.shape[:2]
    amplitude = rng.uniform(0.1, 0.45) * contrast
    kind = int(rng.integers(4))
    if kind == 0:  # gradient
        field = rng.uniform(-1, 1, (2, 2))
    elif kind == 1:  # clouds, as of a defocused scene
        field = rng.uniform(
            -1, 1, (int(rng.integers(2, 6)), int(rng.integers(3, 4 + 3 * width // height)))
        )
    elif kind == 2:  # stripes of boards, blinds, cloth
        stripes = rng.uniform(-0.6, 0.6, int(rng.integers(3, 24)))
        field = stripes[:, None] if rng.random() < 0.5 else stripes[None, :]
    else:  # grain of paper and walls
        field = rng.uniform(-0.7, 0.7, (height // 2, max(width // 2, 2)))
    smooth = (
        Image.Resampling.BICUBIC if kind < 2 or rng.random() < 0.5 else Image.Resampling.BILINEAR
    )
    field = np.asarray(Image.fromarray(field.astype(np.float32)).resize((width, height), smooth))
    colour = 1 + 0.4 * rng.uniform(-1, 1, 3) if rng.random() < 0.5 else np.ones(3)
    pixels[..., :3] = np.clip(
        paper.astype(np.float32) + amplitude * field[..., None] * colour.astype(np.float32), 0, 255
    )


def _clutter(canvas, size, paper, contrast: float, rng) -> None:
    """Edges and blobs of a photograph behind the text, nearer to the paper than to the ink."""
    import skia

    width, height = size
    for _ in range(int(rng.integers(1, 6))):
        colour = paper + rng.uniform(-0.4, 0.4) * contrast * (1 + 0.3 * rng.uniform(-1, 1, 3))
        paint = skia.Paint(AntiAlias=True, Color=_argb(colour))
        x, y = rng.uniform(-0.2, 1.0) * width, rng.uniform(-0.2, 1.0) * height
        w, h = rng.uniform(0.2, 1.2) * width, rng.uniform(0.2, 1.2) * height
        canvas.save()
        canvas.rotate(rng.uniform(-30, 30))
        if rng.random() < 0.6:
            canvas.drawRect(skia.Rect.MakeXYWH(x, y, w, h), paint)
        else:
            canvas.drawOval(skia.Rect.MakeXYWH(x, y, w, h), paint)
        canvas.restore()


def _surroundings(canvas, placed, size, ink, unit: float, rng) -> None:
    """What a crop catches of its page: the edge of the next line, a rule, a frame."""
    import skia

    width, height = size
    bounds = placed.computeTightBounds()
    paint = skia.Paint(AntiAlias=True, Color=_argb(ink + rng.uniform(-30, 30)))
    above, below = bounds.top(), height - bounds.bottom()
    if rng.random() < 0.5 and max(above, below) > 3:  # at most a third of a letter shows
        visible = min(rng.uniform(0.3, 0.8) * max(above, below), unit / 3)
        neighbour = skia.Path(placed)
        neighbour.offset(
            rng.uniform(-0.5, 0.5) * width,
            visible - bounds.bottom() if above > below else height - visible - bounds.top(),
        )
        canvas.drawPath(neighbour, paint)
        return
    paint.setStyle(skia.Paint.kStroke_Style)
    paint.setStrokeWidth(max(unit * rng.uniform(0.02, 0.08), 0.7))
    edge = rng.uniform(0.0, 0.06) * height
    kind = int(rng.integers(3))
    if kind == 0:
        canvas.drawRect(skia.Rect.MakeLTRB(edge, edge, width - edge, height - edge), paint)
    elif kind == 1:
        y = height - edge if rng.random() < 0.7 else edge
        canvas.drawLine(0, y, width, y + rng.uniform(-0.05, 0.05) * height, paint)
    else:
        x = width - edge if rng.random() < 0.5 else edge
        canvas.drawLine(x, 0, x, height, paint)


def _shadow(canvas, placed, ink, paper, unit: float, rng) -> None:
    """A cast shadow between paper and black, sharp or soft."""
    import skia

    dark = (
        paper * rng.uniform(0.3, 0.75)
        if ink.mean() > paper.mean()
        else paper + (ink - paper) * rng.uniform(0.2, 0.45)
    )
    paint = skia.Paint(AntiAlias=True, Color=_argb(dark))
    if rng.random() < 0.6:
        paint.setMaskFilter(
            skia.MaskFilter.MakeBlur(
                skia.kNormal_BlurStyle, max(unit * rng.uniform(0.02, 0.1), 0.4)
            )
        )
    canvas.save()
    canvas.translate(rng.uniform(-0.12, 0.12) * unit, rng.uniform(-0.06, 0.12) * unit)
    canvas.drawPath(placed, paint)
    canvas.restore()


def _ink(canvas, placed, ink, paper, unit: float, stem: float, rng, difficulty: float) -> None:
    """The text itself: filled, bolder, with a rim, or in outline.

    Strokes of less than a pixel are thickened before an image is degraded, or none could read it.
    """
    import skia

    paint = skia.Paint(AntiAlias=True, Color=_argb(ink))
    style = rng.random() if difficulty else 1.0
    if style < 0.05 and unit > 18:  # outlined letters
        paint.setStyle(skia.Paint.kStroke_Style)
        paint.setStrokeWidth(max(unit * rng.uniform(0.04, 0.07), 1.0))
    elif style < 0.13:  # a rim of another colour around the letters
        toward = 255.0 if ink.mean() < paper.mean() else 0.0
        rim = paper + (toward - paper) * rng.uniform(0.2, 1.0)
        canvas.drawPath(placed, _stroke(rim, unit * rng.uniform(0.08, 0.22)))
    elif difficulty and (style < 0.18 or stem < 1.1):
        paint.setStyle(skia.Paint.kStrokeAndFill_Style)
        paint.setStrokeWidth(
            max(unit * rng.uniform(0.01, 0.04) if style < 0.18 else 0.0, 1.1 - stem)
        )
    canvas.drawPath(placed, paint)


def _stroke(colour, width: float):
    import skia

    return skia.Paint(
        AntiAlias=True,
        Color=_argb(colour),
        Style=skia.Paint.kStroke_Style,
        StrokeWidth=width,
        StrokeJoin=skia.Paint.kRound_Join,
    )


def _argb(colour) -> int:
    red, green, blue = (min(max(int(value), 0), 255) for value in colour)
    return 0xFF000000 | red << 16 | green << 8 | blue


# --- Degrading: what lens, sensor, scanner and file do ---


def _degrade(image: np.ndarray, rng, difficulty: float) -> np.ndarray:
    """(H, W, 3) uint8, each fault with its own probability, in the order of a camera's."""
    picture = Image.fromarray(image)
    chance, strength = rng.random(6), min(difficulty, 2.0)
    if chance[0] < 0.25 * difficulty:
        picture = picture.filter(
            ImageFilter.GaussianBlur(rng.uniform(0.3, 1.0) * strength * image.shape[0] / 40)
        )
    if chance[1] < 0.25 * difficulty:
        picture = _low_resolution(picture, rng)
    image = np.asarray(picture)
    if chance[2] < 0.10 * difficulty:
        image = _motion_blur(image, rng, strength)
    if chance[3] < 0.25 * difficulty:
        image = _contrast(image, rng)
    if chance[4] < 0.35 * difficulty:
        image = _noise(image, rng, strength)
    if chance[5] < 0.40 * difficulty:
        image = _jpeg(image, rng)
    return image


def _low_resolution(picture: Image.Image, rng) -> Image.Image:
    """Through a smaller image and back: text down to about 9 pixels high."""
    width, height = picture.size
    small = max(int(height * rng.uniform(0.25, 0.8)), 12)
    if small >= height:
        return picture
    down, up = Image.Resampling.BOX, Image.Resampling.BICUBIC
    if rng.random() < 0.5:
        down, up = Image.Resampling.BILINEAR, Image.Resampling.BILINEAR
    return picture.resize((max(round(width * small / height), 1), small), down).resize(
        (width, height), up
    )


def _motion_blur(image: np.ndarray, rng, strength: float) -> np.ndarray:
    """The mean of the image at a few steps along a straight path of up to a tenth of its height."""
    reach, angle = rng.uniform(0.02, 0.10) * strength * image.shape[0], rng.uniform(0, math.pi)
    steps = max(int(reach), 1) + 1
    total = np.zeros(image.shape, np.uint16)
    for step in np.linspace(-0.5, 0.5, steps) * reach:
        shift = (round(step * math.sin(angle)), round(step * math.cos(angle)))
        total += _shifted(image, *shift)
    return (total // steps).astype(np.uint8)


def _shifted(image: np.ndarray, down: int, right: int) -> np.ndarray:
    """The image moved by whole pixels, its border repeated."""
    height, width = image.shape[:2]
    rows = np.clip(np.arange(height) - down, 0, height - 1)
    columns = np.clip(np.arange(width) - right, 0, width - 1)
    return image[rows[:, None], columns]


def _contrast(image: np.ndarray, rng) -> np.ndarray:
    """Gamma, contrast and brightness by one table of 256 entries."""
    levels = (np.arange(256) / 255) ** math.exp(rng.uniform(-0.5, 0.5))
    levels = (levels - 0.5) * rng.uniform(0.6, 1.2) + 0.5 + rng.uniform(-0.1, 0.1)
    return (np.clip(levels, 0, 1) * 255).astype(np.uint8)[image]


def _noise(image: np.ndarray, rng, strength: float) -> np.ndarray:
    """Gaussian noise, of one level or growing with brightness (photons), grey or in colour."""
    sigma = rng.uniform(2, 16) * strength
    channels = 3 if rng.random() < 0.5 else 1
    noise = sigma * rng.standard_normal((*image.shape[:2], channels), np.float32)
    if rng.random() < 0.4:
        noise = noise * np.sqrt(image.astype(np.float32) / 160)
    return np.clip(image + noise, 0, 255).astype(np.uint8)


def _jpeg(image: np.ndarray, rng) -> np.ndarray:
    file = io.BytesIO()
    Image.fromarray(image).save(file, "JPEG", quality=int(rng.integers(20, 96)))
    return np.asarray(Image.open(file))
