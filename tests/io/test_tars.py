"""Files of a tar are read where they lie; what a set does not need is refused."""

import io
import pickle
import tarfile
from concurrent.futures import ProcessPoolExecutor, ThreadPoolExecutor
from multiprocessing import get_context

import pytest

from isotrope.io import tars
from isotrope.io.tars import TarFiles

CONTENTS = {f"folder/{number}.txt": bytes([number]) * (700 * number) for number in range(5)}


def pack(path, mode="w", entries=()):
    with tarfile.open(path, mode) as tar:
        for name, content in CONTENTS.items():
            entry = tarfile.TarInfo(f"./{name}")
            entry.size = len(content)
            tar.addfile(entry, io.BytesIO(content))
        for entry in entries:
            tar.addfile(entry)
    return path


@pytest.mark.parametrize("kind", ["", ":gz", ":bz2", ":xz"])
def test_all_files_are_read(tmp_path, kind):
    folder = tarfile.TarInfo("folder")
    folder.type = tarfile.DIRTYPE
    files = TarFiles(pack(tmp_path / "a.tar", f"w{kind}", [folder]))
    assert dict(files) == CONTENTS
    assert len(files) == len(CONTENTS)
    assert files.get("other") is None
    assert dict(pickle.loads(pickle.dumps(files))) == CONTENTS


def test_a_plain_tar_is_not_held_in_memory(tmp_path):
    path = pack(tmp_path / "a.tar")
    files = TarFiles(path)
    path.write_bytes(path.read_bytes().replace(bytes([4]) * 2800, b"x" * 2800))
    assert files["folder/4.txt"] == b"x" * 2800
    path.write_bytes(path.read_bytes()[:4000])
    with pytest.raises(ValueError, match=r"a.tar was cut short since it was opened; copy it"):
        files["folder/4.txt"]


@pytest.mark.parametrize("method", ["fork", "spawn", "threads"])
def test_workers_share_a_tar(tmp_path, method):
    files = TarFiles(pack(tmp_path / "a.tar"))
    names = list(CONTENTS) * 20
    if method == "threads":
        pool = ThreadPoolExecutor(4)
    else:
        pool = ProcessPoolExecutor(2, mp_context=get_context(method))
    with pool:
        assert list(pool.map(files.__getitem__, names)) == [CONTENTS[name] for name in names]


@pytest.mark.parametrize(
    ("kind", "message"),
    [
        (tarfile.SYMTYPE, "evil is a link; pack plain files, with links followed"),
        (tarfile.LNKTYPE, "evil is a link; pack"),
        (tarfile.CHRTYPE, "evil is no plain file; pack"),
        (tarfile.FIFOTYPE, "evil is no plain file; pack"),
    ],
)
@pytest.mark.parametrize("packed", ["", ":gz"])
def test_links_and_devices_are_refused(tmp_path, kind, message, packed):
    evil = tarfile.TarInfo("evil")
    evil.type, evil.linkname = kind, "/etc/passwd"
    with pytest.raises(ValueError, match=message):
        TarFiles(pack(tmp_path / "a.tar", f"w{packed}", [evil]))


def test_sizes_are_bounded(tmp_path, monkeypatch):
    plain, packed = pack(tmp_path / "a.tar"), pack(tmp_path / "a.tar.gz", "w:gz")
    monkeypatch.setattr(tars, "LARGEST_UNPACKED", 5000)
    with pytest.raises(ValueError, match="unpacks to more than 0 MiB, too much for memory; give"):
        TarFiles(packed)
    assert len(TarFiles(plain)) == 5
    monkeypatch.setattr(tars, "LARGEST", 2500)
    for path in (plain, packed):
        with pytest.raises(ValueError, match=r"folder/4.txt has more than 0 MiB, too much for an"):
            TarFiles(path)


@pytest.mark.parametrize("kind", ["", ":gz", ":xz"])
@pytest.mark.parametrize("share", [0, 0.05, 0.3])
def test_a_broken_tar(tmp_path, kind, share):
    path = pack(tmp_path / "a.tar", f"w{kind}")
    content = path.read_bytes()
    path.write_bytes(content[: int(share * len(content))])
    with pytest.raises(ValueError, match=r"a.tar is not a whole tar \(.*\); copy it again"):
        TarFiles(path)
    path.write_text("no tar at all" * 100)
    with pytest.raises(ValueError, match="is not a whole tar"):
        TarFiles(path)
