"""The comparison of readers: what is measured, on which images, and what is written."""

import csv
import re
from io import StringIO

import numpy as np
import pytest
from PIL import Image
from rich.console import Console

import measuring
import ocr
import readers
from isotrope.ocr.reading import Reading
from labeled import labeled_set, spread, turned
from readers import Read, at_four_turns, check_name
from scoring import orientation_right, same_text, scores
from worker import ReaderError, Worker

WORDS = ["Alpha", "beta", "gamma", "delta", "epsilon", "zeta", "eta", "theta", "iota", "kappa"]
UPRIGHT_READER = '''
from readers import Read

WORDS = {words}

def upright(images):
    """Reads a word where its dark bar is at the top."""
    found = []
    for image in images:
        dark = image[0].max() == 0
        found.append(Read(WORDS[int(image[-1, -1, 0]) // 20 - 1] if dark else "", 0.5 + dark / 4))
    return found

def broken(images):
    raise ZeroDivisionError("it cannot\\nread")
'''


def word_image(number: int) -> Image.Image:
    """A black bar on top, and the word's number as the grey of the ground."""
    pixels = np.full((12, 20 + 4 * number, 3), 20 * (number + 1), np.uint8)
    pixels[:3] = 0
    return Image.fromarray(pixels)


@pytest.fixture
def words(tmp_path):
    folder = tmp_path / "words"
    folder.mkdir()
    for number in range(len(WORDS)):
        word_image(number).save(folder / f"{number}.png")
    labels = "".join(f"{number}.png\t{word}\n" for number, word in enumerate(WORDS))
    (folder / "labels.tsv").write_text(labels)
    return f"words={folder}"


@pytest.fixture
def results(tmp_path, monkeypatch):
    """Where results go instead of into the repository; `fake:upright` is a reader there."""
    (tmp_path / "fake.py").write_text(UPRIGHT_READER.format(words=WORDS))
    monkeypatch.setenv("PYTHONPATH", str(tmp_path))
    monkeypatch.setattr(measuring, "RESULTS", tmp_path / "results")
    return tmp_path / "results"


def upright(images):
    """What `fake:upright` does, in this process."""
    namespace = {}
    exec(UPRIGHT_READER.format(words=WORDS), namespace)
    return namespace["upright"](images)


def test_scores_of_hand_counted_readings():
    reads = [Read("Alpha", 1.0), Read("Beta!", 1.0), Read("gama", 1.0), Read("", 0.0)]
    got = scores(reads, ["Alpha", "beta", "gamma", "d"], 0)
    assert got["cer"] == pytest.approx(4 / 15)  # B, !, m, d
    assert got["cer_nocase"] == pytest.approx(3 / 15)
    assert (got["exact"], got["alphanumeric"], got["orientation"]) == (0.25, 0.5, None)


def test_orientation_is_right_within_45_degrees_around_the_circle():
    reads = [Read("a", 1.0, o) for o in (0, 270, 90, 350)] + [Read("a", 1.0)]
    assert orientation_right(reads, 0) == 2 / 5
    assert orientation_right(reads, 315) == 3 / 5
    assert orientation_right(reads, 135) == 1 / 5
    assert orientation_right([Read("a", 1.0)], 0) is None


def test_same_text_must_be_the_same_at_all_turns_and_not_empty():
    def turn(*texts):
        return [Read(text, 1.0) for text in texts]

    turns = [turn("a", "b", ""), turn("a", "b", ""), turn(" a ", "c", ""), turn("a", "b", "")]
    assert same_text(turns) == pytest.approx(1 / 3)


def test_a_subset_is_spread_over_the_whole_set(words):
    assert spread(10, 4) == [0, 2, 5, 7]
    assert spread(3, 10) == [0, 1, 2]
    places = np.diff(spread(4468, 500))
    assert set(places) == {8, 9}
    assert labeled_set(words, limit=4).texts == ["Alpha", "gamma", "zeta", "theta"]
    assert labeled_set(words, held_out=3).texts == ["Alpha", "delta", "eta", "kappa"]
    part = labeled_set(words, held_out=3, limit=2)
    assert (part.texts, part.selection) == (["Alpha", "eta"], "1 in 3, 2 spread evenly of 10")
    with pytest.raises(ValueError, match="'words' is no set; give NAME=PATH"):
        labeled_set("words")


def test_the_kind_and_the_case_of_a_set_are_seen_in_its_labels(words, tmp_path):
    assert (labeled_set(words).kind, labeled_set(words).cased) == ("words", True)
    word_image(0).save(tmp_path / "0.png")
    (tmp_path / "labels.tsv").write_text("0.png\tTOTAL 12.00\n")
    receipts = labeled_set(f"receipts={tmp_path}")
    assert (receipts.kind, receipts.cased) == ("lines", False)


