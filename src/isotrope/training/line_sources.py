"""The lines of published sets, as an `AdapterSource` describes them: to train on, and held out."""

from __future__ import annotations

import re
from collections.abc import Sequence
from fnmatch import fnmatch
from pathlib import Path

from isotrope.data.cutting import Outline
from isotrope.data.joined import JoinedLines
from isotrope.data.lines import LabeledLines
from isotrope.data.pages import load_lines
from isotrope.lora import weights_digest
from isotrope.ocr.recognition.model import LineRecognizer
from isotrope.text.metrics import cer
from isotrope.text.normalise import clean
from isotrope.training.relabel import as_bytes, recased
from isotrope.training.tasks.adapter_source import AdapterSource
from isotrope.training.tasks.recognition_recipe import reader_of
from isotrope.training.tasks.start import published, remembered

_SHORT = 8
"""Texts with fewer characters occur on many pages, so an equal one is no sign of the same line."""


def gather(
    sources: Sequence[AdapterSource], data: Path, base: LineRecognizer
) -> tuple[LabeledLines, LabeledLines]:
    """The lines to train on and the held-out ones.

    A line to train on whose text is held out in another source is left out as well: pages and cut
    lines of one collection overlap.

    Args:
        data: The folder of all sets.
        base: The model to adapt.

    Raises:
        ValueError: A set does not exist or is broken, or nothing in it has the names asked for.
    """
    train, valid = [], []
    known = frozenset(base.config.charset)
    for source in sources:
        lines = _named(source, load_lines(data / source.path, source.collections))
        held = _held_out(source, lines, known)
        left_out = {n for n, name in enumerate(names(lines)) if _matches(name, source.without)}
        if source.case == "mended":
            lines = _mended(lines)
        lines = _rewritten(lines, source.rewrite, source.words)
        valid.append(_numbered(lines, held - left_out))
        rest = _numbered(lines, set(range(len(lines))) - held - left_out)
        if source.drop_above is not None:
            rest = _without_misread(rest, source.drop_above, base)
        train.append(rest)
    texts = [{text for _, text in lines.items if len(text) >= _SHORT} for lines in valid]
    parts = []
    for place, (source, lines) in enumerate(zip(sources, train, strict=True)):
        elsewhere = set().union(*texts[:place], *texts[place + 1 :])
        kept = lines.keep(lambda _, text, elsewhere=elsewhere: text not in elsewhere)
        parts += source.times * [kept]
    return JoinedLines(parts, data), JoinedLines(valid, data)


def names(lines: LabeledLines) -> list[str]:
    """The names of lines, as in `AdapterSource`."""
    return [
        f"{item.image.parent.name}/{item.image.stem}" if isinstance(item, Outline) else str(item)
        for item, _ in lines.items
    ]


def _named(source: AdapterSource, lines: LabeledLines) -> LabeledLines:
    if not source.only:
        return lines
    named = names(lines)
    kept = lines.keep(lambda number, _: _matches(named[number], source.only))
    if not len(kept):
        raise ValueError(
            f"{lines.path}: no line is named like {', '.join(source.only)}, but for example like "
            f"{', '.join(named[:1])}; change only"
        )
    return kept


def _numbered(lines: LabeledLines, numbers: set[int]) -> LabeledLines:
    return lines.keep(lambda number, _: number in numbers)


def _matches(name: str, patterns: Sequence[str]) -> bool:
    return any(fnmatch(name, pattern) for pattern in patterns)


def _held_out(source: AdapterSource, lines: LabeledLines, known: frozenset[str]) -> set[int]:
    """The numbers of the held-out lines."""
    named, wanted = names(lines), source.held_out
    if not isinstance(wanted, int):
        return {number for number, name in enumerate(named) if _matches(name, wanted)}
    if not wanted:
        return set()
    if source.document is None:
        numbers = [n for n, (_, text) in enumerate(lines.items) if known.issuperset(text)]
        return set(numbers[::wanted])
    documents = [_document(source.document, name) for name in named]
    held = set(sorted(set(documents))[::wanted])
    return {number for number, document in enumerate(documents) if document in held}


def _document(expression: str, name: str) -> str:
    found = re.search(expression, name)
    return found.group() if found else name


def _mended(lines: LabeledLines) -> LabeledLines:
    def make() -> dict[int, str]:
        read = reader_of(published("small"))
        return {
            n: recased(lines.items[n][1], read(as_bytes(lines[n][0]))) for n in range(len(lines))
        }

    found = remembered("recased", lines, make)
    return lines.relabeled([found[number] for number in range(len(lines))])


def _rewritten(lines: LabeledLines, changes: dict[str, str], words: str | None) -> LabeledLines:
    def rewritten(text: str) -> str:
        for old, new in changes.items():
            text = text.replace(old, new)
        return clean(text if words is None else " ".join(words for _ in text.split()))

    return lines.relabeled([rewritten(text) for _, text in lines.items])


def _without_misread(lines: LabeledLines, most: float, base: LineRecognizer) -> LabeledLines:
    def make() -> dict[int, str]:
        read = reader_of(base)
        return {number: read(as_bytes(lines[number][0])) for number in range(len(lines))}

    found = remembered(f"read-{weights_digest(base)[:12]}", lines, make)
    return lines.keep(lambda number, text: not text or cer([found[number]], [text]) <= most)
