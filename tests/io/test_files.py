"""Files that are whole or as they were, streams that are written through, the cache folder."""

import errno
import os
import resource
import stat
import subprocess
import sys
import tempfile
import threading
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest

from isotrope.io.files import cache_folder, filling, refuse_overwriting, replacing, writing


def put(path, text):
    with replacing(path) as temporary:
        temporary.write_text(text)


def put_lines(path, text):
    with writing(path) as file:
        file.write(text)


BOTH = pytest.mark.parametrize("write", [put, put_lines])


@BOTH
def test_a_file_is_new_or_replaced_and_nothing_else_stays(tmp_path, write):
    path = tmp_path / "out.txt"
    for text in ("first", "second"):
        write(path, text)
        assert [(file, file.read_text()) for file in tmp_path.iterdir()] == [(path, text)]


@pytest.mark.parametrize("error", [RuntimeError, KeyboardInterrupt])
def test_what_fails_leaves_the_file_as_it_was(tmp_path, error):
    path = tmp_path / "file"
    path.write_text("whole")
    for open_new in (replacing, writing):

        def write_half(open_new=open_new):
            with open_new(path) as opened:
                (opened.write_text if open_new is replacing else opened.write)("half")
                raise error

        with pytest.raises(error):
            write_half()
        assert [file.read_text() for file in tmp_path.iterdir()] == ["whole"]


@BOTH
def test_a_full_disk_leaves_the_file_as_it_was(tmp_path, write):
    path = tmp_path / "file"
    path.write_text("whole")
    limits = resource.getrlimit(resource.RLIMIT_FSIZE)
    resource.setrlimit(resource.RLIMIT_FSIZE, (1000, limits[1]))
    try:
        with pytest.raises(OSError, match="File too large"):
            write(path, "x" * 100_000)
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, limits)
    assert [file.read_text() for file in tmp_path.iterdir()] == ["whole"]


@BOTH
def test_a_pipe_is_written_through(tmp_path, write):
    pipe = tmp_path / "pipe"
    os.mkfifo(pipe)
    (tmp_path / "link").symlink_to(pipe)
    for path in (pipe, tmp_path / "link"):
        with ThreadPoolExecutor(1) as pool:
            read = pool.submit(pipe.read_text)
            write(path, "text")
            assert read.result() == "text"
    assert stat.S_ISFIFO(pipe.stat().st_mode)
    assert sorted(tmp_path.iterdir()) == [tmp_path / "link", pipe]


def test_lines_reach_a_pipe_as_they_come(tmp_path):
    pipe = tmp_path / "pipe"
    os.mkfifo(pipe)
    came, lines = threading.Event(), []

    def read():
        with pipe.open() as file:
            lines.append(file.readline())
            came.set()
            lines.append(file.readline())

    reader = threading.Thread(target=read)
    reader.start()
    with writing(pipe) as file:
        file.write("first\n")
        assert came.wait(timeout=10)
        file.write("second\n")
    reader.join()
    assert lines == ["first\n", "second\n"]


@BOTH
def test_devices_stay_devices(write):
    write("/dev/null", "text")
    assert stat.S_ISCHR(os.stat("/dev/null").st_mode)
    with pytest.raises(OSError, match="No space left"):
        write("/dev/full", "text")
    assert stat.S_ISCHR(os.stat("/dev/full").st_mode)


@pytest.mark.parametrize("name", ["/dev/stdout", "/dev/fd/1", "/proc/self/fd/1", "link"])
@pytest.mark.parametrize("call", ["put", "put_lines"])
def test_an_open_descriptor_is_appended_to(tmp_path, name, call):
    """`isotrope ... --out /dev/stdout >> file` in a container, where stdout may be a file."""
    (tmp_path / "link").symlink_to("/dev/stdout")
    script = Path(__file__).read_text().replace("import pytest\n", "").partition("BOTH")[0]
    script += f"print('before')\n{call}({name!r}, 'text')\nprint('after')\n"
    log = tmp_path / "log"
    log.write_text("kept\n")
    with log.open("a") as file:
        subprocess.run([sys.executable, "-c", script], cwd=tmp_path, stdout=file, check=True)
    assert log.read_text() == "kept\nbefore\ntextafter\n"
    assert sorted(os.listdir(tmp_path)) == ["link", "log"]


