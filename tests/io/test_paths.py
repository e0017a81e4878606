"""Paths that stay in a folder."""

from pathlib import Path

import pytest

from isotrope.io.paths import within


@pytest.mark.parametrize("name", ["a.png", "b/../a.png", "./a.png", "../top/a.png"])
def test_inside(tmp_path, name):
    top = tmp_path / "top"
    assert within(top, top / name) == top / "a.png"


@pytest.mark.parametrize("name", ["../a.png", "b/../../a.png", "/etc/passwd", "../top2/a", ".."])
def test_outside(tmp_path, name):
    top = tmp_path / "top"
    assert within(top, top / name) is None


def test_relative_folders(tmp_path, monkeypatch):
    (tmp_path / "cwd").mkdir()
    monkeypatch.chdir(tmp_path / "cwd")
    assert within(".", Path("a/../b.png")) == Path("b.png")
    assert within("..", Path("../b.png")) == Path("../b.png")
    assert within(".", Path("../b.png")) is None
    assert within("/", "/etc") == Path("/etc")


def test_a_link_inside_is_followed(tmp_path):
    (tmp_path / "top").mkdir()
    (tmp_path / "top" / "scans").symlink_to(tmp_path)
    assert within(tmp_path / "top", tmp_path / "top/scans/a.png") == tmp_path / "top/scans/a.png"
