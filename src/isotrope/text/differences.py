"""Where two texts differ, and which characters are read as which."""

from __future__ import annotations

import unicodedata
from collections import Counter
from collections.abc import Iterable
from itertools import zip_longest

import jiwer


def differences(truth: str, read: str) -> list[tuple[str, str]]:
    """Pairs of a part of the true text and what was read for it, in order, by the fewest edits.

    Equal parts are the same text twice; an empty part was left out or added.

    Example:
        >>> differences("house", "hovses")
        [('ho', 'ho'), ('u', 'v'), ('se', 'se'), ('', 's')]
    """
    truth, read = (unicodedata.normalize("NFC", text) for text in (truth, read))
    if not truth or not read:
        return [(truth, read)] if truth or read else []
    (chunks,) = jiwer.process_characters(truth, read).alignments
    return [
        (truth[c.ref_start_idx : c.ref_end_idx], read[c.hyp_start_idx : c.hyp_end_idx])
        for c in chunks
    ]


def confusions(pairs: Iterable[tuple[str, str]]) -> Counter[tuple[str, str]]:
    """How often each character was read as another, over pairs of a true and a read text.

    An empty one was left out or added.
    """
    counts: Counter[tuple[str, str]] = Counter()
    for truth, read in pairs:
        for ours, theirs in differences(truth, read):
            if ours != theirs:
                counts.update(zip_longest(ours, theirs, fillvalue=""))
    return counts
