"""Which engines clients may choose."""

import pytest

from isotrope.serve.choices import Choices
from isotrope.serve.job import Choice
from isotrope.serve.limits import Refusal

DEFAULT = Choice("isotrope", None, None)


def test_clients_choose_among_the_engines_that_are_offered():
    choices = Choices.of(DEFAULT, engines=["tesseract"])
    assert choices.to_json()["engines"] == ["tesseract", "isotrope"], "and the default one"
    assert choices.chosen({"engine": "tesseract"}).engine == "tesseract"
    problem = "engine 'gsanet' is not known; the engines here are: tesseract, isotrope"
    with pytest.raises(Refusal, match=problem):
        choices.chosen({"engine": "gsanet"})


def test_a_slow_engine_must_be_named():
    pytest.importorskip("peft")
    assert "gsanet" not in Choices.of(DEFAULT).adapters
    assert "gsanet" in Choices.of(DEFAULT, engines=["gsanet"]).adapters
    assert "gsanet" in Choices.of(Choice("gsanet", None, None)).adapters
