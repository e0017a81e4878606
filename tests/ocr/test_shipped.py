"""The shipped weights on the samples: one text at four turns, of gsanet and behind the frame."""

from pathlib import Path

import pytest
import torch
from PIL import Image, ImageDraw, ImageFont

from isotrope import Reader
from isotrope.data.images import load_image
from isotrope.equivariance import equivariance_error
from isotrope.ocr.adapter_names import Auto
from isotrope.ocr.loading import SHIPPED, shipped_adapters, shipped_translators

SAMPLES = sorted((Path(__file__).parents[2] / "samples").glob("*.png"))
TURNS = (0, 90, 180, 270)
ADAPTERS = ("early-print", "fraktur", "hands", "letters", "receipts", "testaments", "typescript")
# Degrees counter-clockwise that the text of each sample is turned, and the text.
TRUTH = {
    "01-page-title": (0, "Region-based segmentation"),
    "02-page-segmentation": (90, "segmentation"),
    "03-page-determine": (0, "determine"),
    "04-page-background": (180, "background."),
    "05-page-grey-values": (270, "grey values:"),
    "06-rendered-seeley": (0, "SEELEY"),
    "07-rendered-souverainete": (180, "Souveraineté"),
    "08-rendered-reference": (0, "référence"),
    "09-rendered-september": (90, "September"),
    "10-rendered-prisons": (0, "Prison’s"),
    "11-rendered-number": (270, "1.099.772,88"),
    "12-rendered-circa": (0, "circa"),
}


@pytest.fixture(scope="module")
def reader() -> Reader:
    return Reader.from_pretrained(engine="gsanet", runtime="torch")


@pytest.fixture(scope="module")
def readings(reader):
    """For each sample its readings at the four turns."""
    flat = list(reader.stream(SAMPLES, turns=TURNS))
    return {path.stem: flat[4 * i : 4 * i + 4] for i, path in enumerate(SAMPLES)}


def test_every_sample_has_the_same_text_at_four_turns(readings):
    assert readings.keys() == TRUTH.keys()
    for name, four in readings.items():
        assert len({reading.text for reading in four}) == 1, name
        confidences = [reading.confidence for reading in four]
        assert max(confidences) - min(confidences) < 1e-3, name


def test_the_orientation_follows_the_turn(readings):
    for name, four in readings.items():
        found = [reading.orientation for reading in four]
        assert found == [(TRUTH[name][0] + turn) % 360 for turn in TURNS], name


def test_most_samples_are_read_right(readings):
    right = sum(four[0].text == TRUTH[name][1] for name, four in readings.items())
    assert right >= 8


def test_a_batch_reads_as_one_by_one(reader):
    alone = [reader.read(path)[0].text for path in SAMPLES]
    assert [reading.text for reading in reader.read(SAMPLES)] == alone


def test_arrays_and_pil_images_read_as_files(reader):
    path = SAMPLES[-1]
    with Image.open(path) as image:
        forms = [image.copy(), load_image(path), load_image(path).permute(1, 2, 0).numpy()]
    assert {reading.text for reading in reader.read(forms)} == {reader.read(path)[0].text}


def test_the_model_is_small_and_its_encoder_exact(reader):
    assert sum(p.numel() for p in reader.engine.recognizer.parameters()) <= 8_000_000
    images = torch.rand(1, 3, 40, 64, dtype=torch.float64)
    errors = equivariance_error(
        reader.engine.recognizer.encoder, images, reader.engine.recognizer.group
    )
    assert max(errors.values()) < 1e-9


def read(**options) -> dict[str, list]:
    """For each sample its readings at the four turns."""
    flat = list(Reader.from_pretrained(threads=1, **options).stream(SAMPLES, turns=TURNS))
    return {path.stem: flat[4 * i : 4 * i + 4] for i, path in enumerate(SAMPLES)}


def texts(four: list) -> set[str]:
    return {reading.text for reading in four}


def test_small_is_the_default_and_reads_every_sample_right_at_every_turn():
    for name, four in read().items():
        assert texts(four) == {TRUTH[name][1]}
        found = [reading.orientation for reading in four]
        assert found == [(TRUTH[name][0] + turn) % 360 for turn in TURNS]
        assert max(r.confidence for r in four) - min(r.confidence for r in four) < 1e-3


def test_tiny_reads_most_samples_right_and_all_alike():
    readings = read(model="tiny")
    assert all(len(texts(four)) == 1 for four in readings.values())
    assert sum(texts(four) == {TRUTH[name][1]} for name, four in readings.items()) >= 10


def test_these_adapters_ship_and_each_is_small():
    folders = shipped_adapters("small")
    assert tuple(folder.name for folder in folders) == ADAPTERS
    for folder in folders:
        assert sum(path.stat().st_size for path in folder.iterdir()) <= 600_000


@pytest.mark.parametrize("name", ADAPTERS)
def test_with_an_adapter_texts_are_the_same_at_four_turns(name):
    readings = read(adapter=name)
    assert all(len(texts(four)) == 1 for four in readings.values())
    card = (SHIPPED / "small" / "adapters" / name / "README.md").read_text(encoding="utf-8")
    assert f"isotrope read --adapter {name} IMAGES" in card


def test_a_translator_ships_for_two_languages_and_is_small():
    found = shipped_translators("small")
    assert sorted(found) == ["de-en", "fr-en"]
    (folder,) = set(found.values())
    assert sum(path.stat().st_size for path in folder.iterdir()) <= 5_200_000


def test_the_shipped_translator_writes_the_same_at_four_turns_and_says_what_it_read():
    readings = read(adapter="fr-en")
    assert all(len(texts(four)) == 1 for four in readings.values())
    sources = {name: four[0].source for name, four in readings.items()}
    assert sum(sources[name] == TRUTH[name][1] for name in sources) >= 10


@pytest.mark.parametrize(
    ("sentence", "word"),
    [
        ("Wo ist der Bahnhof?", "station"),
        ("Ich habe dich nicht gesehen.", "see you"),
        ("Je ne mange pas de viande.", "eat meat"),
    ],
)
def test_the_shipped_translator_knows_everyday_sentences(sentence, word):
    font = ImageFont.load_default(40)
    image = Image.new("L", (int(font.getlength(sentence)) + 60, 80), 255)
    ImageDraw.Draw(image).text((30, 12), sentence, font=font, fill=0)
    reading = Reader.from_pretrained(adapter="de-en", threads=1).read(image.rotate(180))[0]
    assert reading.source == sentence
    assert word in reading.text.lower()


def test_an_adapter_changes_what_is_read():
    def sure(**options) -> list[float]:
        return [four[0].confidence for four in read(**options).values()]

    assert sure() != sure(adapter="fraktur")


def test_the_weights_stay_small():
    files = [path for path in SHIPPED.rglob("*") if path.is_file()]
    assert sum(path.stat().st_size for path in files) < 32_000_000


def test_an_adapter_of_one_small_set_is_taken_by_name_alone():
    candidates = {each.name for each in Auto().candidates("small")}
    assert candidates == {*ADAPTERS} - {"letters"}
