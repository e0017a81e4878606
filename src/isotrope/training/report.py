"""`report.html` beside an adapter: the worst held-out lines, and which characters are confused."""

from __future__ import annotations

import base64
import io
from collections.abc import Sequence
from html import escape
from pathlib import Path

from PIL import Image
from torch import Tensor

from isotrope.io.files import replacing
from isotrope.ocr.engines import make_engine
from isotrope.ocr.tidy import read_tidied
from isotrope.text.differences import confusions, differences
from isotrope.text.metrics import cer
from isotrope.training.adaptation import Adaptation
from isotrope.training.line_sets import evenly
from isotrope.training.relabel import as_bytes

MOST, WORST, PAIRS = 200, 30, 40
"""Most held-out lines to read, evenly spread, and most lines and pairs of characters to show."""

_HEIGHT = 64
"""Most height of a drawn line, px."""

_STYLE = """
body { font: 16px/1.5 system-ui, sans-serif; max-width: 70rem; margin: 2rem auto; padding: 0 1rem }
figure { margin: 1.5rem 0 } img { max-width: 100%; border: 1px solid #ccc }
p { margin: 0; white-space: pre-wrap } .rate { color: #666 }
del { background: #fdd } ins { background: #dfd; text-decoration: none }
td, th { padding: 0 1rem; text-align: left }
"""


def write_report(made: Adaptation) -> Path:
    """Read held-out lines with a trained adapter as users do, and write where it errs.

    Returns:
        The path of `report.html`, which needs no other file.
    """
    lines = evenly(len(made.valid), MOST)
    samples = [made.valid[number] for number in lines]
    names = [str(made.valid.items[number][0]) for number in lines]
    engine = make_engine(made.recipe.engine, path=made.base, adapter=made.out)
    found = read_tidied([engine] * len(lines), [as_bytes(image) for image, _ in samples])
    read = [one.text for one in found]
    truth = [text for _, text in samples]
    rates = [cer([one], [true]) for one, true in zip(read, truth, strict=True)]
    edits = [rate * len(true) for rate, true in zip(rates, truth, strict=True)]
    worst = sorted(range(len(lines)), key=lambda n: (-edits[n], -rates[n], n))[:WORST]
    figures = [
        _figure(samples[n][0], names[n], truth[n], read[n], rates[n]) for n in worst if edits[n]
    ]
    page = _page(made.out.name, len(lines), cer(read, truth), figures, _table(truth, read))
    path = made.out / "report.html"
    with replacing(path) as temporary:
        temporary.write_text(page, encoding="utf-8")
    return path


def marked(truth: str, read: str) -> tuple[str, str]:
    """Both texts as HTML, with `<del>` around what was misread and `<ins>` around how."""
    ours, theirs = "", ""
    for true, said in differences(truth, read):
        same = true == said
        ours += escape(true) if same or not true else f"<del>{escape(true)}</del>"
        theirs += escape(said) if same or not said else f"<ins>{escape(said)}</ins>"
    return ours, theirs


def _figure(image: Tensor, name: str, truth: str, read: str, rate: float) -> str:
    ours, theirs = marked(truth, read)
    return (
        f'<figure><img src="{_drawn(image)}" alt="{escape(name)}">'
        f'<p>{ours}</p><p>{theirs}</p><p class="rate">{escape(name)}: {100 * rate:.0f}%</p>'
        "</figure>"
    )


def _drawn(image: Tensor) -> str:
    picture = Image.fromarray(as_bytes(image))
    picture.thumbnail((picture.width, _HEIGHT))
    content = io.BytesIO()
    picture.save(content, "JPEG", quality=80)
    return "data:image/jpeg;base64," + base64.b64encode(content.getvalue()).decode()


def _table(truth: Sequence[str], read: Sequence[str]) -> str:
    counts = confusions(zip(truth, read, strict=True))
    ordered = sorted(counts.items(), key=lambda item: (-item[1], item[0]))[:PAIRS]
    return "".join(
        f"<tr><td>{_shown(true, 'nothing')}</td><td>{_shown(said, 'left out')}</td>"
        f"<td>{count}</td></tr>"
        for (true, said), count in ordered
    )


def _shown(character: str, missing: str) -> str:
    if not character:
        return f"<i>{missing}</i>"
    return "<i>space</i>" if character == " " else escape(character)


def _page(name: str, count: int, rate: float, figures: Sequence[str], table: str) -> str:
    return f"""<!doctype html>
<html lang="en">
<meta charset="utf-8">
<title>{escape(name)}</title>
<style>{_STYLE}</style>
<h1>{escape(name)}</h1>
<p>{count} held-out lines, character error rate {100 * rate:.1f}%.</p>
<h2>The worst lines</h2>
<p>Each with its true text, in which <del>misread characters</del> are marked, and with what was
read, <ins>how they were read</ins>.</p>
{"".join(figures) or "<p>None has an error.</p>"}
<h2>Confused characters</h2>
<table><tr><th>true</th><th>read as</th><th>times</th></tr>{table}</table>
</html>
"""
