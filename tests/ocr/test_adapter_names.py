"""What `--adapter` takes: one grammar for the command line, the library and the server."""

import pytest

from isotrope.ocr import loading
from isotrope.ocr.adapter_names import Adapters, Auto, is_auto, one_adapter, parse_adapter


@pytest.fixture
def here(tmp_path, monkeypatch):
    """A folder with adapters and shipped ones of `small`: only their configurations count here."""
    for folder in ("own", "a+b", "2*c", "none", "many/hand", "many/own", "w/small/adapters/gothic"):
        (tmp_path / folder).mkdir(parents=True)
        (tmp_path / folder / "adapter_config.json").write_text("{}")
    monkeypatch.chdir(tmp_path)
    monkeypatch.setattr(loading, "SHIPPED", tmp_path / "w")
    return tmp_path


def terms(value):
    parsed = parse_adapter(value)
    assert isinstance(parsed, Adapters)
    return [(weight, folder.name) for weight, folder in parsed.terms]


@pytest.mark.parametrize("value", [None, "none"])
def test_none(here, value):
    assert parse_adapter(value) is None


def test_a_name_and_a_folder(here):
    assert terms("gothic") == [(1.0, "gothic")]
    assert terms("many/own") == [(1.0, "own")]
    assert terms(here / "own") == [(1.0, "own")]
    assert parse_adapter("own").alone == (here / "own").relative_to(here)
    assert terms("./none") == [(1.0, "none")]


def test_a_sum(here):
    assert terms("gothic+own") == [(1.0, "gothic"), (1.0, "own")]
    assert terms("0.7*gothic + 0.3*many/hand") == [(0.7, "gothic"), (0.3, "hand")]
    assert terms("gothic+-1*own") == [(1.0, "gothic"), (-1.0, "own")]
    assert terms("0.5*own+0.25*own") == [(0.75, "own")]
    parsed = parse_adapter("0.70*gothic+many/hand")
    assert parsed.name == "0.7*gothic+hand"
    assert parsed.alone is None
    assert parse_adapter("0.5*own").alone is None
    assert parse_adapter(parsed) is parsed


def test_a_folder_with_such_a_name_is_that_folder(here):
    assert terms("a+b") == [(1.0, "a+b")]
    assert terms("2*c") == [(1.0, "2*c")]


def test_auto(here):
    assert parse_adapter("auto") == Auto()
    assert [a.name for a in parse_adapter("auto").candidates("small")] == ["gothic"]
    several = parse_adapter("auto:many")
    assert [a.name for a in several.candidates("small")] == ["gothic", "hand", "own"]
    assert [a.name for a in several.candidates(None)] == ["hand", "own"]
    assert is_auto("auto:many")
    assert not any(map(is_auto, [None, "own", "automatic"]))
    with pytest.raises(ValueError, match="no adapters to choose from; give auto:FOLDER"):
        Auto().candidates("tiny")


@pytest.mark.parametrize(
    ("value", "problem"),
    [
        ("runes", r"^runes: no such adapter .*shipped one's name: gothic$"),
        ("gothic+runes", r"^gothic\+runes: runes: no such adapter"),
        ("gothic+", r"^gothic\+: : no such adapter"),
        ("x*own", r"^x\*own: the weight 'x' is not a number; write a sum as 0\.7\*A\+0\.3\*B"),
        ("inf*own", "the weight 'inf' is not a number"),
        ("auto:nowhere", "auto:nowhere: nowhere is not a folder; give the folder that holds"),
        ("auto:own", "auto:own: own is itself an adapter; give the folder that holds"),
    ],
)
def test_what_is_wrong(here, value, problem):
    with pytest.raises(ValueError, match=problem):
        parse_adapter(value)


def test_where_there_is_nothing_to_choose_by(here):
    with pytest.raises(ValueError, match="'auto' is for reading pages and lines; name one here"):
        one_adapter("auto")
    assert one_adapter("own").name == "own"