@BOTH
def test_links_stay_and_their_targets_are_written(tmp_path, write):
    (tmp_path / "folder").mkdir()
    (tmp_path / "linked").symlink_to("folder")
    (tmp_path / "link").symlink_to("linked/file")  # to nothing at first
    for text in ("made", "replaced"):
        write(tmp_path / "link", text)
        assert (tmp_path / "folder" / "file").read_text() == text
        assert (tmp_path / "link").is_symlink()
    assert os.listdir(tmp_path / "folder") == ["file"]
    (tmp_path / "round").symlink_to("round")
    with pytest.raises(OSError, match=r"symbolic links: '.*round'"):
        write(tmp_path / "round", "text")


@BOTH
def test_the_mode_is_kept_or_that_of_any_new_file(tmp_path, write):
    path = tmp_path / "file"
    before = os.umask(0o027)
    try:
        write(path, "new")
        assert stat.S_IMODE(path.stat().st_mode) == 0o640
        path.chmod(0o604)
        write(path, "old")
        assert stat.S_IMODE(path.stat().st_mode) == 0o604
    finally:
        os.umask(before)


def test_a_library_that_makes_its_file_anew_does_not_choose_the_mode(tmp_path):
    """As safetensors does, with the mode of a secret."""

    def save(path):
        path.unlink(missing_ok=True)
        path.touch(mode=0o600)

    (tmp_path / "other").touch()
    expected = stat.S_IMODE((tmp_path / "other").stat().st_mode)
    with replacing(tmp_path / "one") as temporary:
        save(temporary)
    with filling(tmp_path / "folder") as partial:
        save(partial / "one")
    for path in (tmp_path / "one", tmp_path / "folder" / "one"):
        assert stat.S_IMODE(path.stat().st_mode) == expected


def test_a_file_keeps_its_owner(tmp_path):
    if os.geteuid() != 0:
        pytest.skip("only root gives files away")
    (tmp_path / "file").touch()
    os.chown(tmp_path / "file", 1234, 1234)
    put(tmp_path / "file", "text")
    assert (tmp_path / "file").stat().st_uid == 1234


@BOTH
def test_errors_name_the_file_and_not_the_temporary_one(tmp_path, write):
    with pytest.raises(FileNotFoundError, match=r"missing/out\.txt'$"):
        write(tmp_path / "missing" / "out.txt", "text")
    with pytest.raises(IsADirectoryError, match=f"'{tmp_path}'$"):
        write(tmp_path, "text")
    (tmp_path / "kept").touch(mode=0o444)
    if os.geteuid() != 0:
        with pytest.raises(PermissionError, match=r"kept'$"):
            write(tmp_path / "kept", "text")


def test_a_file_that_cannot_be_renamed_over_is_written_in_place(tmp_path, monkeypatch):
    path = tmp_path / "mounted"
    path.write_text("old")
    number = path.stat().st_ino

    def busy(source, target):
        raise OSError(errno.EBUSY, os.strerror(errno.EBUSY), source)

    monkeypatch.setattr(os, "replace", busy)
    put(path, "new")
    assert (path.read_text(), path.stat().st_ino) == ("new", number)
    assert os.listdir(tmp_path) == ["mounted"]


def test_the_content_is_on_the_disk_before_the_name_and_the_name_at_the_end(tmp_path, monkeypatch):
    path, calls = tmp_path / "file", []
    fsync, replace = os.fsync, os.replace

    def synced(descriptor):
        calls.append("folder" if stat.S_ISDIR(os.fstat(descriptor).st_mode) else "file")
        fsync(descriptor)

    monkeypatch.setattr(os, "fsync", synced)
    monkeypatch.setattr(os, "replace", lambda *names: (calls.append("rename"), replace(*names)))
    put(path, "text")
    assert calls == ["file", "rename", "folder"]


