"""Labeled lines in a folder or a tar."""

import io
import tarfile
from pathlib import Path

import pytest
import torch
from PIL import Image

from isotrope.data.lines import LabeledLines
from isotrope.io.images import ImageError

NAMES = {"a.png": "eins", "b/c.png": "zwei  drei"}


def picture(shade):
    file = io.BytesIO()
    Image.new("L", (20, 10), shade).save(file, "png")
    return file.getvalue()


@pytest.fixture
def folder(tmp_path):
    folder = tmp_path / "set"
    (folder / "b").mkdir(parents=True)
    for shade, name in enumerate(NAMES):
        (folder / name).write_bytes(picture(shade))
    label(folder, NAMES)
    return folder


def label(folder, names):
    rows = "".join(f"{name}\t{text}\n" for name, text in names.items())
    (folder / "labels.tsv").write_text(rows, encoding="utf-8")


def pack(folder, path, mode="w", inside="set"):
    with tarfile.open(path, mode) as tar:
        tar.add(folder, inside)
    return path


@pytest.mark.parametrize("kind", ["folder", "w", "w:xz"])
@pytest.mark.parametrize("inside", ["set", "."])
def test_images_and_texts(folder, tmp_path, kind, inside):
    lines = LabeledLines(
        folder if kind == "folder" else pack(folder, tmp_path / "a.tar", kind, inside)
    )
    assert [text for _, text in lines.items] == ["eins", "zwei drei"]
    for shade in range(2):
        assert torch.equal(lines[shade][0], torch.full((3, 10, 20), shade / 255))
        assert lines.ratio(shade) == 2


def test_workers_read_a_tar(folder, tmp_path):
    lines = LabeledLines(pack(folder, tmp_path / "a.tar"))
    loader = torch.utils.data.DataLoader(range(2), num_workers=2, collate_fn=lambda n: lines[n[0]])
    assert [text for _, text in loader] == ["eins", "zwei drei"]


@pytest.mark.parametrize("name", ["../secret.png", "b/../../secret.png", "{secret}"])
@pytest.mark.parametrize("packed", [False, True])
def test_a_file_outside_is_not_opened(folder, tmp_path, name, packed):
    secret = tmp_path / "secret.png"
    secret.write_bytes(picture(0))
    label(folder, {"a.png": "eins", name.format(secret=secret): "zwei"})
    with pytest.raises(ValueError, match=r"line 2 of labels\.tsv names '.*secret.png', which lies"):
        LabeledLines(pack(folder, tmp_path / "a.tar") if packed else folder)


def test_names_with_detours(folder):
    label(folder, {"./b/../a.png": "eins"})
    assert LabeledLines(folder).items == [("a.png", "eins")]


@pytest.mark.parametrize("packed", [False, True])
def test_an_image_that_is_missing_or_broken(folder, tmp_path, packed):
    label(folder, {"missing.png": "eins", "a.png": "zwei"})
    (folder / "a.png").write_bytes(b"broken")
    path: Path = pack(folder, tmp_path / "a.tar") if packed else folder
    lines = LabeledLines(path)
    with pytest.raises(ValueError, match=r"missing\.png"):
        lines[0]
    with pytest.raises(ImageError, match=r"a\.png: (no image|text)"):
        lines[1]


def test_labels(folder, caplog):
    for content, message in (
        (b"a.png eins", "line 1 of labels.tsv has no tab; write file<TAB>text"),
        (b"a.png\t\xff", "labels.tsv is not UTF-8"),
    ):
        (folder / "labels.tsv").write_bytes(content)
        with pytest.raises(ValueError, match=message):
            LabeledLines(folder)
    (folder / "labels.tsv").write_bytes(b"\xef\xbb\xbfa.png\teins\r\nnone\n")
    assert LabeledLines(folder).items == [("a.png", "eins")]
    assert "line 2 of labels.tsv has no tab; left out" in caplog.text
    (folder / "labels.tsv").unlink()
    with pytest.raises(ValueError, match=r"has no labels\.tsv; add one"):
        LabeledLines(folder)
    with pytest.raises(ValueError, match="does not exist; give a folder or a tar"):
        LabeledLines(folder / "none")
