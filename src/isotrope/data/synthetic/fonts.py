"""Installed Latin fonts by family, each family in the training or the validation split."""

from __future__ import annotations

import hashlib
import json
import os
import re
from collections.abc import Iterable, Sequence
from contextlib import suppress
from dataclasses import asdict, dataclass
from functools import lru_cache
from pathlib import Path

import numpy as np

from isotrope.io.files import cache_folder, replacing
from isotrope.text.charset import CHARSET

SPLITS = ("train", "valid")
VALID_SHARE = 0.08  # of the superfamilies
_SALT = "1870:"  # chosen so that Debian's fonts give a validation split of many styles
FOLDERS = (
    str(cache_folder() / "fonts"),  # where isotrope.data.synthetic.webfonts puts npm's fonts
    "/usr/share/fonts", "/usr/local/share/fonts", "/usr/share/texmf/fonts/opentype",
    "~/.fonts", "~/.local/share/fonts", "/Library/Fonts", "~/Library/Fonts", "C:/Windows/Fonts",
)  # fmt: skip
ESSENTIAL = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz.,"

_STYLES = {
    "thin", "hairline", "extralight", "ultralight", "light", "semilight", "demilight",
    "regular", "normal", "book", "medium", "semibold", "demibold", "demi", "semi", "bold",
    "extrabold", "ultrabold", "extra", "ultra", "black", "heavy", "fat", "italic", "oblique",
    "slanted", "inclined", "upright", "half", "condensed", "semicondensed", "extracondensed",
    "semi-condensed", "compressed", "cond", "cd", "narrow", "expanded", "wide", "ext", "std",
    "ttf", "z",
}  # fmt: skip
_NOTO_LATIN = frozenset(
    {
        "Noto Sans",
        "Noto Serif",
        "Noto Mono",
        "Noto Sans Mono",
        "Noto Sans Display",
        "Noto Serif Display",
    }
)
_NOT_TEXT = re.compile(
    r"symbol|dingbat|\bicons?\b|math|barcode|music|keyboard|initials|braille|emoji|ornament|integrals"
    r"|nonunicode|variants|size\w+sym|dseg|tengwar|klingon|fallback|lastresort|\blogo",
    re.IGNORECASE,
)
# Inspected: unreadable, for another script, or with phonetic signs in place of letters.
_UNREADABLE = re.compile(
    r"(Alfa-beta|Ellhnikh|API +PHON.*|IPA +PHONETICS|BM Euljiro oraeorae|Ferrite Core DX"
    r"|DkgHandwriting|\[F500\]|femkeklaver|TriodPostnaja|Cupola|Ubuntu-Title|Abecedario.*|Wargames"
    r"|progenisis|It wasn't me|Solide Mirage|.* Uralic|Summersby|unifur|Radis Sans)$",
    re.IGNORECASE,
)
# Capitals in both cases, redrawn or smaller, which comparing outlines does not detect.
_CAPITALS_ONLY = re.compile(r"Because We|Humor Sans|.*(\bCaps|Smallcaps|ADF Style|Titling)$")
_JOINED_SCRIPT = re.compile(
    r"Elegante|Ecolier|Bajaderka|UnPilgi|Kristi|Dancing Script|Chancery|Z003|Havana"
    r"|TeX ?Gyre ?Chorus|Isabella|Romande ADF Script|Delphine|Kaushan"
    r"|Alex Brush|Allura|Cookie|Corinthia|Courgette|Damion|Ephesis|Grand Hotel|Great Vibes"
    r"|Herr Von|Italianno|Marck|Monsieur|MonteCarlo|Mr De|Ms Madi|Oooh|Pacifico|Parisienne"
    r"|Pinyon|Sacramento|Satisfy|Tangerine|Whisper|Yellowtail|Cedarville|Homemade|Unifraktur"
    r"|Berkshire"
)
# Designs that copy one another: a reader trained on one has seen them all.
_CLONES = {
    "Helvetica": r"Nimbus Sans|FreeSans|Liberation Sans|Arimo|Aerial|TeX ?Gyre ?Heros|Switzera",
    "Times": r"Nimbus Roman|FreeSerif|Liberation Serif|Tinos|Tymes|TeX ?Gyre ?Termes|STIX",
    "Courier": r"Nimbus Mono|FreeMono|Liberation Mono|Cousine|TeX ?Gyre ?Cursor|Courier",
    "Schoolbook": r"C059|Schoolbook|TeX ?Gyre ?Schola|Century",
    "Palatino": r"P052|Palladio|TeX ?Gyre ?Pagella",
    "Bookman": r"URW Bookman|Bookman|TeX ?Gyre ?Bonum",
    "Avant Garde": r"URW Gothic|TeX ?Gyre ?Adventor",
    "Chancery": r"Z003|Chancery|TeX ?Gyre ?Chorus",
    "Vera": r"DejaVu|Bitstream Vera|Verana|Veranda|Hack$",
    "Computer Modern": r"CMU|LM ?(Roman|Sans|Mono)|Latin Modern",
    "Carlito": r"Carlito|Lato",
    "Open Sans": r"Open Sans|Noto Sans|Droid Sans|Noto Mono",
}


