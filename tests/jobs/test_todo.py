"""The files that are still to be read."""

import os
from pathlib import Path

from isotrope.io import steady
from isotrope.jobs.inputs import Inputs
from isotrope.jobs.survey import Survey
from isotrope.jobs.todo import Todo


def todo(*paths):
    """What is to be read of these paths, and what is refused."""
    refused = []
    inputs = Inputs(paths)
    survey = Survey(inputs, refused.append)
    return list(Todo(inputs, survey, lambda *given: refused.append(given))), refused


def test_a_pipe_is_read_by_the_process_that_has_it_open(tmp_path):
    """In another process the number of its descriptor means something else."""
    end, start = os.pipe()
    os.write(start, b"content")
    os.close(start)
    pipe = Path(f"/dev/fd/{end}")
    (tmp_path / "a.png").touch()
    (first, second), refused = todo(tmp_path / "a.png", pipe)
    os.close(end)
    assert (first.path, first.content) == (tmp_path / "a.png", None)
    assert (second.path, second.content) == (pipe, b"content")
    assert not refused


def test_a_pipe_that_gives_too_much_is_refused_and_the_others_are_read(tmp_path, monkeypatch):
    monkeypatch.setattr(steady, "MOST_BYTES", 3)
    end, start = os.pipe()
    os.write(start, b"content")
    os.close(start)
    pipe = Path(f"/dev/fd/{end}")
    (tmp_path / "a.png").touch()
    (item,), ((path, error, new),) = todo(pipe, tmp_path / "a.png")
    os.close(end)
    assert item.path == tmp_path / "a.png"
    assert (path, new) == (pipe, True)
    assert "longer than" in str(error)
