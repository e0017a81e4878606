import json
import shutil

import numpy as np
import pytest
from PIL import Image, ImageDraw, ImageFont

from isotrope.io.resize import turn
from isotrope.ocr import loading
from isotrope.ocr.adapter_names import Auto
from isotrope.ocr.engines.base import Transcript
from isotrope.ocr.engines.translating import Cascade, Translating
from isotrope.ocr.formats import FORMATS
from isotrope.ocr.loading import shipped
from isotrope.ocr.reader import Reader

SOURCE = "Le chat dort sur la table, et le chien mange."


def line(text=SOURCE):
    image = Image.new("RGB", (24 * len(text) + 40, 64), "white")
    ImageDraw.Draw(image).text((20, 8), text, "black", ImageFont.load_default(40))
    return np.asarray(image)


@pytest.fixture(scope="module")
def reader(translator_folder):
    return Reader.from_pretrained(adapter=translator_folder, threads=1)


def test_any_translator_writes_the_same_at_all_four_turns(reader):
    images = [turn(line(), degrees) for degrees in (0, 90, 180, 270)]
    readings = reader.read(images)
    assert len({(r.text, r.confidence, r.source) for r in readings}) == 1
    assert [r.orientation for r in readings] == [0, 90, 180, 270]
    assert readings[0].text.startswith("w")
    assert readings[0].source == SOURCE


def test_a_line_does_not_depend_on_the_others(reader):
    alone = reader.read(line())
    assert reader.read([line("Bonjour"), line()])[1:] == alone


def test_json_has_what_was_read(reader):
    (entry,) = json.loads("\n".join(FORMATS["json"]([("a.png", reader.read(line()))])))
    assert entry["source"] == SOURCE
    assert entry["text"] != SOURCE
    plain = Reader.from_pretrained(threads=1).read(line())
    (entry,) = json.loads("\n".join(FORMATS["json"]([("a.png", plain)])))
    assert "source" not in entry


def test_a_blank_line_has_no_translation(reader):
    assert reader.engine.read([np.full((48, 200, 3), 255, np.uint8)]) == [Transcript("", 0.0)]


def test_a_translator_of_another_recognizer_is_refused(translator_folder):
    with pytest.raises(ValueError, match="was made for another model"):
        Translating.from_folder(shipped("tiny"), translator_folder)


class Reads:
    name = "reads"

    def read(self, lines, batch_size=32):
        return [Transcript("chat" if line.any() else "", 0.5) for line in lines]


def test_a_cascade_translates_what_any_engine_reads():
    cascade = Cascade(Reads(), lambda texts: [(text.upper(), 0.5) for text in texts])
    ink, blank = np.ones((8, 8, 3), np.uint8), np.zeros((8, 8, 3), np.uint8)
    found = cascade.read([blank, ink])
    assert found[0] == Transcript("", 0.5)
    assert (found[1].text, found[1].confidence, found[1].read) == ("CHAT", 0.25, "chat")
    assert found[1].typical == 0.5


def test_a_cascade_that_reads_nothing_translates_nothing():
    def refuse(texts):
        raise AssertionError(texts)

    blank = np.zeros((8, 8, 3), np.uint8)
    assert Cascade(Reads(), refuse).read([blank])[0].text == ""


def test_a_shipped_translator_has_a_name_for_each_language(
    translator_folder, tmp_path, monkeypatch
):
    adapters = tmp_path / "small" / "adapters"
    shutil.copytree(translator_folder, adapters / "fr-en")
    path = adapters / "fr-en" / "translator.json"
    path.write_text(json.dumps(json.loads(path.read_text()) | {"names": ["fr-en", "de-en"]}))
    monkeypatch.setattr(loading, "SHIPPED", tmp_path)
    assert loading.find_adapter("de-en") == loading.find_adapter("fr-en") == adapters / "fr-en"
    assert loading.find_adapter("it-en") is None


def test_a_translator_is_not_summed_or_chosen(translator_folder, tmp_path):
    with pytest.raises(ValueError, match="a translator has no sums; name it alone"):
        Reader.from_pretrained(adapter=f"0.5*{translator_folder}", threads=1)
    shutil.copytree(translator_folder, tmp_path / "fr-en")
    with pytest.raises(ValueError, match="no adapters to choose from"):
        Auto(tmp_path).candidates(None)


class Chooses(Reads):
    equivariant = True

    def chosen(self, lines, batch_size=32):
        return Reads()


def test_a_cascade_is_what_its_engine_is():
    cascade = Cascade(Chooses(), str)
    assert cascade.equivariant
    assert isinstance(cascade.chosen([]).engine, Reads)
    assert not isinstance(cascade.chosen([]).engine, Chooses)
    plain = Cascade(Reads(), str)
    assert not hasattr(plain, "equivariant")
    assert plain.chosen([]) is plain
