"""Sentence pairs for translation: a file of SOURCE<TAB>TARGET lines, split by source sentence."""

from __future__ import annotations

import hashlib
from pathlib import Path

from isotrope.text.normalise import clean

Pairs = dict[str, tuple[str, ...]]
"""The translations of each source sentence."""


def load_pairs(path: str | Path) -> Pairs:
    """Load the pairs of a UTF-8 file, normalized by `clean`, in order; empty lines are skipped.

    Columns after the second are ignored.

    Raises:
        ValueError: The file is missing or not UTF-8, or a line has no tab or an empty side.
    """
    path = Path(path)
    try:
        content = path.read_text(encoding="utf-8-sig")
    except OSError as error:
        raise ValueError(
            f"{path}: cannot be read ({error.strerror}); give a file of SOURCE<TAB>TARGET lines"
        ) from error
    except UnicodeDecodeError as error:
        raise ValueError(f"{path} is not UTF-8 ({error}); save it as UTF-8") from error
    found: dict[str, list[str]] = {}
    for number, line in enumerate(content.split("\n"), start=1):
        if not line.strip():
            continue
        source, tab, rest = line.partition("\t")
        source, target = clean(source), clean(rest.split("\t")[0])
        if not (tab and source and target):
            raise ValueError(f"{path}: line {number} is not SOURCE<TAB>TARGET; write both sides")
        if target not in found.setdefault(source, []):
            found[source].append(target)
    return {source: tuple(targets) for source, targets in found.items()}


def split_pairs(pairs: Pairs, every: int, salt: str = "") -> tuple[Pairs, Pairs]:
    """Split into a training part and a held-out part of about one source sentence in `every`.

    A held-out sentence is held out with all its translations, and none of these is left in the
    training part, not even with another source. Sentences that differ only in case, spaces and
    punctuation count as one. The choice depends only on the sentence and the salt, so it stays the
    same when pairs are added.
    """
    held = {s: targets for s, targets in pairs.items() if _digest(s, salt) % every == 0}
    known = {_letters(target) for targets in held.values() for target in targets}
    kept: Pairs = {}
    for source, targets in pairs.items():
        rest = tuple(target for target in targets if _letters(target) not in known)
        if source not in held and rest:
            kept[source] = rest
    return kept, held


def _digest(source: str, salt: str) -> int:
    content = (salt + _letters(source)).encode()
    return int.from_bytes(hashlib.sha256(content).digest()[:8], "big")


def _letters(text: str) -> str:
    return "".join(filter(str.isalnum, text.casefold()))
