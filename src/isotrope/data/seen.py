"""Tell the lines that a person has seen from those that only a program has read.

A model that is trained on its own readings learns its own mistakes. So a line counts as seen only
if something says so. The first of these rules that applies decides:

1. Transkribus says that the page is finished (DONE, FINAL, GT): it is checked.
2. The page's reading by isotrope is there too, in a file that nobody has changed since. A line is
   corrected if no line of that reading has the same text, else unchanged.
3. Transkribus says that nobody has saved the page (NEW): it is unseen.
4. The line has a confidence below 1, which only programs give: it is unseen. At 1 it is corrected.
5. Other lines of the file have confidences, and this one has none any more: it is corrected.
6. The line has an id that isotrope gives, and the file has no confidences: an editor has dropped
   them, and nobody can tell. It is unknown.
7. Nothing hints at a program: it is transcribed.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Collection

from isotrope.io.marks import LINE
from isotrope.io.transcripts import LineTranscript, PageTranscript
from isotrope.io.transcripts.origin import FINISHED, NEW
from isotrope.text.normalise import clean

SEEN = ("corrected", "checked", "transcribed")
UNSEEN = ("unchanged", "unseen", "unknown")


def is_reading(page: PageTranscript) -> bool:
    """Whether this is a page as isotrope read it, which nobody has changed since."""
    texts = [line for line in page.lines.values() if clean(line.text)]
    return page.origin.is_ours and all(map(_is_read, texts))


def judged(page: PageTranscript, reading: Collection[str] | None = None) -> dict[int, str]:
    """Which of `SEEN` or `UNSEEN` each line with text is, keyed by number.

    Args:
        reading: The texts, normalized by `clean`, that isotrope read on the page, if they are known
            from another file.
    """
    dropped = all(line.confidence is None for line in page.lines.values())
    return {
        number: _judged(line, text, page.origin.status, reading, dropped)
        for number, line in page.lines.items()
        if (text := clean(line.text))
    }


def summary(counts: Counter[str]) -> str:
    """Counts of lines by what they are, in words; empty if all are simply transcribed."""
    if set(counts) <= {"transcribed"}:
        return ""
    said = ", ".join(f"{counts[kind]} {kind}" for kind in SEEN if counts[kind]) or "none"
    left = ", ".join(f"{counts[kind]} {kind}" for kind in UNSEEN if counts[kind])
    return f"lines that a person has seen: {said}" + (f"; others: {left}" if left else "")


def _judged(
    line: LineTranscript, text: str, status: str, reading: Collection[str] | None, dropped: bool
) -> str:
    if reading is not None and text not in reading:
        return "corrected"
    if status in FINISHED:
        return "checked"
    if reading is not None:
        return "unchanged"
    if status == NEW or _is_read(line):
        return "unseen"
    if dropped and line.key.startswith(LINE):
        return "unknown"
    return "transcribed" if dropped else "corrected"


def _is_read(line: LineTranscript) -> bool:
    return line.confidence is not None and line.confidence < 1
