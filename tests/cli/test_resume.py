"""`isotrope read --resume`, with a fake engine: what was read is not read again."""

import json
import os
import re

import pytest
from PIL import Image

from isotrope.ocr.engines.base import Transcript

COUNT = 100


@pytest.fixture
def pictures(folder):
    os.mkdir("set")
    for number in range(COUNT):
        Image.new("L", (8, 4), number).save(f"set/{number}.png")
    (folder / "set" / "37.png").write_bytes(b"bad")
    return folder


@pytest.fixture
def interrupt(monkeypatch, gray_engine):
    """Makes the engine fail after so many lines, as if by Ctrl-C; counts what it reads."""
    seen, plain = [], gray_engine.read

    def after(count):
        def read(self, lines, batch_size=32):
            if count is not None and len(seen) >= count:
                raise KeyboardInterrupt
            seen.extend(line[0, 0, 0] for line in lines)
            return plain(self, lines, batch_size)

        seen.clear()
        monkeypatch.setattr(gray_engine, "read", read)
        return seen

    return after


@pytest.mark.parametrize("format", ["text", "tsv", "json", "jsonl"])
def test_words_go_on_in_every_format(pictures, read, interrupt, format):
    options = ("set", "--format", format, "--batch-size", 8)
    assert read(*options, "--out", "whole").exit_code == 1
    assert sorted(os.listdir()) == ["1.png", "2.png", "3.png", "set", "whole"]
    first = interrupt(40)
    result = read(*options, "--out", "parts")
    assert "stopped: " in result.stderr
    assert "; the same command with --resume goes on" in result.stderr
    assert result.exit_code == 130
    assert not os.path.exists("parts")
    read_first = set(first)
    again = read(*options, "--out", "parts")
    assert "parts.journal: the journal of a run that was interrupted; go on with it" in again.stderr
    assert again.exit_code == 2
    second = interrupt(None)
    result = read(*options, "--out", "parts", "--resume")
    assert result.exit_code == 1, "a file has failed, if only in the earlier run"
    assert (pictures / "parts").read_bytes() == (pictures / "whole").read_bytes()
    assert not read_first & set(second)
    assert len(read_first) + len(second) == COUNT - 1


def test_the_closing_line_says_what_became_of_all_files(pictures, read, interrupt):
    interrupt(40)
    options = ("set", "--out", "out.tsv", "--batch-size", 8)
    stopped = read(*options).stderr.splitlines()[-1]
    assert re.match(r"isotrope: stopped: 55 files read \(55 images\), 1 failed; \d+ s, ", stopped)
    interrupt(None)
    (line,) = read(*options, "--resume").stderr.splitlines()
    assert line.startswith("isotrope: 44 files read (44 images), 1 failed in earlier runs, 56 pas")
    (pictures / "set" / "37.png").unlink()
    Image.new("L", (8, 4), 37).save("set/37.png")
    result = read(*options, "--resume", "--retry")
    assert result.stderr.startswith("isotrope: 1 files read (1 images), 99 passed over; ")
    assert result.exit_code == 0
    assert len((pictures / "out.tsv").read_text().splitlines()) == COUNT + 1


def test_the_turns_of_all_runs_are_counted(pictures, read, interrupt):
    interrupt(40)
    options = ("set", "--out", "out", "--turns", "--batch-size", 2)
    assert read(*options).exit_code == 130
    interrupt(None)
    result = read(*options, "--resume")
    assert "same text at all four turns: 99 of 99 images" in result.stderr


def test_the_suffix_of_the_output_says_the_format(pictures, read):
    for name, start in {
        "a.jsonl": "{",
        "a.json": "[{",
        "a.tsv": "file\t",
        "a.txt": "set/0.p",
    }.items():
        read("set", "--out", name)
        assert (pictures / name).read_text().startswith(start)
    read("set", "--out", "a.dat")
    assert (pictures / "a.dat").read_text() == (pictures / "a.jsonl").read_text()
    assert read("set").stdout == (pictures / "a.jsonl").read_text()


def test_a_run_that_does_nothing_leaves_nothing(folder, read, monkeypatch):
    from isotrope.ocr.reader import Reader

    def missing(**_):
        raise ValueError("no such weights")

    monkeypatch.setattr(Reader, "from_pretrained", missing)
    result = read("1.png", "2.png", "--out", "out")
    assert (result.stderr, result.exit_code) == ("isotrope: no such weights\n", 1)
    assert sorted(os.listdir()) == ["1.png", "2.png", "3.png"]


def test_resuming_needs_an_output(folder, read):
    result = read("1.png", "2.png", "--resume")
    assert result.stderr == "isotrope: --resume needs --out, a file or a folder\n"
    assert result.exit_code == 2
    result = read("1.png", "2.png", "--out", "o.txt", "--retry")
    assert result.stderr == "isotrope: --retry is about an earlier run; give --resume too\n"
    assert result.exit_code == 2


def test_other_options_are_refused(pictures, read, interrupt):
    interrupt(40)
    read("set", "--out", "out.jsonl", "--batch-size", 8)
    for options, line in {
        ("--min-confidence", "0.5"): "with no --min-confidence, not --min-confidence 0.5; give",
        ("--format", "text"): "was started with --format jsonl, not --format text; give the same",
        ("--turns",): "was started with no --turns, not --turns; give the same options",
    }.items():
        result = read("set", "--out", "out.jsonl", "--resume", *options)
        assert line in result.stderr
        assert result.exit_code == 2


def test_a_missing_file_is_journaled_and_reported(folder, read):
    (folder / "list").write_text("1.png\nnone.png\n2.png\n")
    options = ("--files-from", "list", "--out", "o.jsonl", "--resume")
    first = read(*options)
    assert first.stderr.startswith("isotrope: none.png: no such file; check the path\n")
    assert first.exit_code == 1
    rows = [json.loads(row) for row in (folder / "o.jsonl.journal").read_text().splitlines()]
    assert [name for row in rows[1:] for name, _ in row["failed"]] == [str(folder / "none.png")]
    (folder / "none.png").write_bytes((folder / "3.png").read_bytes())
    last = read(*options, "--retry")
    assert last.exit_code == 0
    texts = [json.loads(row)["text"] for row in (folder / "o.jsonl").read_text().splitlines()]
    assert texts == ["1", "2", "3"]


def test_an_engine_that_fails_leaves_what_was_read(pictures, read, monkeypatch, gray_engine):
    plain, seen = gray_engine.read, []

    def fail(self, lines, batch_size=32):
        if len(seen) > 5:
            raise ValueError("the engine has lost its mind")
        seen.append(1)
        return [Transcript("t", 1.0) for _ in lines]

    monkeypatch.setattr(gray_engine, "read", fail)
    options = ("set", "--out", "out.txt", "--batch-size", 4)
    result = read(*options)
    *_, problem, last = result.stderr.splitlines()
    assert problem == "isotrope: the engine has lost its mind"
    assert last.startswith("isotrope: stopped: ")
    assert result.exit_code == 1
    assert os.path.exists("out.txt.journal")
    monkeypatch.setattr(gray_engine, "read", plain)
    assert read(*options, "--resume").exit_code == 1
    assert len((pictures / "out.txt").read_text().splitlines()) == COUNT - 1
