"""Real lines cut between words: the words and their pixels stay together."""

from pathlib import Path

import numpy as np
import pytest
import torch
from PIL import Image

from isotrope.data.images import load_image
from isotrope.data.lines import LabeledLines
from isotrope.ocr.gsanet.loading import load_recognizer
from isotrope.training import spans
from isotrope.training.spans import RealLines, beside, gaps

SAMPLES = Path(__file__).parents[2] / "samples"
READER = object()  # what finds the spaces of these lines is replaced
GREY = {"a": 40, "bb": 90, "ccc": 140, "dd": 190}  # each word of a line is a patch of its own


@pytest.fixture
def lines(tmp_path, monkeypatch) -> LabeledLines:
    """One line of four words, 10 px a character and a space, cut where its spaces are."""
    line, text = Image.new("L", (110, 20), 255), " ".join(GREY)
    for word, grey in GREY.items():
        left = 10 * text.index(word)
        line.paste(grey, (left, 0, left + 10 * len(word), 8))  # most of it is paper
    line.save(tmp_path / "line.png")
    (tmp_path / "labels.tsv").write_text(f"line.png\t{text}\n")
    spaces = np.array([k + 0.5 for k, c in enumerate(text) if c == " "]) / len(text)
    monkeypatch.setattr(spans, "gaps", lambda *_: spaces)
    return LabeledLines(tmp_path)


def test_what_is_cut_shows_the_words_that_it_says(lines):
    rng, drawn = np.random.default_rng(0), RealLines(lines, 1.0, READER)
    texts = set()
    for _ in range(100):
        image, text = drawn.draw(rng)
        texts.add(text)
        seen = (255 * image[0, 4]).round().int().unique_consecutive().tolist()
        assert [v for v in seen if v in GREY.values()] == [GREY[w] for w in text.split()]
    assert {"a bb ccc dd", "ccc", "ccc dd"} <= texts
    assert any(text not in " ".join(GREY) for text in texts), "runs of two lines are joined"
    assert max(map(len, texts)) == len(" ".join(GREY)), "to what can still be written"


def test_nothing_is_cut_unless_asked_for_or_where_there_is_no_space(lines):
    rng = np.random.default_rng(0)
    assert {RealLines(lines).draw(rng)[1] for _ in range(20)} == {" ".join(GREY)}
    lines.items = [("line.png", "word")]
    assert {RealLines(lines, 1.0, READER).draw(rng)[1] for _ in range(20)} == {"word"}


def test_lines_are_not_cut_by_guess(lines):
    with pytest.raises(ValueError, match=r"recut=0\.5 without a recognizer, .*; pass one"):
        RealLines(lines, 0.5)


def test_images_side_by_side_have_one_height_and_one_paper():
    image, other = torch.full((3, 20, 30), 0.9), torch.full((3, 40, 30), 0.5)
    joined = beside(image, other)
    assert joined.shape == (3, 20, 45)
    assert torch.allclose(joined, torch.tensor(0.9))


def test_the_shipped_reader_sees_the_gaps_of_a_printed_line():
    """Two samples side by side with paper between them: the cut runs through the paper."""
    word = load_image(SAMPLES / "03-page-determine.png")
    paper = word.amax() * torch.ones(3, word.shape[1], word.shape[1] // 2)
    image = torch.cat((word, paper, word), dim=2)
    (place,) = gaps(load_recognizer(None).eval(), image, "determine determine")
    left, right = word.shape[2], word.shape[2] + paper.shape[2]
    assert left < place * image.shape[2] < right
