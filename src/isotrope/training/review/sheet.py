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
from isotrope.data.lines import LABELS
from isotrope.io.files import filling
from isotrope.training.review.listing import Listed

TABLE, PAGE = "review.tsv", "index.html"

_TEMPLATE = Path(__file__).parent / "sheet.html"


def write_sheet(lines: Sequence[Listed], images: Iterable[Tensor], folder: str | Path) -> None:
    """Write `001.png` and so on, `review.tsv` and `index.html`.

    The page saves the lines that a person has confirmed as `labels.tsv`; put into the folder, it
    makes it a data set for `isotrope adapt`. It is not written here: what nobody has seen is not
    to be learned.

    Raises:
        ValueError: The folder has a `labels.tsv`, which belongs to other images.
    """
    folder = Path(folder)
    if (folder / LABELS).exists():
        raise ValueError(
            f"{folder} has the {LABELS} of an earlier review; give another folder for --out"
        )
    names = [f"{number:03}.png" for number in range(1, len(lines) + 1)]
    with filling(folder) as partial:
        for name, image in zip(names, images, strict=True):
            (partial / name).write_bytes(as_png(image))
        with (partial / TABLE).open("w", newline="", encoding="utf-8") as file:
            writer = csv.writer(file, csv.excel_tab)
            writer.writerow(("image", "page", "line", "wrong", "doubt", "text"))
            for name, line in zip(names, lines, strict=True):
                wrong, doubt = f"{line.read.wrong:.1f}", f"{line.read.doubt:.1f}"
                page = line.outline.image.name
                writer.writerow((name, page, line.key, wrong, doubt, line.read.text))
        shown = "\n".join(map(_shown, names, lines))
        template = Template(_TEMPLATE.read_text(encoding="utf-8"))
        sheet = hashlib.sha256(f"{folder.resolve()}\n{shown}".encode()).hexdigest()[:16]
        filled = template.substitute(lines=shown, sheet=sheet)
        (partial / PAGE).write_text(filled, encoding="utf-8")


def _shown(name: str, line: Listed) -> str:
    place = f"{line.outline.image.name}, {line.key}"
    text, place = html.escape(line.read.text), html.escape(place)
    return (
        f'<li><label><img src="{name}" alt="line {name}">'
        f'<input value="{text}" data-image="{name}" spellcheck="false" autocomplete="off"></label>'
        f"<small>{place}; {line.read.wrong:.1f} wrong characters expected</small></li>"
    )
