"""Characters of labels that a model's charset lacks: which of them are learned."""

from __future__ import annotations

import logging
import unicodedata
from collections import Counter

from isotrope.data.lines import LabeledLines

logger = logging.getLogger(__name__)

_NO_LETTERS = ("Cc", "Cf", "Cs", "Cn")
"""Unicode's categories of what has no shape: control and format characters, and no characters."""


def with_new_characters(lines: LabeledLines, charset: str, least: int) -> tuple[LabeledLines, str]:
    """Lines with normalized labels, and the characters to add to a charset, sorted.

    A character outside the charset is added if it occurs `least` times. A rarer one is replaced by
    its compatible form (NFKC, ﬁ by fi) if the charset has that; this is logged. Invisible format
    characters are removed. Lines whose labels still have other characters are not usable.

    Args:
        least: 0: add none.
    """
    known = frozenset(charset)
    texts = [_visible(text, known) for _, text in lines.items]
    counts = Counter(c for text in texts for c in text if c not in known)
    new = {c for c, n in counts.items() if least and n >= least and _has_shape(c)}
    able = known | new
    replaced = {
        c: form
        for c in counts.keys() - new
        if (form := unicodedata.normalize("NFKC", c)) != c and able.issuperset(form)
    }
    if replaced:
        logger.warning(
            "%s: rare characters are written otherwise: %s",
            lines.path,
            ", ".join(f"{c} as {form}" for c, form in sorted(replaced.items())),
        )
    table = str.maketrans(replaced)
    return lines.relabeled([text.translate(table) for text in texts]), "".join(sorted(new))


def _visible(text: str, known: frozenset[str]) -> str:
    return "".join(c for c in text if c in known or unicodedata.category(c) != "Cf")


def _has_shape(character: str) -> bool:
    return unicodedata.category(character) not in _NO_LETTERS and character != "\ufffd"