@dataclass(frozen=True)
class FontFile:
    """A readable Latin font: `characters` are those of CHARSET it draws, including the space.

    `case`: "upper" if small letters are drawn as capitals, so only upper-case text is unambiguous;
    "lower" if only small letters join, so words in capitals are unreadable; else "both".
    """

    path: str
    family: str
    characters: str
    case: str


def font_families(
    split: str, folders: Sequence[str | Path] | None = None
) -> dict[str, tuple[FontFile, ...]]:
    """Return the font files of each family of a split, in alphabetical order of families.

    `split` is "train" or "valid". A hash of its superfamily's name assigns each family to one:
    "DejaVu Sans" and "DejaVu Serif" are on the same side on every machine. `folders` defaults to
    FOLDERS. Raises ValueError for another split, FileNotFoundError if there is no usable font.
    """
    if split not in SPLITS:
        raise ValueError(f"split={split!r} is not one of {SPLITS}")
    folders = tuple(
        str(Path(folder).expanduser()) for folder in (FOLDERS if folders is None else folders)
    )
    families: dict[str, list[FontFile]] = {}
    for font in scan(folders):
        families.setdefault(font.family, []).append(font)
    if not families:
        raise FileNotFoundError(
            f"no Latin fonts (.ttf, .otf, .ttc) in {', '.join(folders)}; "
            "install some with `make fonts`, or name other folders"
        )
    return {name: tuple(families[name]) for name in sorted(families) if split_of(name) == split}


def split_of(family: str) -> str:
    """Return the split of a family, "train" or "valid", from its name."""
    digest = hashlib.sha256((_SALT + superfamily(family).casefold()).encode()).digest()
    return "valid" if int.from_bytes(digest[:4], "big") < VALID_SHARE * 2**32 else "train"


def superfamily(family: str) -> str:
    """Return the name under which related families share a split: a copied design or first word."""
    for design, pattern in _CLONES.items():
        if re.match(pattern, family, re.IGNORECASE):
            return design
    first = re.match(r"\W*(?:[A-Z]+(?![a-z])|[A-Z]?[^\W_A-Z]+)", family)
    return first.group() if first else family


def family_of(name: str) -> str:
    """Return a font's typographic family name without weight, width, slope or optical size."""
    words = name.replace("_", " ").split()
    while len(words) > 1 and (
        words[-1].lower() in _STYLES or re.fullmatch(r"\d{1,2}(pt)?", words[-1])
    ):
        words.pop()
    return " ".join(words)


@lru_cache(maxsize=8)
def scan(folders: tuple[str, ...]) -> tuple[FontFile, ...]:
    """List the readable Latin fonts under `folders`, cached until one of the files changes."""
    paths = sorted({path for folder in folders for path in _font_paths(folder)})
    states = [(path, os.stat(path)) for path in paths]
    stamps = [(path, state.st_mtime_ns, state.st_size) for path, state in states]
    rules = Path(__file__).read_text("utf-8")
    key = hashlib.sha256(json.dumps([rules, CHARSET, stamps]).encode()).hexdigest()[:20]
    cache = cache_folder() / f"fonts-{key}.json"
    with suppress(OSError, ValueError, TypeError):
        return tuple(FontFile(**record) for record in json.loads(cache.read_text("utf-8")))
    fonts = tuple(font for font in map(_inspect, paths) if font is not None)
    with suppress(OSError):
        cache.parent.mkdir(parents=True, exist_ok=True)
        with replacing(cache) as temporary:
            temporary.write_text(json.dumps([asdict(font) for font in fonts]), encoding="utf-8")
    return fonts


