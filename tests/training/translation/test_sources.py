import numpy as np
import pytest
from PIL import Image

from isotrope.data.stream import SkippedSample
from isotrope.ocr.recognition.ctc import Decoded
from isotrope.ocr.translation.columns import Columns
from isotrope.training.translation.sources import LabeledImages, RenderedPairs


class Reader:
    """Reads each image as its mean, and counts."""

    def __init__(self):
        self.count = 0

    def read(self, image):
        self.count += 1
        text = f"g{round(image.mean())}"
        return Columns(Decoded(text, (), (), 0.0, 1.0), np.ones((len(text), 3), np.float32))


@pytest.fixture
def labeled(tmp_path):
    folder = tmp_path / "lines"
    folder.mkdir()
    for number in range(10):
        Image.new("L", (96, 24), 20 * number).save(folder / f"{number}.png")
    labels = "".join(f"{number}.png\tnumber {number}\n" for number in range(10))
    (folder / "labels.tsv").write_text(labels, encoding="utf-8")
    return folder


def test_labeled_images_are_keyed_by_what_is_read(labeled, tmp_path):
    source, reader, reports = LabeledImages(labeled, 5, 100), Reader(), []
    lines, held = source.read(reader, tmp_path / "read", lambda *done: reports.append(done))
    assert [line.key for line in held] == ["g0", "g100"]
    assert source.valid == {"g0": ("number 0",), "g100": ("number 5",)}
    assert source.train["g20"] == ("number 1",)
    assert len(lines) == 8
    assert reports[-1] == (10, 10)
    assert source.draw(np.random.default_rng(0)).text in source.train
    assert [key for _, key in source.held_out()] == ["g0", "g100"]


def test_what_was_read_is_not_read_again(labeled, tmp_path):
    first, again = Reader(), Reader()
    before = LabeledImages(labeled, 5, 100).read(first, tmp_path / "read", lambda *_: None)
    after = LabeledImages(labeled, 5, 100).read(again, tmp_path / "read", lambda *_: None)
    assert (first.count, again.count) == (10, 0)
    for one, other in zip(before[0], after[0], strict=True):
        assert (one.key, one.text) == (other.key, other.text)
        assert (one.features == other.features).all()


def test_too_few_pairs_are_refused(tmp_path):
    path = tmp_path / "pairs.tsv"
    path.write_text("a\tb\n", encoding="utf-8")
    with pytest.raises(ValueError, match="held out; give more"):
        RenderedPairs(path, 20, 10, 10, 0)


def test_rendered_sentences_are_drawn_from_the_training_pairs(tmp_path):
    path = tmp_path / "pairs.tsv"
    rows = [f"phrase {n} ici\tsentence {n} here\n" for n in range(60)]
    path.write_text("".join(rows), encoding="utf-8")
    source = RenderedPairs(path, 10, 4, 3, 0)
    lines, held = source.read(Reader(), tmp_path / "read", lambda *_: None)
    assert {line.key for line in lines} <= source.train.keys()
    assert {line.key for line in held} <= source.valid.keys()
    assert (len(lines), len(held)) == (4, 3)
    rng = np.random.default_rng(0)
    for _ in range(5):
        try:
            sample = source.draw(rng)
        except SkippedSample:
            continue
        assert sample.text in source.train
        assert sample.rendered
