"""Read images whichever way up they are: with their upright views, or by an equivariant engine."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from isotrope.io.resize import turn
from isotrope.ocr.doubts import doubts
from isotrope.ocr.engines.adapted import read_mixed
from isotrope.ocr.engines.base import Engine, Transcript
from isotrope.ocr.likeliest import likeliest
from isotrope.ocr.reading import Reading
from isotrope.ocr.tidy import read_tidied
from isotrope.ocr.views import Finder, upright_views


def read_upright(
    engines: Sequence[Engine],
    finder: Finder | None,
    images: Sequence[np.ndarray],
    batch_size: int,
) -> list[Reading]:
    """Read words and lines.

    Args:
        engines: One for each image; they may differ by their adapters.
        finder: Finds which way is up. None: the engines are equivariant.
        images: (H, W, 3) each, uint8 RGB.
        batch_size: How many go through a model at once.
    """
    if finder is None:
        lines = read_mixed(engines, images, batch_size)
        return [_as_it_is(*pair) for pair in zip(images, lines, strict=True)]
    views = upright_views(finder, images, batch_size)
    each = [engine for engine, several in zip(engines, views, strict=True) for _ in several]
    lines = iter(read_tidied(each, [v.pixels for several in views for v in several], batch_size))
    return [likeliest([(view, next(lines)) for view in several]) for several in views]


def _as_it_is(pixels: np.ndarray, line: Transcript) -> Reading:
    """Convert an equivariant engine's line to a reading."""
    warnings = doubts(turn(pixels, -line.orientation), line.read) if line.text else ()
    return Reading(
        line.text,
        line.confidence,
        line.orientation,
        characters=line.characters,
        warnings=warnings,
        adapter=line.adapter,
        source=line.source.text if line.source else "",
    )
