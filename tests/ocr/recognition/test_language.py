"""A language model lies beside its adapter, and only there."""

from __future__ import annotations

import json

import numpy as np
import pytest

from isotrope.ocr.recognition.language import (
    CONFIG,
    OWN,
    Fusion,
    Language,
    general,
    languages,
    summed_language,
)
from isotrope.text.ngrams import count

CHARSET = "abc "


def made(**shares: float) -> Language:
    parts = {"own": count(["ab ab", "cab"]), "other": count(["cc ca"])}
    shares = shares or {"own": 1.0}
    return Language(CHARSET, parts, shares, Fusion(0.4, 0.9))


def test_a_line_begins_with_the_mean_of_the_models():
    language = made(own=0.25, other=0.75)
    scores, after = language.step(language.states(""), np.array([1, 2, 3]))
    own, other = (
        language.parts[name].step(
            language.parts[name].states(""), language.parts[name].encode("abc")
        )
        for name in ("own", "other")
    )
    assert np.exp(scores) == pytest.approx(0.25 * np.exp(own[0]) + 0.75 * np.exp(other[0]))
    assert after[0, 2] == pytest.approx(language.states("c")[-1])


def test_the_weights_follow_the_line():
    language = made(own=0.5, other=0.5)
    own, other = language.states("ab ab")[:, -2:].T
    assert np.exp(own) + np.exp(other) == pytest.approx(1)
    assert own[0] == other[0]
    assert own[-1] > other[-1]
    assert language.states("cc ca")[-1, -1] > language.states("cc ca")[-1, -2]


def test_states_follow_each_other():
    language = made(own=0.4, other=0.6)
    states = language.states("cab")
    for place, one in enumerate((3, 1, 2)):
        _, after = language.step(states[place : place + 1], np.array([one]))
        assert after[:, 0] == pytest.approx(states[place + 1 : place + 2])
    assert language.after((3, 1, 2)) == pytest.approx(states[-1:])


def test_a_model_without_words_of_its_own_replaces_one_that_has_them(tmp_path):
    made().save(tmp_path)
    assert (tmp_path / OWN).is_file()
    made(other=1.0).save(tmp_path)
    assert not (tmp_path / OWN).exists()
    assert json.loads((tmp_path / CONFIG).read_text())["parts"] == {"other": 1.0}


def test_saved_and_loaded(tmp_path):
    made().save(tmp_path)
    loaded = Language.load(tmp_path, CHARSET)
    assert loaded is not None
    assert (loaded.shares, loaded.fusion) == ({"own": 1.0}, Fusion(0.4, 0.9))
    states = loaded.states("ab")[-1:]
    assert loaded.step(states, np.array([1]))[0] == pytest.approx(
        made().step(states, np.array([1]))[0], abs=0.1
    )


def test_the_mean_for_a_sum_of_adapters(tmp_path):
    folders = [tmp_path / name for name in ("one", "two", "none")]
    for folder in folders:
        folder.mkdir()
    made().save(folders[0])
    Language(CHARSET, {"own": count(["bb bb"])}, {"own": 1.0}, Fusion(0.8, 1.2)).save(folders[1])
    assert summed_language([(1.0, folders[2])], CHARSET) is None
    alone = summed_language([(1.0, folders[0])], CHARSET)
    assert alone is not None
    assert (alone.shares, alone.fusion) == ({"own": 1.0}, Fusion(0.4, 0.9))
    both = summed_language([(0.25, folders[0]), (0.75, folders[1])], CHARSET)
    assert both is not None
    assert both.shares == {"own 0": 0.25, "own 1": 0.75}
    assert both.fusion.weight == pytest.approx(0.7)
    half = summed_language([(0.5, folders[0]), (0.5, folders[2])], CHARSET)
    assert half is not None
    assert (half.fusion.weight, sum(half.shares.values())) == (0.2, 1.0)


def test_an_adapter_without_one(tmp_path):
    assert Language.load(tmp_path, CHARSET) is None


@pytest.mark.parametrize("text", ["", "{}", '{"parts": 3, "weight": 1, "bonus": 1}'])
def test_a_broken_configuration_is_named(tmp_path, text):
    (tmp_path / CONFIG).write_text(text)
    with pytest.raises(ValueError, match=r"language\.json is broken .*delete it to read"):
        Language.load(tmp_path, CHARSET)


def test_missing_ngrams_are_named(tmp_path):
    made().save(tmp_path)
    (tmp_path / OWN).unlink()
    with pytest.raises(ValueError, match=r"language\.npz: cannot be loaded"):
        Language.load(tmp_path, CHARSET)
    config = json.loads((tmp_path / CONFIG).read_text())
    (tmp_path / CONFIG).write_text(json.dumps(config | {"parts": {"tlh": 1.0}}))
    with pytest.raises(ValueError, match=r"tlh\.npz: cannot be loaded"):
        Language.load(tmp_path, CHARSET)


@pytest.mark.parametrize("name", languages())
def test_the_shipped_models_know_their_language(name):
    said = {
        "de": "ich habe es nicht gewußt",
        "en": "I should have thought so",
        "fr": "je ne le savais pas encore",
    }
    scores = {n: general(n).log_probabilities(said[name]).mean() for n in languages()}
    assert max(scores, key=lambda n: scores[n]) == name
