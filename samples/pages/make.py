"""Sets the sample page, `weather-garden.png`: python samples/pages/make.py

The text is ours; the fonts are Gentium Book Basic and Courier Prime, from Debian's packages
fonts-sil-gentium-basic and fonts-courier-prime.
"""

import math
from pathlib import Path

import numpy as np
from PIL import Image, ImageDraw, ImageFont

SIDE = 1120
PAPER, INK, RED, BLUE = (251, 247, 238), (38, 34, 32), (176, 44, 40), (42, 70, 120)
FONTS = {
    "regular": "/usr/share/fonts/truetype/gentium-basic/GenBkBasR.ttf",
    "bold": "/usr/share/fonts/truetype/gentium-basic/GenBkBasB.ttf",
    "italic": "/usr/share/fonts/truetype/gentium-basic/GenBkBasI.ttf",
    "typed": "/usr/share/fonts/opentype/courier-prime/Courier Prime Bold.otf",
}
LEFT = (
    "The garden lies on a hill above the harbor. Four boards stand in it, one on each side, and "
    "every morning the keeper writes on the board that faces the wind. By noon it has often "
    "turned, and with it the hand: some lines run up the wood, some hang upside down, and the "
    "oldest lean."
)
RIGHT = (
    "Visitors walk around the boards to read them. The keeper smiles at this. A word, she says, "
    "does not care from which side you come to it; it is the same in every direction."
)
TABLE = (
    ("Month", "Rain", "Wind"),
    ("March", "61 mm", "north"),
    ("April", "48 mm", "west"),
    ("May", "35 mm", "south"),
)


def font(name, size):
    return ImageFont.truetype(FONTS[name], size)


def words(page, text, place, size, name="regular", fill=INK, degrees=0.0, anchor="mm"):
    """Write one line; with its middle at `place` if it is turned, counter-clockwise."""
    if not degrees:
        ImageDraw.Draw(page).text(place, text, fill, font(name, size), anchor=anchor)
        return
    mask = Image.new("L", (round(font(name, size).getlength(text)) + 8, 2 * size))
    ImageDraw.Draw(mask).text((mask.width / 2, size), text, 255, font(name, size), anchor="mm")
    turned = mask.rotate(degrees, Image.Resampling.BICUBIC, expand=True)
    corner = round(place[0] - turned.width / 2), round(place[1] - turned.height / 2)
    page.paste(fill, corner, turned)


def paragraph(page, text, left, top, width, size=28, step=39):
    """Break a text into lines; the next line's top."""
    line, lines = "", []
    for word in text.split():
        longer = f"{line} {word}".strip()
        if font("regular", size).getlength(longer) > width:
            lines.append(line)
            longer = word
        line = longer
    for number, text in enumerate([*lines, line]):
        words(page, text, (left, top + number * step), size, anchor="la")
    return top + (len(lines) + 1) * step


def table(page, left, top, width, size=26, step=46):
    pen = ImageDraw.Draw(page)
    for row, cells in enumerate(TABLE):
        name = "bold" if row == 0 else "regular"
        for cell, place in zip(cells, (0.04, 0.4, 0.74), strict=True):
            words(page, cell, (left + place * width, top + row * step), size, name, anchor="la")
    for row in (0, 1, len(TABLE)):
        height = top + row * step - 9
        pen.line((left, height, left + width, height), INK, 3 if row != 1 else 2)


def rose(page, x, y, radius):
    """A compass rose with words that run in four directions."""
    size = 8 * radius + 8  # four times larger, then shrunk
    star = Image.new("RGB", (size, size), PAPER)
    pen, middle = ImageDraw.Draw(star), size / 2

    def at(angle, far):
        return middle + 4 * far * math.sin(angle), middle - 4 * far * math.cos(angle)

    ring = 4 * 0.72 * radius
    pen.ellipse([middle - ring, middle - ring, middle + ring, middle + ring], None, BLUE, 8)
    for number in (1, 3, 5, 7, 0, 2, 4, 6):
        angle, long = math.pi / 4 * number, radius * (0.55 if number % 2 else 1.0)
        for side, fill in ((-1, BLUE), (1, PAPER)):
            inner = at(angle + side * math.pi / 8, 0.22 * radius)
            pen.polygon([(middle, middle), at(angle, long), inner], fill, BLUE, 6)
    small = star.resize((size // 4, size // 4), Image.Resampling.BOX)
    page.paste(small, (x - small.width // 2, y - small.height // 2))
    far = radius + 26
    words(page, "cold and clear", (x, y - far), 28, "italic")
    words(page, "fog at dawn", (x + far, y), 28, "italic", degrees=270)
    words(page, "warm and slow", (x, y + far), 28, "italic", degrees=180)
    words(page, "rain by night", (x - far, y), 28, "italic", degrees=90)


def stamp(page, x, y, degrees):
    mark = Image.new("L", (1200, 464))  # four times larger, then shrunk
    pen = ImageDraw.Draw(mark)
    pen.rounded_rectangle((12, 12, 1187, 451), 48, outline=255, width=16)
    pen.rounded_rectangle((44, 44, 1155, 419), 28, outline=255, width=8)
    pen.text((600, 160), "RECEIVED", 255, font("typed", 152), anchor="mm")
    pen.text((600, 320), "14 MAY 1911", 255, font("typed", 112), anchor="mm")
    mark = mark.resize((300, 116), Image.Resampling.BOX)
    wear = np.random.default_rng(3).normal(210, 22, (mark.height, mark.width)).clip(0, 255)
    worn = Image.fromarray((np.asarray(mark) * (wear / 255)).astype(np.uint8))
    turned = worn.rotate(degrees, Image.Resampling.BICUBIC, expand=True)
    page.paste(RED, (round(x - turned.width / 2), round(y - turned.height / 2)), turned)


def main():
    page = Image.new("RGB", (SIDE, SIDE), PAPER)
    pen = ImageDraw.Draw(page)
    words(page, "Notes from a Weather Garden", (590, 92), 62, "bold")
    words(page, "kept on the hill above the harbor, spring 1911", (590, 152), 28, "italic")
    pen.line((130, 192, 1050, 192), INK, 2)
    pen.line((130, 198, 1050, 198), INK, 1)
    paragraph(page, LEFT, 130, 226, 440)
    below = paragraph(page, RIGHT, 624, 226, 430)
    table(page, 624, below + 34, 426)
    rose(page, 350, 848, 138)
    stamp(page, 830, 808, 11)
    paragraph(page, "Read on the hill, and turned back only by the wind.", 624, 940, 430)
    words(
        page, "Turn the page: not one word will change.", (66, 600), 28, "italic", RED, degrees=90
    )
    page.quantize(64, dither=Image.Dither.NONE).save(
        Path(__file__).with_name("weather-garden.png"), optimize=True, dpi=(150, 150)
    )


if __name__ == "__main__":
    main()
