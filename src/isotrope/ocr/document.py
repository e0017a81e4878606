"""What was read, as values: `Document > Page > Region > Line > Word`. No torch.

Coordinates are pixels of the page as it was given (`isotrope.ocr.geometry`). Everything is in
reading order, which was found where the text is upright, and so does not depend on how the page
lies.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, replace

from isotrope.ocr.geometry import Points, turned, turned_size


@dataclass(frozen=True)
class Word:
    """A word of a line.

    Args:
        text: Without spaces.
        confidence: In [0, 1].
        polygon: Its outline; the first point is where the text's top left is, then clockwise as a
            reader of the text sees it.
        characters: The confidence of each character of `text`; empty if the engine gives none.
    """

    text: str
    confidence: float
    polygon: Points
    characters: tuple[float, ...] = ()


@dataclass(frozen=True)
class Line:
    """A line of text.

    Args:
        text: The text; its words are separated by spaces.
        confidence: In [0, 1], as in `Reading`.
        orientation: Turn of the text from upright, in degrees counter-clockwise: 0, 90, 180 or 270.
            At 90 the text runs upwards.
        polygon: Its outline, as in `Word`.
        baseline: The line on which the letters stand, two or more points from the start of the
            text to its end.
        words: In the order of the text.
        slant: Turn of the text beyond `orientation`, in degrees counter-clockwise within +-45.
        characters: The confidence of each character of `text`; empty if the engine gives none.
        source: What was read, where `text` is a translation of it; else empty.
    """

    text: str
    confidence: float
    orientation: int
    polygon: Points
    baseline: Points
    words: tuple[Word, ...] = ()
    slant: float = 0.0
    characters: tuple[float, ...] = ()
    source: str = ""


@dataclass(frozen=True)
class Region:
    """Lines that belong together and are read one after the other, such as a paragraph or a cell.

    Args:
        lines: In reading order.
        polygon: Its outline.
        orientation: That of most of its lines.
        kind: "text", "heading", "margin", "table", "header" or "footer".
    """

    lines: tuple[Line, ...]
    polygon: Points
    orientation: int = 0
    kind: str = "text"

    @property
    def text(self) -> str:
        """Its lines, one under the other."""
        return "\n".join(line.text for line in self.lines)


@dataclass(frozen=True)
class Page:
    """A page.

    Args:
        width, height: Size of the image as it was given, px.
        regions: In reading order; none if the page has no text.
        orientation: Turn of the page from upright, in degrees counter-clockwise: 0, 90, 180 or 270.
        slant: Turn beyond `orientation`, in degrees counter-clockwise within +-45.
        file: The name of its file; None if it had none.
        number: Its number in the file, from 1.
        resolution: Pixels per inch, if known.
        adapter: The name of the adapter it was read with. None: none, or there is no text.
    """

    width: int
    height: int
    regions: tuple[Region, ...] = ()
    orientation: int = 0
    slant: float = 0.0
    file: str | None = None
    number: int = 1
    resolution: float | None = None
    adapter: str | None = None

    @property
    def lines(self) -> tuple[Line, ...]:
        """All lines in reading order."""
        return tuple(line for region in self.regions for line in region.lines)

    @property
    def text(self) -> str:
        """The text in reading order, with an empty line between regions."""
        return "\n\n".join(region.text for region in self.regions)

    def turned(self, degrees: int) -> Page:
        """The page as it is if its image is turned counter-clockwise by a multiple of 90 degrees.

        Exact: `read(turn(image, d)) == read(image).turned(d)`. A page without text has orientation
        0 however it lies.

        Raises:
            ValueError: `degrees` is not a multiple of 90.
        """
        size = (self.width, self.height)

        def points(of: Points) -> Points:
            return turned(of, degrees, size)

        def word(of: Word) -> Word:
            return replace(of, polygon=points(of.polygon))

        def line(of: Line) -> Line:
            return replace(
                of,
                orientation=(of.orientation + degrees) % 360,
                polygon=points(of.polygon),
                baseline=points(of.baseline),
                words=tuple(map(word, of.words)),
            )

        def region(of: Region) -> Region:
            return replace(
                of,
                lines=tuple(map(line, of.lines)),
                polygon=points(of.polygon),
                orientation=(of.orientation + degrees) % 360,
            )

        width, height = turned_size(size, degrees)
        return replace(
            self,
            width=int(width),
            height=int(height),
            regions=tuple(map(region, self.regions)),
            orientation=(self.orientation + degrees) % 360 if self.regions else 0,
        )


@dataclass(frozen=True)
class Document:
    """The pages of one file.

    Args:
        pages: In the order of the file.
        file: Its name; None if it had none.
    """

    pages: tuple[Page, ...]
    file: str | None = None

    @property
    def text(self) -> str:
        """The text of all pages, with a form feed between them."""
        return "\f".join(page.text for page in self.pages)

    def __iter__(self) -> Iterator[Page]:
        return iter(self.pages)
