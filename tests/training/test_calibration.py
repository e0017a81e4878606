"""Calibration on made-up text, where the truth is known."""

import numpy as np
import pytest

from isotrope.ocr.recognition.calibration import Calibration, logit, sigmoid
from isotrope.training.calibration import (
    Judged,
    calibration_error,
    characters,
    error_by_chance,
    fit,
    has_signs,
    judge,
    logistic,
    reliability,
    texts,
)


@pytest.fixture
def draws():
    """Probabilities, and outcomes that keep them."""
    rng = np.random.default_rng(0)
    p = rng.beta(4, 1, 20_000)
    return p, rng.random(len(p)) < p


def test_perfect_probabilities_have_hardly_an_error(draws):
    p, right = draws
    assert calibration_error(p, right) < 0.01
    assert error_by_chance(p) < 0.01
    assert error_by_chance(p[:50]) > 0.05  # so few are off by chance alone


def test_others_have_one(draws):
    p, right = draws
    assert calibration_error(p**0.3, right) > 0.08
    assert calibration_error(np.ones(len(p)), right) == pytest.approx(1 - right.mean())


def test_bins_hold_everything(draws):
    promised, happened, counts = reliability(*draws)
    assert counts.sum() == len(draws[0])
    assert (np.diff(promised) > 0).all()
    assert ((happened >= 0) & (happened <= 1)).all()


@pytest.mark.parametrize(("shift", "temperature"), [(0.0, 1.0), (0.0, 2.5), (-1.0, 0.7)])
def test_a_temperature_is_recovered(draws, shift, temperature):
    p, right = draws
    told = sigmoid((logit(p) - shift) * temperature)
    a, b = logistic(logit(told), right)
    assert (a, b) == pytest.approx((shift, 1 / temperature), abs=0.1)
    assert calibration_error(sigmoid(a + b * logit(told)), right) < 0.01


def test_a_curve_needs_both_outcomes_and_stays_finite():
    with pytest.raises(ValueError, match="all 2 are right; a curve needs both"):
        logistic([0.1, 0.2], [True, True])
    assert np.isfinite(logistic([-1.0, 1.0], [False, True])).all()


def made_up(count, temperature=2.0, seed=0):
    """Texts whose characters fail together: each has an ease of its own, and claims too much."""
    rng = np.random.default_rng(seed)
    judged = []
    for _ in range(count):
        p = sigmoid(rng.normal(3, 2) + rng.normal(0, 1, rng.integers(1, 20)))
        right = rng.random(len(p)) < p
        told = sigmoid(logit(p) * temperature)
        judged.append(Judged(told, right, np.ones(len(p), bool), bool(right.all())))
    return judged


def test_what_is_fitted_on_some_texts_holds_for_others():
    calibration, others = fit(made_up(3000)), made_up(3000, seed=1)
    assert calibration.characters == pytest.approx((0, 0.5), abs=0.1)
    for measure in (characters, texts):
        assert calibration_error(*measure(others, calibration)) < 0.03
        assert calibration_error(*measure(others)) > 0.04


def test_a_calibration_for_other_confidences_is_wrong():
    calibration = fit(made_up(3000, temperature=1.0))
    assert calibration_error(*texts(made_up(3000), calibration)) > 0.05


def test_empty_readings_claim_nothing():
    empty = judge("", (), "word")
    assert not empty.whole
    assert texts([empty], Calibration((0.0, 1.0), (2.0, -3.0)))[0] == [0.0]
    with pytest.raises(ValueError, match="no text was read"):
        fit([empty])


@pytest.mark.parametrize(
    ("read", "truth", "right", "whole"),
    [
        ("abc", "abc", [1, 1, 1], True),
        ("abX", "abc", [1, 1, 0], False),
        ("ac", "abc", [1, 1], False),
        ("abbc", "abc", [1, None, None, 1], False),
        ("“a”", "''a''", [1, 1, 1], True),
        ("xyz", "", [0, 0, 0], False),
    ],
)
def test_characters_are_judged_by_alignment(read, truth, right, whole):
    judged = judge(read, [0.9] * len(read), truth)
    assert judged.whole is whole
    assert judged.compared.all()
    for found, expected in zip(judged.right, right, strict=True):
        assert expected is None or found == expected


def test_labels_without_signs_say_nothing_of_signs_and_case():
    assert not has_signs(["Cafe", "two words", "7"])
    assert has_signs(["Cafe", "don't"])
    judged = judge("Don't!", [0.9] * 6, "DONT", signs=False)
    assert judged.whole
    assert judged.compared.tolist() == [True, True, True, False, True, False]
    assert judged.right[judged.compared].all()
    assert not judge("Don't!", [0.9] * 6, "DONT").whole
    assert judge("Straße", [0.9] * 6, "STRASSE", signs=False).whole
