"""The characters the recognizer can output, in the order of its classes."""


def _range(first: int, last: int) -> str:
    return "".join(map(chr, range(first, last + 1)))


_ASCII = _range(0x20, 0x7E)  # space and the printable characters
_LATIN_1_LETTERS = _range(0xC0, 0xFF).replace("×", "").replace("÷", "")
_LATIN_1_SIGNS = "¡¢£¥§©ª«®°±²³´µ¶·¹º»¼½¾¿×÷"
_LATIN_EXTENDED_A = _range(0x100, 0x17F)
_LATIN_OTHER = "ȘșȚțẞ"
_TYPOGRAPHY = "€„“”‘’‚‹›–—…•†‡™"
_HISTORICAL = "\ua75b\u2e17\u0364⟦⟧ˣ"  # r rotunda, double oblique hyphen, combining small e

CHARSET: str = (
    _ASCII
    + _LATIN_1_LETTERS
    + _LATIN_1_SIGNS
    + _LATIN_EXTENDED_A
    + _LATIN_OTHER
    + _TYPOGRAPHY
    + _HISTORICAL
)

# Characters beyond CHARSET in transcribed lines from five centuries.
_LINE_ENDS = "\xac"  # the not sign, with which many transcribers mark a word broken at a line's end
_SUPERSCRIPTS = "⁰⁴⁵⁶⁷⁸⁹" + "ᵉᵐˢᵗ"
_SIGNS = "¨ˇ˚˜≈∗●◡"  # ∗ is the asterisk operator, ◡ the metrical sign of a short syllable
_TILDED = "ẽ"  # e with a nasal mark; CHARSET has the other vowels
_COMBINING = (
    "\u0303"  # tilde: q̃, p̃, m̃
    "\u0304"  # macron: p̄, q̄
    "\u033e"  # vertical tilde, for er and re
    "\u0365"  # small i above: qͥ
    "\u0368"  # small c above
    "\u036c"  # small r above
    "\u1dd1"  # ur above
    "\u1de4"  # small s above
)
_ABBREVIATIONS = (
    "\u204a"  # ⁊ Tironian et
    "\u204b"  # ⁋ reversed pilcrow
    "\ua751"  # ꝑ p with a stroke through its descender: per, par
    "\ua753"  # ꝓ p with a flourish: pro
    "\ua76f"  # ꝯ con, com
    "\ua770"  # ꝰ us
)
_MUFI = (  # the private use area as the Medieval Unicode Font Initiative assigns it
    "\ue42c"  # a with a small e above
    "\ue644"  # o with a small e above
    "\ue72b"  # u with a small e above
    "\ue8bf"  # q with a final et: que
)

LINE_CHARSET: str = (
    CHARSET + _LINE_ENDS + _SUPERSCRIPTS + _SIGNS + _TILDED + _COMBINING + _ABBREVIATIONS + _MUFI
)
"""Alphabet of the line recognizer: `CHARSET`, in its order, then the signs of old print."""

_KNOWN = frozenset(CHARSET)


def in_charset(text: str) -> bool:
    """Whether the recognizer knows every character of `text` (true for an empty one)."""
    return _KNOWN.issuperset(text)
