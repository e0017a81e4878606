"""The characters that the recogniser knows, in the order of their output classes."""


def _range(first: int, last: int) -> str:
    return "".join(map(chr, range(first, last + 1)))


_ASCII = _range(0x20, 0x7E)  # space and the printable signs
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

_KNOWN = frozenset(CHARSET)


def in_charset(text: str) -> bool:
    """Whether the recogniser knows every character of `text` (true of an empty one)."""
    return _KNOWN.issuperset(text)
