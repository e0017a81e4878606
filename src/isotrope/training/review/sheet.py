"""Write the lines to correct as a folder: images, a table, and a page to correct them in."""

from __future__ import annotations

import csv
import hashlib
import html
from collections.abc import Iterable, Sequence
from pathlib import Path
from string import Template

from torch import Tensor

from isotrope.data.cutting import as_png
from isotrope.data.lines import LABELS, LabeledLines
from isotrope.io.files import filling
from isotrope.training.review.listing import Listed, Place

TABLE, PAGE = "review.tsv", "index.html"
COLUMNS: tuple[str, ...] = ("image", "page", "line", "wrong", "doubt", "text")

_TEMPLATE = Path(__file__).parent / "sheet.html"


class Sheet:
    """The folder of the lines to correct, and the lines that were confirmed in it before.

    It has `001.png` and so on, `review.tsv` and `index.html`. The page saves the lines that a
    person has confirmed as `labels.tsv`; put into the folder, it makes it a data set for `isotrope
    adapt`. It is not written here: what nobody has seen is not to be learned. Lines can be added
    later; the page then shows the confirmed ones too, and saves them all.

    Raises:
        ValueError: The folder has a `labels.tsv` without a `review.tsv` that has its lines.
    """

    def __init__(self, folder: str | Path) -> None:
        self.folder = Path(folder)
        self.texts: dict[str, str] = {}
        rows: list[dict[str, str]] = []
        if (self.folder / LABELS).is_file():
            self.texts = dict(LabeledLines(self.folder).items)
        if (self.folder / TABLE).is_file():
            lines = (self.folder / TABLE).read_text(encoding="utf-8").splitlines()
            rows = list(csv.DictReader(lines, dialect="excel-tab"))
        self.confirmed = [row for row in rows if row.get("image") in self.texts]
        if missing := self.texts.keys() - {row["image"] for row in self.confirmed}:
            raise ValueError(
                f"{self.folder / LABELS} has {min(missing)}, and {TABLE} beside it does not; give "
                "another folder for --out"
            )

    def without_confirmed(self, places: Iterable[Place]) -> list[Place]:
        """The lines that were not confirmed before."""
        known = {(row["page"], row["line"]) for row in self.confirmed}
        return [place for place in places if (place[0].image.name, place[1]) not in known]

    def write(self, lines: Sequence[Listed], images: Iterable[Tensor]) -> None:
        """Write lines to correct, the most useful first, beside those confirmed before."""
        first = max((int(Path(row["image"]).stem) for row in self.confirmed), default=0) + 1
        rows = [_row(f"{number:03}.png", line) for number, line in enumerate(lines, start=first)]
        with filling(self.folder) as partial:
            for row, image in zip(rows, images, strict=True):
                (partial / row["image"]).write_bytes(as_png(image))
            with (partial / TABLE).open("w", newline="", encoding="utf-8") as file:
                writer = csv.DictWriter(file, COLUMNS, dialect="excel-tab")
                writer.writeheader()
                writer.writerows(rows + self.confirmed)
            (partial / PAGE).write_text(self._page(rows), encoding="utf-8")

    def _page(self, rows: list[dict[str, str]]) -> str:
        shown = [_shown(row, row["text"], "") for row in rows]
        shown += [_shown(row, self.texts[row["image"]], " data-seen") for row in self.confirmed]
        lines = "\n".join(shown)
        sheet = hashlib.sha256(f"{self.folder.resolve()}\n{lines}".encode()).hexdigest()[:16]
        template = Template(_TEMPLATE.read_text(encoding="utf-8"))
        return template.substitute(lines=lines, sheet=sheet)


def _row(name: str, line: Listed) -> dict[str, str]:
    numbers = {"wrong": f"{line.read.wrong:.1f}", "doubt": f"{line.read.doubt:.1f}"}
    place = {"page": line.outline.image.name, "line": line.key}
    return {"image": name, **place, **numbers, "text": line.read.text}


def _shown(row: dict[str, str], text: str, seen: str) -> str:
    image, place = (html.escape(of) for of in (row["image"], f"{row['page']}, {row['line']}"))
    return (
        f'<li><label><img src="{image}" alt="line {image}"><input value="{html.escape(text)}" '
        f'data-image="{image}"{seen} spellcheck="false" autocomplete="off"></label>'
        f"<small>{place}; {html.escape(row['wrong'])} wrong characters expected</small></li>"
    )
