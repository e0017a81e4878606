"""Draw a contact sheet: each image with its text, orientation and confidence."""

from __future__ import annotations

import warnings
from collections.abc import Iterable, Sequence
from math import ceil
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np
from PIL import Image

from isotrope.io.files import replacing
from isotrope.io.images import ImageSource, load_pixels
from isotrope.ocr.reading import Reading

if TYPE_CHECKING:
    from matplotlib.figure import Figure

LIMIT = 60
"""Maximum number of images on a sheet."""

SUFFIXES = (".png", ".jpg", ".jpeg", ".webp", ".tif", ".tiff", ".pdf", ".svg")
"""Supported suffixes for a sheet's file."""

# Direction of the top of the text at each orientation.
_ARROWS = {0: "↑", 90: "←", 180: "↓", 270: "→"}
_LONGEST = 480  # px; more than a cell shows would waste memory

# Inches.
_CELL = (3.0, 2.1)
_MARGIN = 0.15
_TEXT = 0.55  # below each image, for its two lines
_FOOT = 0.35  # below all cells, for the caption


def draw_sheet(
    images: Iterable[ImageSource],
    readings: Sequence[Reading],
    path: str | Path,
    columns: int = 4,
    total: int | None = None,
) -> None:
    """Draw images and their readings to a file, which is written whole or not at all.

    Args:
        images: The images given to the reader, of any kind that `load_pixels` takes, opened one at
            a time. Only the first `LIMIT` are drawn; the sheet says how many more there are.
        readings: The reading of each image.
        path: The file to write, in the format of its suffix; replaced if it exists.
        columns: Number of images per row.
        total: Number of images that were read, if there are not `readings` of all.

    Raises:
        ImageError: An image cannot be opened (any more).
        ModuleNotFoundError: matplotlib is not installed.
        ValueError: There are no readings, `columns` is below 1, or `path` has a suffix that is
            not one of `SUFFIXES`.
    """
    kind = sheet_format(path)
    try:
        from matplotlib.figure import Figure
    except ModuleNotFoundError as error:
        raise ModuleNotFoundError(
            "a sheet is drawn by matplotlib, which is not installed; pip install 'isotrope[torch]'",
            name="matplotlib",
        ) from error

    if not readings or columns < 1:
        raise ValueError(f"{len(readings)} readings in {columns} columns; both must be at least 1")
    shown = readings[:LIMIT]
    columns = min(columns, len(shown))
    rows = ceil(len(shown) / columns)
    # At least two cells, or the caption does not fit.
    width, height = max(columns, 2) * _CELL[0], rows * _CELL[1] + _FOOT
    figure = Figure(figsize=(width, height), facecolor="white")
    for place, (reading, image) in enumerate(zip(shown, images, strict=False)):
        row, column = divmod(place, columns)
        left, bottom = column * _CELL[0], height - (row + 1) * _CELL[1]
        _draw_cell(figure, left, bottom, load_pixels(image), reading)
    figure.text(
        0.5, 0.12 / height, _caption(total or len(readings)), ha="center", fontsize=8, color="0.4"
    )
    with replacing(path) as temporary, warnings.catch_warnings():
        # Letters that the font lacks are drawn as boxes; the warning about them helps nobody.
        warnings.simplefilter("ignore", UserWarning)
        figure.savefig(temporary, format=kind, dpi=120)


def sheet_format(path: str | Path) -> str:
    """Return a sheet's format by its file's suffix; PNG if it has none.

    Raises:
        ValueError: The suffix is not one of `SUFFIXES`.
    """
    suffix = Path(path).suffix.lower()
    if suffix not in ("", *SUFFIXES):
        raise ValueError(f"{path}: a sheet cannot be {suffix}; use {' '.join(SUFFIXES)}")
    return suffix[1:] or "png"


def _draw_cell(
    figure: Figure, left: float, bottom: float, image: np.ndarray, reading: Reading
) -> None:
    """Draw one image above its text; `left` and `bottom` of the cell are in inches."""
    width, height = figure.get_size_inches()
    box = (left + _MARGIN, bottom + _TEXT, _CELL[0] - 2 * _MARGIN, _CELL[1] - _TEXT - _MARGIN)
    axes = figure.add_axes((box[0] / width, box[1] / height, box[2] / width, box[3] / height))
    axes.imshow(thumbnail(image), interpolation="bilinear")
    axes.set_xticks([])
    axes.set_yticks([])
    axes.spines[:].set_color("0.8")

    def write(line: str, above: float, **style) -> None:
        # parse_math=False: a text with two dollar signs is not a formula.
        x, y = (left + _CELL[0] / 2) / width, (bottom + above) / height
        figure.text(x, y, line, ha="center", parse_math=False, family="DejaVu Sans", **style)

    text = _fitting(reading.text)
    write(text, 0.28, fontsize=min(13, 330 / len(text)))
    arrow = _ARROWS.get(reading.orientation % 360, "")
    facts = f"{arrow} {reading.orientation}°   {reading.confidence:.0%}"
    write(facts.strip(), 0.1, fontsize=8, color="0.4")


def thumbnail(image: np.ndarray) -> np.ndarray:
    """Shrink an image to (H, W, 3), uint8, with no side above `_LONGEST` px."""
    scale = _LONGEST / max(image.shape)
    if scale >= 1:
        return image
    rows, columns = (max(1, round(side * scale)) for side in image.shape[:2])
    small = Image.fromarray(image).resize((columns, rows), Image.Resampling.BILINEAR)
    return np.asarray(small)


def _fitting(text: str, longest: int = 40) -> str:
    """Shorten a text to one line of a cell; show a placeholder if it is empty."""
    text = " ".join(text.split()) or "(nothing)"
    return text if len(text) <= longest else text[: longest - 1] + "…"


def _caption(count: int) -> str:
    legend = "arrow: where the top of the text points, and its turn counter-clockwise"
    left_out = count - LIMIT
    return f"{legend}; {left_out} more not drawn" if left_out > 0 else legend