def test_quarter_turns_are_exact_and_other_angles_keep_the_whole_image():
    rng = np.random.default_rng(0)
    image = rng.integers(0, 256, (12, 30, 3), np.uint8)
    for angle in (0, 90, 180, 270):
        np.testing.assert_array_equal(turned(image, angle), np.rot90(image, angle // 90))
    ground = np.full((12, 30, 3), 200, np.uint8)
    ground[4:8, 10:20] = 40
    slanted = turned(ground, 45)
    assert slanted.shape[0] >= 29
    assert slanted.shape[1] >= 29
    assert (slanted[0, 0] == 200).all()  # the new ground is the border's
    assert (slanted < 120).all(-1).sum() == pytest.approx(40, rel=0.3)
    # Counter-clockwise: at 10 degrees the right end of a bar is higher.
    bar = turned(ground, 10) < 120
    rows, columns = np.nonzero(bar.all(-1))
    assert rows[columns > columns.mean()].mean() < rows[columns < columns.mean()].mean()


def test_angles_are_measured_quarter_turns_together():
    assert ocr.jobs([0, 10, 90, 135, 180, 270]) == [(0, 90, 180, 270), (10,), (135,)]
    assert ocr.jobs([30]) == [(30,)]


def test_four_turns_make_a_reader_invariant_that_is_not():
    images = [np.asarray(word_image(number)) for number in range(10)]
    alone = [upright([turned(i, angle) for i in images]) for angle in (0, 90, 180, 270)]
    read = at_four_turns(upright)
    fourfold = [read([turned(i, angle) for i in images]) for angle in (0, 90, 180, 270)]
    assert [r.text for r in alone[0]] == WORDS
    assert same_text(alone) == 0.0
    assert same_text(fourfold) == 1.0
    for angle, reads in zip((0, 90, 180, 270), fourfold, strict=True):
        assert {r.orientation for r in reads} == {angle}


def test_equal_confidences_are_decided_by_the_text_and_empty_ones_lose():
    image = np.arange(4 * 6 * 3, dtype=np.uint8).reshape(4, 6, 3)

    def corner(images):
        values = [int(i[0, 0, 0]) for i in images]
        return [Read(str(v), 0.9) if v else Read("", 1.0) for v in values]

    texts = {at_four_turns(corner)([turned(image, a)])[0].text for a in (0, 90, 180, 270)}
    assert len(texts) == 1
    assert "" not in texts


@pytest.mark.parametrize("name", ["rapidocr-small", "tesseract:deu+eng+4x", "engine:tesseract+4x"])
def test_names_that_are_readers(name):
    assert check_name(name) == name


@pytest.mark.parametrize(
    ("name", "problem"),
    [("tesserect", "is not known; use"), ("engine", "names no engine"), ("isotrope+own", "leave")],
)
def test_names_that_are_none(name, problem):
    with pytest.raises(ValueError, match=problem):
        check_name(name)


def test_our_reader_is_loaded_as_named_and_may_refuse_an_image(monkeypatch):
    asked = []

    class Ours:
        def read(self, images):
            (image,) = images
            if image.shape[0] < 4:
                raise ValueError("too small")
            return [Reading("word", 0.9, 270, slant=-12.0)]

    def from_pretrained(**how):
        asked.append(how)
        return Ours()

    monkeypatch.setattr("isotrope.Reader.from_pretrained", from_pretrained)
    read = readers.load_reader("engine:tesseract:deu+fra")
    reads = read([np.zeros((8, 8, 3), np.uint8), np.zeros((2, 8, 3), np.uint8)])
    assert reads == [Read("word", 0.9, 258), Read("", 0.0)]
    readers.load_reader("isotrope-tiny")
    assert asked == [
        {"threads": 1, "engine": "tesseract", "language": "deu+fra"},
        {"threads": 1, "model": "tiny"},
    ]


def test_pages_of_tesseract_are_kept_apart():
    heads = "level page_num block_num par_num line_num word_num left top width height conf text"
    table = (
        heads.replace(" ", "\t") + "\n"
        "1\t1\t0\t0\t0\t0\t0\t0\t9\t9\t-1\t\n"
        "5\t1\t1\t1\t1\t1\t0\t0\t9\t9\t90\ttheir\n"
        "5\t1\t1\t1\t1\t2\t0\t0\t9\t9\t80\twork\n"
        "1\t2\t0\t0\t0\t0\t0\t0\t9\t9\t-1\t\n"
    )
    first, second = readers._words_of_pages(table, 2)
    assert (first.text, first.confidence) == ("their work", pytest.approx(0.85))
    assert second == Read("", 0.0)


def test_results_are_written_and_not_measured_twice(words, results):
    labeled = labeled_set(words, limit=5)
    names, angles = ["fake:upright", "fake:upright+4x"], [0, 30, 90, 180, 270]

    def run(again=False, angles=angles):
        console = Console(file=StringIO())
        assert ocr.run([labeled], names, angles, again, console) == []
        return measuring.todays(ocr.STUDY)

    rows = run()
    assert list(rows[0]) == [
        *("set", "selection", "kind", "cased", "images", "reader", "angle", "cer", "cer_nocase"),
        *("exact", "alphanumeric", "orientation", "same4", "ms", "peak_mb"),
        *("commit", "machine", "command"),
    ]
    assert len(rows) == len(names) * len(angles)
    by = {(row["reader"], row["angle"]): row for row in rows}
    alone, turned = by["fake:upright", "90"], by["fake:upright+4x", "90"]
    assert (alone["exact"], alone["same4"], alone["orientation"]) == ("0.0", "0.0", "")
    assert (turned["exact"], turned["same4"], turned["orientation"]) == ("1.0", "1.0", "1.0")
    assert by["fake:upright", "30"]["same4"] == ""
    assert 0 < float(alone["ms"]) < 100
    assert 10 < float(alone["peak_mb"]) < 500
    assert ocr.missing(labeled, names[0], angles) == []
    assert ocr.missing(labeled, names[0], [0, 45]) == [(45,)]
    assert run() == rows
    again = run(again=True, angles=[30])
    assert len(again) == len(rows)
    assert [r for r in again if r["angle"] != "30"] == [r for r in rows if r["angle"] != "30"]


def test_another_commit_is_measured_anew(words, results, monkeypatch):
    labeled = labeled_set(words, limit=2)
    ocr.run([labeled], ["fake:upright"], [0], False, Console(file=StringIO()))
    assert ocr.missing(labeled, "fake:upright", [0]) == []
    monkeypatch.setattr(measuring, "commit", lambda: "another")
    assert ocr.missing(labeled, "fake:upright", [0]) == [(0,)]


def test_a_reader_that_fails_is_left_out_and_named(words, results):
    labeled, said = labeled_set(words, limit=2), StringIO()
    names = ["fake:broken", "fake:missing", "fake:upright"]
    errors = ocr.run([labeled], names, [0], False, Console(file=said, width=200))
    assert [str(error) for error in errors] == [
        "fake:broken: ZeroDivisionError: it cannot read",
        "fake:missing: AttributeError: module 'fake' has no attribute 'missing'",
    ]
    assert "left out: fake:broken" in said.getvalue()
    assert [row["reader"] for row in measuring.todays(ocr.STUDY)] == ["fake:upright"]


def test_a_worker_that_dies_says_so(results):
    (results.parent / "fatal.py").write_text("import os\ndef read(images): os._exit(3)\n")
    with (
        Worker("fatal:read", "words") as worker,
        pytest.raises(ReaderError, match="fatal:read: its process ended with status 3"),
    ):
        worker([np.zeros((4, 4, 3), np.uint8)])


def test_the_program_writes_tables_and_a_figure(words, results, tmp_path, monkeypatch, capsys):
    figure = tmp_path / "out" / "ocr.png"
    command = f"benchmarks/ocr.py {words} --limit 5 --readers fake:upright --angles 0 90 180 270"
    monkeypatch.setattr("sys.argv", [*command.split(), "--figure", str(figure)])
    with pytest.raises(SystemExit) as ended:
        ocr.main()
    assert ended.value.code == 0
    out = capsys.readouterr().out
    assert out.startswith("### words: 5 spread evenly of 10, words\n\nAt 0 degrees:\n\n| reader |")
    row = r"\| fake:upright \| 0\.0% \| 0\.0% \| 100\.0% \| 100\.0% \| 0\.0% \|  \| \d"
    assert re.search(row, out)
    assert "| fake:upright | 100.0 | 0.0 | 0.0 | 0.0 |" in out
    with Image.open(figure) as picture:
        assert picture.width > 1000
    (path,) = results.glob("ocr-*.csv")
    with path.open(newline="") as file:
        commands = {line["command"] for line in csv.DictReader(file)}
    assert commands == {
        "benchmarks/ocr.py words=words --limit 5 --readers fake:upright --angles 0 90 180 270 "
        "--figure ocr.png"
    }
