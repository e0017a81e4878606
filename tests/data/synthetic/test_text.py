"""Synthetic text: reproducible, in shape, labeled in place, and clean where asked."""

import itertools
import pickle

import numpy as np
import pytest
import torch
from PIL import Image

pytest.importorskip("skia", reason="synthetic text is drawn by skia-python")
pytest.importorskip("wordfreq", reason="synthetic text draws words from wordfreq")

from isotrope.data.synthetic.font_kinds import kind_of
from isotrope.data.synthetic.fonts import font_families
from isotrope.data.synthetic.outlines import paint
from isotrope.data.synthetic.sentences import Sentences
from isotrope.data.synthetic.text import SyntheticText
from isotrope.text.charset import in_charset

try:
    font_families("train")
except FileNotFoundError as error:
    pytest.skip(f"no fonts on this machine: {error}", allow_module_level=True)
needs_both_splits = pytest.mark.skipif(
    not font_families("valid"), reason="too few fonts on this machine: none is held out"
)


@pytest.fixture(scope="module")
def source():
    return SyntheticText("train", seed=3)


@pytest.fixture(scope="module")
def samples(source):
    return list(itertools.islice(source, 150))


def test_a_sample_is_a_function_of_seed_and_index(source, samples):
    for other in (SyntheticText("train", seed=3), pickle.loads(pickle.dumps(source))):
        again = other.sample(41)
        assert again.text == samples[41].text
        assert again.family == samples[41].family
        assert np.array_equal(again.image, samples[41].image)
        assert np.array_equal(again.centers, samples[41].centers)
    assert [SyntheticText(seed=4).sample(i).text for i in range(5)] != [s.text for s in samples[:5]]


def test_shapes_and_types(samples):
    for sample in samples:
        height, width, channels = sample.image.shape
        assert 24 <= height <= 64
        assert width >= 8
        assert channels == 3
        assert sample.image.dtype == np.uint8
        assert sample.image.flags.c_contiguous
        assert sample.image.flags.writeable  # or torch.from_numpy warns
        assert in_charset(sample.text)
        assert 1 <= len(sample.text) <= 40
        assert sample.centers.shape == (len(sample.text), 2)
        assert sample.centers.dtype == np.float32


def test_centers_lie_in_the_image_from_left_to_right(samples):
    centers = np.concatenate([sample.centers for sample in samples])
    assert ((centers >= 0) & (centers <= 1)).all(axis=1).mean() > 0.99
    steps = np.concatenate([np.diff(sample.centers[:, 0]) for sample in samples])
    assert (steps >= 0).mean() > 0.995


def test_centers_lie_on_the_letters_that_they_name():
    """In clean print without gaps, the columns at the centres of full letters hold ink."""
    source, hits = SyntheticText("train", seed=5, lines=0, difficulty=0), []
    for sample in itertools.islice(source, 120):
        grey = sample.image.astype(int).sum(axis=2)
        ink = np.abs(grey - np.median(grey)) > 60
        for character, (x, _) in zip(sample.text, sample.centers, strict=True):
            column = int(x * ink.shape[1])
            if character in "EeSsBaT38" and 0 <= column < ink.shape[1]:
                hits.append(ink[:, max(column - 1, 0) : column + 2].any())
    assert len(hits) > 60
    assert np.mean(hits) > 0.97


def test_text_can_be_seen(samples):
    grey = [Image.fromarray(sample.image).convert("L").getextrema() for sample in samples]
    assert min(greatest - least for least, greatest in grey) >= 30


def test_clean_print_has_two_colors_and_what_lies_between():
    for sample in itertools.islice(SyntheticText("train", seed=6, difficulty=0), 30):
        colors, counts = np.unique(sample.image.reshape(-1, 3), axis=0, return_counts=True)
        paper, ink = colors[counts.argmax()].astype(float), None
        distances = np.abs(colors - paper).sum(axis=1)
        ink = colors[distances.argmax()].astype(float)
        along = (colors - paper) @ (ink - paper) / ((ink - paper) @ (ink - paper))
        assert np.abs(colors - paper - along[:, None] * (ink - paper)).max() <= 2.5


@needs_both_splits
def test_splits_share_no_family(samples):
    valid = {sample.family for sample in itertools.islice(SyntheticText("valid", seed=3), 30)}
    assert not valid & {sample.family for sample in samples}


def test_height_and_length_are_respected():
    source = SyntheticText("train", seed=1, lines=1.0, height=(32, 32), max_characters=20)
    for sample in itertools.islice(source, 40):
        assert sample.image.shape[0] == 32
        assert len(sample.text) <= 20


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        ({"height": (40, 20)}, r"height=\(40, 20\)"),
        ({"difficulty": -1}, "difficulty=-1"),
        ({"stride": 0}, "stride=0"),
        ({"style": "poster"}, "style=.*poster.* is none of scene"),
        ({"style": {}}, "style={} is none of scene"),
    ],
)
def test_arguments_out_of_range_are_named(arguments, message):
    with pytest.raises(ValueError, match=message):
        SyntheticText(**arguments)


def test_batches_are_painted_from_outlines():
    source = SyntheticText("train", seed=2, height=(32, 32), stride=8)
    outlines = [source.outline(index) for index in range(24)]
    assert all(outline.width % 8 == 0 for outline in outlines)
    images = paint(outlines, torch.Generator().manual_seed(0))
    assert images.shape == (24, 3, 32, max(outline.width for outline in outlines))
    assert torch.equal(images, paint(outlines, torch.Generator().manual_seed(0)))
    assert 0 <= float(images.min()) <= float(images.max()) <= 1


def test_outlines_of_other_heights_are_named():
    outlines = [SyntheticText(height=(h, h)).outline(0) for h in (24, 32)]
    with pytest.raises(ValueError, match=r"outlines are \[24, 32\] pixels high"):
        paint(outlines, torch.Generator())


def test_words_around_a_text_do_not_cover_it():
    source = SyntheticText("train", seed=2, height=(48, 48))
    masks = [source.outline(index).masks.astype(float) / 255 for index in range(150)]
    neighbors = [mask for mask in masks if mask[1].any()]
    assert len(neighbors) > 5
    assert np.mean([np.minimum(*mask).sum() / mask[0].sum() for mask in neighbors]) < 0.05


@pytest.mark.parametrize("style", ["print", "hand"])
def test_pages_say_sentences_in_fonts_of_their_kind(style, tmp_path):
    (tmp_path / "book.txt").write_text("It was a bright cold day, and the clocks struck.\n")
    sentences = Sentences([tmp_path / "book.txt"], max_characters=30)
    try:
        source = SyntheticText(style=style, sentences=sentences)
    except FileNotFoundError as error:
        pytest.skip(str(error))
    kinds = {"print": "text", "hand": "hand"}
    for sample in itertools.islice(source, 10):
        assert sample.text.lower().rstrip("-") in "it was a bright cold day, and the clocks struck."
        assert kind_of(sample.family) == kinds[style]


def test_styles_are_mixed_by_weight():
    source = SyntheticText(style={"scene": 1, "print": 1})
    styles = [source.outline(index).style for index in range(60)]
    assert 15 < styles.count("print") < 45


def test_an_empty_font_folder_names_the_remedy(tmp_path):
    with pytest.raises(FileNotFoundError, match="make fonts"):
        SyntheticText(folders=[tmp_path])
