"""A run of a study is done once, by one process, with one recipe."""

import pytest
from pydantic import BaseModel

import runs
from isotrope.jobs.locking import locked


class Recipe(BaseModel):
    """All that decides the result of these runs."""

    seed: int = 0


def test_a_finished_run_is_not_repeated(tmp_path):
    done = []

    def work():
        done.append(1)
        yield {"row": "cnn", "accuracy": 0.5}

    (line,) = runs.run_once(tmp_path / "cnn-0", Recipe(), work)
    assert line["accuracy"] == 0.5
    assert line["commit"]
    assert runs.run_once(tmp_path / "cnn-0", Recipe(), work) == []
    assert len(done) == 1
    assert runs.finished(tmp_path) == [line]


def test_a_finished_run_of_another_recipe_is_refused(tmp_path):
    runs.run_once(tmp_path / "cnn", Recipe(seed=1), lambda: [{"row": "cnn"}])
    with pytest.raises(ValueError, match="was of another recipe; remove it to run it anew"):
        runs.run_once(tmp_path / "cnn", Recipe(seed=2), lambda: [])


def test_a_run_that_another_process_has_is_left_to_it(tmp_path):
    (tmp_path / "cnn").mkdir()
    with locked(tmp_path / "cnn" / "lock"):
        assert runs.run_once(tmp_path / "cnn", Recipe(), lambda: 1 / 0) == []
    assert runs.finished(tmp_path) == []


def test_an_interrupted_run_leaves_no_result(tmp_path):
    def work():
        yield {"row": "cnn"}
        raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        runs.run_once(tmp_path / "cnn", Recipe(), work)
    assert runs.finished(tmp_path) == []
    assert len(runs.run_once(tmp_path / "cnn", Recipe(), lambda: [{"row": "cnn"}])) == 1
