"""The files of folders and lists, one at a time, and what a first pass finds out about them."""

import os
import threading
from pathlib import Path

import pytest

from isotrope.io.errors import ImageError
from isotrope.jobs.inputs import Found, Inputs
from isotrope.jobs.survey import Survey


@pytest.fixture
def folder(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    for name in ("set/2.png", "set/10.png", "set/deep/a.jpg", "other/a.jpg", "1.png"):
        path = Path(name)
        path.parent.mkdir(parents=True, exist_ok=True)
        path.touch()
    return tmp_path


def survey(inputs):
    problems = []
    return Survey(inputs, problems.append), list(map(str, problems))


def test_inputs_are_gone_through_any_number_of_times(folder):
    (folder / "list").write_text("1.png\n\nnone.png\r\nset/deep\n")
    inputs = Inputs([Path("set")], Path("list"))
    for _ in range(2):
        found = list(inputs)
        assert found[:4] == [
            Found(Path("set/2.png"), Path("2.png")),
            Found(Path("set/10.png"), Path("10.png")),
            Found(Path("set/deep/a.jpg"), Path("deep/a.jpg")),
            Found(Path("1.png"), Path("1.png")),
        ]
        assert str(found[4]) == "none.png: no such file; check the path"
        assert found[5:] == [Found(Path("set/deep/a.jpg"), Path("a.jpg"))]


def test_a_list_in_a_pipe_is_gone_through_twice_at_once(folder):
    os.mkfifo("pipe")
    content = "".join(f"1.png{chr(10)}" for _ in range(50_000))
    writing = threading.Thread(target=lambda: (folder / "pipe").write_text(content))
    writing.start()
    inputs = Inputs([], Path("pipe"))
    writing.join()
    one, other = iter(inputs), iter(inputs)
    for _ in range(50_000):
        assert next(one) == next(other) == Found(Path("1.png"), Path("1.png"))
    assert next(one, None) is next(other, None) is None


def test_the_survey_counts_and_reports(folder):
    (folder / "empty").mkdir()
    inputs = Inputs([Path("set"), Path("none.png"), Path("empty"), Path("set/2.png")])
    seen, problems = survey(inputs)
    assert (seen.count, seen.problems) == (4, 2)
    assert problems[0] == "none.png: no such file; check the path"
    assert problems[1].startswith("empty: no images in this folder")
    assert seen.repeated(Path("set/2.png"))
    assert not seen.repeated(Path("set/10.png"))
    assert all(seen.reported(error) for error in inputs if isinstance(error, ImageError))
    assert not seen.reported(ImageError("gone", "set/10.png"))


def found(*names):
    return [Found(Path(str(number), name), Path(name)) for number, name in enumerate(names)]


def test_names_of_outputs(folder):
    seen, _ = survey(found("a.png", "b.png", "b.jpg", "c/a.png"))
    names = ["a.png", "b.png", "b.jpg", "c/a.png", "late.png"]
    outputs = [str(seen.output(Path(name))) for name in names]
    assert outputs == ["a", "b.png", "b.jpg", "c/a", "late.png"]
    assert not seen.has_clashes
    seen, _ = survey(found("a.png", "a.png", "b.png"))
    assert seen.clashes(Path("a.png"))
    assert not seen.clashes(Path("b.png"))
    seen, _ = survey(found("a.png", "a.jpg", "a.png.png"))
    assert seen.clashes(Path("a.png")), "its whole name is that of another without the suffix"


def test_a_file_that_is_named_twice_clashes_with_nothing(folder):
    twice = Found(Path("a.png"), Path("a.png"))
    assert not survey([twice, twice])[0].has_clashes
