"""Read page transcripts from archives (PAGE-XML and ALTO) without opening any image."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, field, replace
from os.path import isfile
from pathlib import Path
from urllib.parse import unquote

from isotrope.io.images import image_suffixes
from isotrope.io.paths import within
from isotrope.io.transcripts.alto import ALTO
from isotrope.io.transcripts.elements import (
    Element,
    LineTranscript,
    Point,
    name_of,
    orientation_of,
    parse,
)
from isotrope.io.transcripts.origin import Origin, origin_of
from isotrope.io.transcripts.page import PAGE

__all__ = [
    "LineTranscript",
    "Origin",
    "PageTranscript",
    "Point",
    "read_transcript",
    "transcripts_in",
]

_SCHEMAS = {"PcGts": PAGE, "alto": ALTO}
"""The formats, by the name of the root element."""


@dataclass(frozen=True)
class PageTranscript:
    """A page: its image, and its lines in the order of the file.

    Args:
        image: The image file, which exists.
        size: Width and height of the transcribed image, px, if the file gives them.
        lines: The lines that have an outline, keyed by number in the file, from 1.
        faults: What is wrong with the other lines, keyed by number.
        origin: Which program wrote the file, and whether a person has finished the page.
    """

    image: Path
    size: Point | None
    lines: dict[int, LineTranscript]
    faults: dict[int, str]
    origin: Origin = field(default_factory=Origin)


def read_transcript(file: str | Path) -> PageTranscript:
    """Read a PAGE-XML or ALTO file; the root element tells which.

    Raises:
        ValueError: The file is broken, has another format or a unit other than pixels, or its image
            cannot be found in the file's folder, in the one above, or in a subfolder of either.
    """
    file = Path(file)
    root = parse(file)
    kind = name_of(root)
    if kind not in _SCHEMAS:
        raise ValueError(f"{file} is <{kind}>, neither PAGE-XML (PcGts) nor ALTO; export it as one")
    schema = _SCHEMAS[kind]
    try:
        named, size = schema.head(root)
        image = _image_of(file, named)
    except ValueError as error:
        raise ValueError(f"{file}: {error}") from error
    lines, faults = {}, {}
    regions: dict[Element | None, int] = {}
    elements = (element for element in root.iter() if name_of(element) == "TextLine")
    for number, element in enumerate(elements, start=1):
        try:
            line = schema.line(element)
        except ValueError as error:
            faults[number] = str(error)
        else:
            region = regions.setdefault(element.getparent(), len(regions))
            turned = orientation_of(element, line.baseline, schema.turned)
            lines[number] = replace(line, region=region, orientation=turned)
    return PageTranscript(image, size, lines, faults, origin_of(root))


def transcripts_in(folder: str | Path) -> Iterator[Path]:
    """List the XML files of a folder and its subfolders in order, without hidden ones."""
    folder = Path(folder)
    for file in sorted(folder.rglob("*.xml")):
        if not any(part.startswith(".") for part in file.relative_to(folder).parts):
            yield file


def _image_of(file: Path, named: str | None) -> Path:
    """Find the image that an XML file names, or else the one with the same stem."""
    beside, above = file.parent, file.parent / ".."
    if beside.name not in ("", ".."):
        above = beside.parent
    places: list[Path | None] = []
    if named:
        path = unquote(named.replace("\\", "/"))
        names = dict.fromkeys((path, path.rpartition("/")[2], named))
        places += [within(above, folder / name) for folder in (beside, above) for name in names]
    suffixes = [s for suffix in sorted(image_suffixes()) for s in (suffix, suffix.upper())]
    places += [file.with_suffix(suffix) for suffix in suffixes]
    found = next((place for place in places if place is not None and isfile(place)), None)
    if found is not None:
        return found
    if None in places:
        raise ValueError(
            f"it names an image outside of {above}, {_short(named)}, which is not opened; put the "
            f"page's image into {beside}"
        )
    reason = f"{_short(named)} is not beside it" if named else "it names no image"
    raise ValueError(f"{reason}; put the page's image into {beside}")


def _short(named: str | None) -> str:
    """A name in quotes, or its beginning."""
    return repr(named if named is None or len(named) <= 200 else named[:200] + "...")
