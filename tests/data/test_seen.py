"""Lines that a person has seen are told apart from those that only a program has read."""

import logging
import re

import pytest
from PIL import Image

from isotrope.data.pages import PageLines
from isotrope.io.transcripts import read_transcript
from isotrope.ocr.document import Line, Page, Region
from isotrope.ocr.formats.pages.alto import alto_pages
from isotrope.ocr.formats.pages.pagexml import page_xml

READ = ("the quick brovvn fox", "jumps over a lazy dog", "and sleeps")


def box(left, top, right, bottom):
    return ((left, top), (right, top), (right, bottom), (left, bottom))


@pytest.fixture
def page(tmp_path):
    Image.new("RGB", (200, 100), "white").save(tmp_path / "scan.png")
    lines = tuple(
        Line(text, 1.0, 0, box(10, y, 190, y + 20), ((10.0, y + 16.0), (190.0, y + 16.0)))
        for text, y in zip(READ, (10.0, 40.0, 70.0), strict=True)
    )
    return Page(200, 100, (Region(lines, box(10, 10, 190, 90)),), file=str(tmp_path / "scan.png"))


def written(page, write=page_xml):
    return b"".join(write([page])).decode()


def without_words(xml):
    return re.sub(r">\s+<", "><", re.sub(r"(?s)<Word .*?</Word>", "", xml))


def texts(folder, **options):
    lines = PageLines(folder, **options)
    return [text for _, text in lines.items], dict(lines.counts)


def as_escriptorium(xml, corrected=None):
    """Its export of an import: ids stay, confidences and words go, metadata is its own."""
    xml = re.sub(r' conf="[^"]*"', "", without_words(xml))
    xml = re.sub(r"(?s)<Metadata>.*?</Metadata>", "<Metadata><Creator>escriptorium</Creator>", xml)
    xml = xml.replace("escriptorium</Creator>", "escriptorium</Creator></Metadata>")
    return xml.replace("brovvn", corrected) if corrected else xml


@pytest.mark.parametrize(("write", "name"), [(page_xml, "page"), (alto_pages, "alto")])
def test_what_only_isotrope_has_read_is_not_learned(tmp_path, page, write, name):
    (tmp_path / f"scan.{name}.xml").write_text(written(page, write))
    with pytest.raises(ValueError, match="has 3 lines, and none that a person has seen; correct"):
        PageLines(tmp_path)
    assert texts(tmp_path, unseen=True) == ([*READ], {"unseen": 3})


@pytest.mark.parametrize("write", [page_xml, alto_pages])
def test_a_corrected_line_beside_the_reading(tmp_path, page, write, caplog):
    (tmp_path / "read").mkdir()
    (tmp_path / "read" / "scan.xml").write_text(written(page, write))
    (tmp_path / "fixed.xml").write_text(as_escriptorium(written(page), "brown"))
    with caplog.at_level(logging.WARNING):
        found = texts(tmp_path)
    assert found == (["the quick brown fox"], {"corrected": 1, "unchanged": 2})
    assert "lines that a person has seen: 1 corrected; others: 2 unchanged" in caplog.text
    assert len(texts(tmp_path, unseen=True)[0]) == 3


def test_an_editor_that_drops_confidences_leaves_no_trace(tmp_path, page):
    (tmp_path / "scan.xml").write_text(as_escriptorium(written(page), "brown"))
    with pytest.raises(ValueError, match="put what isotrope read and the corrected pages into one"):
        PageLines(tmp_path)
    assert texts(tmp_path, unseen=True)[1] == {"unknown": 3}


@pytest.mark.parametrize("kept", ["", ' conf="1"', ' conf="1.0"'])
def test_a_line_whose_confidence_is_gone_or_1_is_corrected(tmp_path, page, kept):
    xml = without_words(written(page)).replace("brovvn", "brown")
    before = '<TextEquiv conf="0.9999"><Unicode>the quick brown'
    assert before in xml
    xml = xml.replace(before, f"<TextEquiv{kept}><Unicode>the quick brown")
    (tmp_path / "scan.xml").write_text(xml)
    assert texts(tmp_path) == (["the quick brown fox"], {"corrected": 1, "unseen": 2})


@pytest.mark.parametrize("index", ["0", None])
def test_a_text_put_beside_the_reading(tmp_path, page, index):
    """Aletheia keeps several texts for a line; of two firsts, a person's has no confidence."""
    xml = without_words(written(page))
    machine = '<TextEquiv conf="0.9999"><Unicode>the quick'
    assert machine in xml
    ours = "<TextEquiv><Unicode>the quick brown fox</Unicode></TextEquiv>"
    if index:
        ours = ours.replace("<TextEquiv>", '<TextEquiv index="0">', 1)
        xml = xml.replace(machine, machine.replace("conf", 'index="1" conf'))
        machine = machine.replace("conf", 'index="1" conf')
    (tmp_path / "scan.xml").write_text(xml.replace(machine, ours + machine))
    assert texts(tmp_path)[0] == ["the quick brown fox"]
    (tmp_path / "scan.xml").write_text(xml.replace(machine, machine))
    with pytest.raises(ValueError, match="none that a person has seen"):
        PageLines(tmp_path)


@pytest.mark.parametrize(
    ("status", "found"),
    [
        ("GT", {"checked": 3}),
        ("FINAL", {"checked": 3}),
        ("DONE", {"checked": 3}),
        ("NEW", {"unseen": 3}),
        ("IN_PROGRESS", {"unseen": 3}),
    ],
)
def test_transkribus_says_which_pages_are_finished(tmp_path, page, status, found):
    state = f'<TranskribusMetadata docId="1" status="{status}"/></Metadata>'
    xml = written(page).replace("</Metadata>", state)
    custom = 'custom="readingOrder {index:0;}"'
    xml = xml.replace('<TextLine id="', f'<TextLine {custom} id="')
    (tmp_path / "scan.xml").write_text(xml)
    assert texts(tmp_path, unseen=True) == ([*READ], found)


def test_unchanged_lines_of_a_finished_page_are_checked(tmp_path, page):
    (tmp_path / "read.xml").write_text(written(page))
    state = '<TranskribusMetadata status="GT"/></Metadata>'
    xml = written(page).replace("</Metadata>", state).replace("brovvn", "brown")
    (tmp_path / "scan.xml").write_text(xml)
    assert texts(tmp_path)[1] == {"corrected": 1, "checked": 2}


def test_an_archives_transcription_is_as_before(tmp_path, page, caplog):
    xml = as_escriptorium(written(page)).replace("isotrope_", "eSc_line_")
    (tmp_path / "scan.xml").write_text(xml)
    with caplog.at_level(logging.WARNING):
        assert texts(tmp_path) == ([*READ], {"transcribed": 3})
    assert not caplog.text


def test_a_changed_file_of_ours_is_no_reading(tmp_path, page):
    xml = written(page)
    (tmp_path / "scan.xml").write_text(xml)
    assert read_transcript(tmp_path / "scan.xml").origin.is_ours
    (tmp_path / "scan.xml").write_text(re.sub(r"<LastChange>\d", "<LastChange>9", xml))
    assert not read_transcript(tmp_path / "scan.xml").origin.is_ours
