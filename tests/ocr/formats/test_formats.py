"""What is written can be read back."""

import csv
import json
import os
from importlib.metadata import EntryPoint, EntryPoints

import pytest

from isotrope.ocr.formats import FORMATS, format_names, registry, writer
from isotrope.ocr.formats.json import json_lines
from isotrope.ocr.formats.jsonl import jsonl_lines
from isotrope.ocr.formats.text import text_lines
from isotrope.ocr.formats.tsv import tsv_lines
from isotrope.ocr.reading import Reading

RESULTS = [
    ("a.png", [Reading("Straße", 0.98765, 0, -1.26, (0.5, 0.98765))]),
    ("b\t.png", [Reading("one\ttwo\\three\n", 0.5, 270)]),
]
TURNS = (0, 90, 180, 270)
SAME = [Reading("ſo", 0.9, turn) for turn in TURNS]
OTHER = [Reading(text, 0.9, 0) for text in ("p", "d", "d", "p")]


def test_text():
    assert list(text_lines(RESULTS)) == ["a.png\tStraße", "b\\t.png\tone\\ttwo\\\\three\\n"]
    assert list(text_lines(RESULTS[:1], names=False)) == ["Straße"]


def test_tsv():
    lines = list(tsv_lines(RESULTS))
    assert lines[0] == "file\ttext\tconfidence\torientation"
    assert lines[1] == "a.png\tStraße\t0.9877\t0"
    rows = list(csv.reader(lines, delimiter="\t", quoting=csv.QUOTE_NONE))
    assert [len(row) for row in rows] == [4, 4, 4]


@pytest.mark.parametrize("count", [0, 1, 2])
def test_json(count):
    rows = json.loads("\n".join(json_lines(RESULTS[:count])))
    assert [row["file"] for row in rows] == [file for file, _ in RESULTS[:count]]
    if count == 2:
        assert rows[1]["text"] == "one\ttwo\\three\n"
        assert [row["slant"] for row in rows] == [-1.3, 0.0]
        assert [row["characters"] for row in rows] == [[0.5, 0.9877], []]
        assert rows[1] == rows[1] | {"confidence": 0.5, "orientation": 270}
        assert "Straße" in "".join(json_lines(RESULTS))


def test_json_lines_are_the_objects_of_json():
    lines = list(jsonl_lines(RESULTS))
    assert [json.loads(line) for line in lines] == json.loads("".join(json_lines(RESULTS)))
    assert len(lines) == 2
    assert list(jsonl_lines([])) == []


def test_turns():
    results = [("same.png", SAME), ("other.png", OTHER)]
    assert list(text_lines(results, TURNS)) == [
        "same.png\tſo\tsame at all turns, found at 0° 90° 180° 270°",
        "other.png\t0°: p\t90°: d\t180°: d\t270°: p",
    ]
    lines = list(tsv_lines(results, TURNS))
    assert lines[0].endswith("orientation\tturn")
    assert lines[2] == "same.png\tſo\t0.9\t90\t90"
    assert len(lines) == 9
    rows = json.loads("".join(json_lines(results, TURNS)))
    assert [row["turn"] for row in rows] == [*TURNS, *TURNS]


@pytest.mark.parametrize("lines", FORMATS.values())
def test_file_names_that_are_no_utf8(lines):
    name = os.fsdecode(b"caf\xe9.png")
    written = "".join(lines([(name, [Reading("x", 1.0, 0)])]))
    assert "caf\ufffd.png" in written
    written.encode("utf-8")


@pytest.mark.parametrize("lines", FORMATS.values())
def test_writers_are_lazy(lines):
    def results():
        yield RESULTS[0]
        raise AssertionError("read ahead")

    written = lines(results())
    first = next(written) if lines is not tsv_lines else [next(written), next(written)][1]
    assert "Straße" in first


def shouted(results, turns=(0,), names=True):
    return (readings[0].text.upper() for _, readings in results)


def test_another_package_brings_a_format(monkeypatch):
    entry = EntryPoint("shout", f"{__name__}:shouted", "isotrope.formats")
    monkeypatch.setattr(EntryPoint, "load", lambda self: shouted)

    def entry_points(**wanted):
        return EntryPoints([entry]).select(**wanted)

    monkeypatch.setattr(registry, "entry_points", entry_points)
    assert format_names() == ["text", "tsv", "json", "jsonl", "shout"]
    assert list(writer("shout")(RESULTS[:1])) == ["STRASSE"]
    assert writer("tsv") is tsv_lines


def test_an_unknown_format():
    with pytest.raises(ValueError, match="no format 'pdf'; choose one of text, tsv, json, jsonl"):
        writer("pdf")
