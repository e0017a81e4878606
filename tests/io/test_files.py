"""Files that are whole or not there, and the folder of what can be made again."""

import tempfile
from pathlib import Path

import pytest

from isotrope.io.files import cache_folder, replacing


def test_what_fails_leaves_the_file_as_it_was(tmp_path):
    path = tmp_path / "file"
    path.write_text("whole")

    def write_half():
        with replacing(path) as temporary:
            temporary.write_text("half")
            raise RuntimeError

    with pytest.raises(RuntimeError):
        write_half()
    assert [p.read_text() for p in tmp_path.iterdir()] == ["whole"]


def test_the_cache_is_where_the_user_says_or_at_home_or_in_the_temporary_folder(monkeypatch):
    monkeypatch.setenv("XDG_CACHE_HOME", "/somewhere")
    assert cache_folder() == Path("/somewhere/isotrope")
    monkeypatch.delenv("XDG_CACHE_HOME")
    assert cache_folder() == Path.home() / ".cache/isotrope"

    def homeless():
        raise RuntimeError("Could not determine home directory.")

    monkeypatch.setattr(Path, "home", homeless)
    assert cache_folder() == Path(tempfile.gettempdir()) / ".cache/isotrope"
