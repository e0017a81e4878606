"""The images of a folder, one at a time."""

import re
import shutil

import pytest
from hypothesis import given
from hypothesis import strategies as st

from isotrope.io import walking
from isotrope.io.walking import natural, walk_images


def parts(name):
    """Text and numbers in turn, compared as such."""
    runs = re.split(r"(\d+)", name)
    return [(int(run), "") if run.isdecimal() else (-1, run) for run in runs]


names = st.text("ab.-_é0129٣", min_size=1, max_size=9)


@given(names, names)
def test_the_key_compares_runs_of_digits_as_numbers(one, other):
    assert (natural(one) < natural(other)) == (parts(one) < parts(other))


@pytest.mark.parametrize("held", [1, 2, 3, 100])
def test_a_large_folder_is_listed_several_times(tmp_path, monkeypatch, held):
    monkeypatch.setattr(walking, "HELD", held)
    (tmp_path / "5").mkdir()
    for name in ["10.png", "9.png", "09.png", "a.txt", "5/2.png", "5/10.png", ".b.png", "x.jpg"]:
        (tmp_path / name).touch()
    (tmp_path / "7").symlink_to(tmp_path / "5")
    found = [str(path.relative_to(tmp_path)) for path in walk_images(tmp_path)]
    assert found == ["5/2.png", "5/10.png", "09.png", "9.png", "10.png", "x.jpg"]


def test_a_folder_that_vanishes_stands_for_itself(tmp_path, monkeypatch):
    for name in ("a", "b"):
        (tmp_path / name).mkdir()
        (tmp_path / name / "1.png").touch()
    walk = walk_images(tmp_path)
    assert next(walk) == tmp_path / "a" / "1.png"
    shutil.rmtree(tmp_path / "b")
    assert list(walk) == [tmp_path / "b"]