def load_typeface(path: str):
    """Load a font file's first face as a skia.Typeface; None if skia cannot read it."""
    return _font_manager().makeFromFile(path)


def outline_font(typeface, size: float):
    """Make a skia.Font of `size` pixels per em, unhinted so that its outlines scale."""
    import skia

    font = skia.Font(typeface, size)
    font.setHinting(skia.FontHinting.kNone)
    font.setSubpixel(True)
    font.setLinearMetrics(True)
    return font


@lru_cache(maxsize=1)
def _font_manager():
    import skia

    return skia.FontMgr.New_Custom_Empty()  # reads files without fontconfig


def _font_paths(folder: str) -> Iterable[str]:
    for root, _, files in os.walk(folder):
        paths = (os.path.join(root, file) for file in files)
        fonts = (path for path in paths if path.lower().endswith((".ttf", ".otf", ".ttc")))
        yield from filter(os.path.isfile, fonts)  # no broken links


def _inspect(path: str) -> FontFile | None:
    """Inspect the font at `path`; None if it is not for Latin text."""
    typeface = load_typeface(path)
    if typeface is None:
        return None
    family = family_of(typeface.getFamilyName())
    foreign_noto = family.startswith("Noto ") and family not in _NOTO_LATIN
    if (
        foreign_noto
        or _UNREADABLE.match(family)
        or _NOT_TEXT.search(family)
        or _NOT_TEXT.search(Path(path).stem)
    ):
        return None
    font = outline_font(typeface, 64)
    characters = _drawn_characters(font)
    if not set(ESSENTIAL) <= set(characters) or not _distinct(font):
        return None
    return FontFile(path, family, characters, _case(font, family))


def _drawn_characters(font) -> str:
    """Return the characters of CHARSET with their own glyph and outline, and the space."""
    glyphs = dict(zip(CHARSET, font.unicharsToGlyphs([ord(c) for c in CHARSET]), strict=True))
    uses: dict[int, int] = {}
    for glyph in glyphs.values():
        uses[glyph] = uses.get(glyph, 0) + 1
    ascii_glyphs = {glyphs[c] for c in CHARSET[:95]}
    drawn = [" "]
    for character, glyph in glyphs.items():
        stand_in = uses[glyph] > 6 or (
            character > "~" and glyph in ascii_glyphs
        )  # boxes, or é drawn as e
        if glyph and not stand_in and font.getBounds([glyph])[0].height() > 0:
            drawn.append(character)
    return "".join(dict.fromkeys(drawn))


def _distinct(font) -> bool:
    """Whether letters differ from one another (else they are boxes) and have no frames."""
    dot, capital = font.getBounds(font.unicharsToGlyphs([ord("."), ord("H")]))
    if dot.height() > 0.6 * capital.height():
        return False
    glyphs = np.stack([_thumbnail(font, c) for c in "abnoxHEM1"])
    differences = np.abs(glyphs[:, None] - glyphs[None]).mean(axis=(2, 3))
    return bool((differences + np.eye(len(glyphs)) > 0.025).all())


def _case(font, family: str) -> str:
    """Find which case is readable: see `FontFile.case`."""
    same = [
        np.abs(_thumbnail(font, c) - _thumbnail(font, c.upper())).mean() < 0.08
        for c in "abdefghnqrt"
    ]
    if _CAPITALS_ONLY.match(family) or sum(same) > 7:
        return "upper"
    return "lower" if _JOINED_SCRIPT.match(family) else "both"


def _thumbnail(font, character: str, size: int = 20) -> np.ndarray:
    """Draw a character's outline, stretched to a square: (size, size) coverage in [0, 1]."""
    import skia

    path = font.getPath(font.unicharToGlyph(ord(character)))
    image = np.zeros((size, size, 4), np.uint8)
    if path is not None and not path.isEmpty():
        fit = skia.Matrix.MakeRectToRect(
            path.computeTightBounds(), skia.Rect(size, size), skia.Matrix.kFill_ScaleToFit
        )
        path.transform(fit)
        skia.Surface(image).getCanvas().drawPath(
            path, skia.Paint(AntiAlias=True, Color=skia.ColorWHITE)
        )
    return image[..., 3].astype(np.float32) / 255
