"""Which of a set of characters looks most like another."""

from __future__ import annotations

import unicodedata

_LOOKS = {
    **dict(zip("ΑΒΕΖΗΙΚΜΝΟΡΤΥΧαγικνορτυχωϲ", "ABEZHIKMNOPTYXayiKvoptuxwc", strict=True)),
    **dict(
        zip(
            "АВЕЅІЈКМНОРСТУХавгеѕіјкмнорстухьпиш",
            "ABESIJKMHOPCTYXaBresijKMHopcTyxbnuw",
            strict=True,
        )
    ),
    **dict(zip("ſƒʒßꞵƿɩɑ", "ff3BBpia", strict=True)),
}
"""Letters of other scripts and old letters that look like a Latin one."""


def alike(character: str, charset: str) -> str | None:
    """The character of `charset` that looks most like another one; None if none does.

    Letters and ligatures decompose into their first letter, å to a; Unicode's names tell what a
    letter with a stroke or a hook is made from; look-alikes of other scripts are listed.

    Example:
        >>> [alike(c, "abcdefA") for c in "åđſΑ"]
        ['a', 'd', 'f', 'A']
    """
    base = unicodedata.normalize("NFKD", character)[:1]
    name, with_, _ = unicodedata.name(character, "").partition(" WITH ")
    made_from = _named(name) if with_ else ""
    for near in (_LOOKS.get(character, ""), base, made_from, _LOOKS.get(base, "")):
        if near and near != character and near in charset:
            return near
    return None


def _named(name: str) -> str:
    try:
        return unicodedata.lookup(name)
    except KeyError:
        return ""
