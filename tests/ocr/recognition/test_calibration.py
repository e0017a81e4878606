"""Calibrated confidences, their place in a model's folder, and what counts as text."""

import json
import shutil

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from isotrope.ocr.engines.base import Transcript
from isotrope.ocr.likeliest import TRUST, likeliest
from isotrope.ocr.processes import PerProcess
from isotrope.ocr.recognition.calibration import KEY, Calibration, logit, sigmoid
from isotrope.ocr.recognition.ctc import NOTHING, Decoded
from isotrope.ocr.recognition.session import LineSession
from isotrope.ocr.recognition.store import load_model, save_model
from isotrope.ocr.views import View

CURVES = {"characters": [-0.5, 1.5], "text": [2.0, -3.0]}
probabilities = st.lists(st.floats(0.0, 1.0), min_size=1, max_size=9)


def said(text, *confidences):
    places = tuple((2 * i, 2 * i) for i in range(len(text)))
    return Decoded(text, confidences, places, -0.1, 2 * len(text))


def test_without_a_calibration_nothing_changes():
    plain = said("ab", 0.4, 0.9)
    assert Calibration.from_config({}).applied(plain) == plain
    assert plain.confidence == pytest.approx(np.sqrt(0.4 * 0.9))


def test_a_text_is_less_sure_than_its_characters_say_on_average():
    calibration = Calibration.from_config({KEY: CURVES})
    found = calibration.applied(said("ab", 0.4, 0.9))
    q = sigmoid(-0.5 + 1.5 * np.log([0.4 / 0.6, 9.0]))
    assert found.confidences == pytest.approx(tuple(q))
    expected = 1 / (1 + np.exp(-(2 - 3 * np.sqrt(-np.log(q[0] * q[1])))))
    assert found.confidence == pytest.approx(expected)
    assert found.text == "ab"
    nothing = said("")
    assert calibration.applied(nothing) == nothing


@given(probabilities, st.floats(0.0, 1.0))
def test_confidences_are_probabilities_and_one_more_character_is_one_more_risk(ps, more):
    calibration = Calibration.from_config({KEY: CURVES})
    q = calibration.of_characters([*ps, more])
    assert ((q >= 0) & (q <= 1)).all()
    assert 0 <= calibration.of_text(q) <= calibration.of_text(q[:-1]) <= 1


@given(st.floats(1e-6, 1 - 1e-6))
def test_logit_and_sigmoid_are_inverse(p):
    assert sigmoid(logit([p])) == pytest.approx(p)


def test_a_folder_keeps_it_and_a_model_saved_anew_forgets_it(weights, tmp_path):
    folder = shutil.copytree(weights / "small", tmp_path / "small")
    config = json.loads((folder / "config.json").read_text())
    before = LineSession(folder, 1)
    assert before.calibration == Calibration()
    curves = Calibration((-0.5, 1.5), (2.0, -3.0))
    (folder / "config.json").write_text(json.dumps(config | {KEY: curves.to_dict()}))
    session = LineSession(folder, 1)
    assert session.calibration == curves
    save_model(load_model(folder), tmp_path / "again")
    assert LineSession(tmp_path / "again", 1).calibration == Calibration()
    lines = [np.random.default_rng(0).integers(0, 256, (30, 90, 3), np.uint8)]
    assert session.decoded(lines) == before.decoded(lines)


@pytest.mark.parametrize("broken", [3, {}, {"characters": [1, 2]}, CURVES | {"text": [1]}])
def test_a_broken_calibration_is_named(weights, tmp_path, broken):
    folder = shutil.copytree(weights / "small", tmp_path / "small")
    config = json.loads((folder / "config.json").read_text())
    (folder / "config.json").write_text(json.dumps(config | {KEY: broken}))
    with pytest.raises(ValueError, match=r"config\.json: calibration=.* must hold two numbers"):
        LineSession(folder)


@pytest.mark.parametrize(
    ("found", "text"),
    [
        (said("a", 0.9), True),
        (said("a", 0.5), False),
        (said("abcdef", *[0.4] * 6), True),  # unsure six times over is text all the same
        (said("abc", 0.2, 0.2, 0.2), False),
        (said(".", 0.99), False),
        (said("-.", 0.99, 0.99), False),
        (said("...", 0.99, 0.99, 0.99), True),
        (said("&", 0.99), True),
        (said("1.", 0.99, 0.99), True),
        (said(""), False),
    ],
)
def test_what_is_text(found, text):
    assert found.is_text is text


def test_the_floor_lies_where_it_says():
    assert said("a", 1 - NOTHING + 1e-6).is_text
    assert not said("a", 1 - NOTHING - 1e-6).is_text


class SeesBars:
    """In place of a network: each column of 8 pixels with something black in it is an `a`, and any
    other shade between makes it think of a `b`."""

    def run(self, _, inputs, options=None):
        pixels = inputs["pixels"]
        columns = pixels.reshape(*pixels.shape[:3], -1, 8)
        ink = (columns < -0.9).mean((1, 2, 4))
        shade = columns.std((1, 2, 4))
        a = np.where(ink > 0.3, 0.97, 0.0)
        b = np.where(ink > 0.3, 0.0, np.minimum(0.55, 2 * shade))
        return [np.stack([1 - a - b, a, b], -1).astype(np.float32)]


@pytest.fixture
def bars(weights):
    session = LineSession(weights / "small", 1)
    session._opened = PerProcess(SeesBars)
    return session


def without_text(rng):
    """Blank, a gradient, noise, a soft blob."""
    y, x = np.mgrid[:48, :96]
    shades = (
        np.full((48, 96), rng.uniform(60, 255)),
        80 + x * rng.uniform(0.5, 1.5),
        rng.normal(150, 20, (48, 96)),
        220 - 120 * np.exp(-((x - rng.uniform(20, 70)) ** 2 + (y - 24) ** 2) / 200),
    )
    return [np.repeat(s.clip(20, 255).astype(np.uint8)[..., None], 3, 2) for s in shades]


def test_images_without_text_are_empty_readings(bars):
    images = [image for seed in range(5) for image in without_text(np.random.default_rng(seed))]
    assert any(found.text for found in bars.decoded(images))  # there is something to refuse
    for found in bars.read(images):
        assert (found.text, found.confidence, found.confidences) == ("", 0.0, ())


def test_images_with_text_are_not(bars):
    for image in without_text(np.random.default_rng(0)):
        image[:, 40:48] = 0
        assert "a" in bars.read([image])[0].text


def test_the_finders_doubt_is_part_of_the_confidence_and_long_texts_win():
    pixels = np.zeros((4, 8, 3), np.uint8)
    long, short = Transcript("many letters", 0.1, (0.9,) * 12), Transcript("no", 0.5, (0.7, 0.7))
    views = [View(pixels, 0.6, 0, 0.0), View(pixels, 0.4, 180, 0.0)]
    best = likeliest(list(zip(views, (long, short), strict=True)))
    assert (best.text, best.orientation) == ("many letters", 0)
    assert best.confidence == pytest.approx(0.1 * 0.6**TRUST, abs=1e-6)