def test_parallel_writers_of_one_file_do_not_meet(tmp_path):
    path, threads = tmp_path / "file", 8
    together = threading.Barrier(threads)

    def write(number):
        with replacing(path) as temporary:
            together.wait()
            temporary.write_text(str(number) * 1000)
            together.wait()
        return temporary

    with ThreadPoolExecutor(threads) as pool:
        assert len(set(pool.map(write, range(threads)))) == threads
    text = path.read_text()
    assert (len(text), len(set(text))) == (1000, 1)
    assert os.listdir(tmp_path) == ["file"]


def test_the_suffix_is_kept_since_libraries_go_by_it(tmp_path):
    with replacing(tmp_path / "picture.png") as temporary:
        assert temporary.suffix == ".png"
        assert temporary.name.startswith(".")
    name = "a." + "long name " * 25
    put(tmp_path / name, "text")
    assert (tmp_path / name).read_text() == "text"


def test_a_folder_is_filled_file_by_file(tmp_path):
    folder = tmp_path / "model"
    (folder / ".isotrope-killed").mkdir(parents=True)
    (folder / ".isotrope-killed" / "stale").touch()
    (folder / "config").write_text("old")
    (folder / "kept").write_text("kept")
    with filling(folder) as partial:
        assert not list(partial.iterdir())
        (partial / "config").write_text("new")
        (partial / "part").mkdir()
        (partial / "part" / "weights").write_text("new")
        assert (folder / "config").read_text() == "old"
    files = {str(file.relative_to(folder)): file for file in folder.rglob("*") if file.is_file()}
    assert set(files) == {"config", "kept", "part/weights", ".isotrope-killed/stale"}
    assert [files[name].read_text() for name in ("config", "part/weights")] == ["new", "new"]


def test_a_folder_whose_filling_fails_stays_as_it_was(tmp_path):
    def fail():
        with filling(tmp_path / "model") as partial:
            (partial / "config").touch()
            raise RuntimeError

    with pytest.raises(RuntimeError):
        fail()
    assert not list((tmp_path / "model").iterdir())
    os.mkfifo(tmp_path / "model" / "config")
    with (
        pytest.raises(OSError, match=r"no regular file; remove it: '.*config'"),
        filling(tmp_path / "model") as partial,
    ):
        (partial / "config").touch()


def test_an_output_that_is_an_input_is_refused(tmp_path):
    for name in ("a", "b"):
        (tmp_path / name).touch()
    (tmp_path / "link").symlink_to("a")
    os.link(tmp_path / "a", tmp_path / "hard")
    inputs = [tmp_path / "missing", tmp_path / "b", tmp_path / "a"]
    for name in ("a", "link", "hard", "../" + tmp_path.name + "/a"):
        with pytest.raises(ValueError, match=r" is the input .*/a and would be overwritten; give"):
            refuse_overwriting(tmp_path / name, inputs)
    refuse_overwriting(tmp_path / "new", inputs)
    refuse_overwriting(tmp_path / "a", inputs[:2])
    refuse_overwriting("/dev/null", ["/dev/null"])


def test_the_cache_is_where_the_user_says_or_at_home_or_in_the_temporary_folder(monkeypatch):
    monkeypatch.setenv("XDG_CACHE_HOME", "/somewhere")
    assert cache_folder() == Path("/somewhere/isotrope")
    monkeypatch.delenv("XDG_CACHE_HOME")
    if sys.platform == "linux":
        assert cache_folder() == Path.home() / ".cache/isotrope"

    def homeless():
        raise RuntimeError("Could not determine home directory.")

    monkeypatch.setattr(Path, "home", homeless)
    assert cache_folder() == Path(tempfile.gettempdir()) / ".cache/isotrope"
