"""Classify font families by name: text, display, handwriting or blackletter."""

from __future__ import annotations

import re

KINDS = ("text", "display", "hand", "fraktur")
_DISPLAY = re.compile(
    r"(Abril|Acme|Alfa Slab|Amatic|Anton|Archivo Black|Audiowide|BM |Balker|Bangers|Bebas"
    r"|Berkshire|Big Shoulders|Black Ops|Bowlby|Breip|Bungee|Cabin ?Sketch|Carter|Cherry"
    r"|Cinzel|Creepster|DotGothic|Engadget|Fjalla|Germania|Graduate|Hamlet|Jockey|Jura|Khand"
    r"|League Gothic|Leckerli|Lilita|Lobster|Londrina|Luckiest|MedievalSharp|Michroma|Mouse"
    r"|Norwester|Orbitron|Pacifico|Parix|Passion|Patua|Penguin|Permanent|Poiret|Reggae|Righteous"
    r"|RocknRoll|Russo|Saira|Shrikhand|Staatliches|Steve|Stick|Teko|Titan|Train One|UnDinaru"
    r"|Uncial|Yeseva|eurofurence|monofur|okolaks|Le Murmure|Jara|Quercus|Jessen|Oldania)",
    re.IGNORECASE,
)
_FRAKTUR = re.compile(r"UnifrakturMaguntia|UnifrakturCook", re.IGNORECASE)
_HAND = re.compile(
    r"(Alex Brush|Allura|Annie Use|Architects Daughter|Bad Script|Bajaderka|Because We|Breip"
    r"|Caveat|Cedarville|Conakry|Cookie|Corinthia|Courgette|Covered By|Damion|Dancing Script"
    r"|Delicious Handrawn|Delphine|Domestic Manners|Ecolier|Elegante|Ephesis|Fantasma|Gaegu"
    r"|Gloria Hallelujah|Gochi Hand|Grand Hotel|Great Vibes|Handlee|Havana|Herr Von|Homemade"
    r"|Indie Flower|Isabella|Italianno|Junkyard|Kalam|Kaushan|Kristi|Mansalva|Marck|Monsieur"
    r"|MonteCarlo|Mr De|Ms Madi|Nanum (Brush|Pen)|NanumBarunpen|Neucha|Oooh|Parisienne"
    r"|Patrick Hand|Petit Formal|Pinyon|Purisa|Reenie|Rock Salt|Romande ADF Script|Rufscript"
    r"|Sacramento|Satisfy|Schoolbell|Shadows Into|StayPuft|Sue Ellen|Swanky|Tangerine"
    r"|The Girl|Tomson Talks|UnPilgi|Whisper|Yellowtail|Yusei|Z003|TeX ?Gyre ?Chorus|Zen Kurenaido"
    r")",
    re.IGNORECASE,
)


def kind_of(family: str) -> str:
    """Return a family's kind by its name: "fraktur", "hand", "display" or "text"."""
    if _FRAKTUR.match(family):
        return "fraktur"
    if _HAND.match(family):
        return "hand"
    return "display" if _DISPLAY.match(family) else "text"
