"""Photographs in folders and shards: the same set from each, decoded when asked for."""

import io
import tarfile
from pathlib import Path

import numpy as np
import pytest
import torch
from PIL import Image
from torch.utils.data import DataLoader

from isotrope.data.image_files import load_image_files

CLASSES = ("cat", "dog")


def photo(number: int) -> bytes:
    """A PNG with a color and a size of its own."""
    buffer = io.BytesIO()
    Image.new("RGB", (12 + number, 9), (number, 100, 7)).save(buffer, "PNG")
    return buffer.getvalue()


def in_folder(folder: Path, valid: str | None = "val", count: int = 3) -> Path:
    """Images 0, 1, ... of train, then of valid: cats first."""
    number = 0
    for split in filter(None, ("train", valid)):
        for name in CLASSES:
            (folder / split / name).mkdir(parents=True)
            for _ in range(count):
                (folder / split / name / f"{number:03}.png").write_bytes(photo(number))
                number += 1
    return folder


def in_tar(folder: Path, **how) -> Path:
    source = in_folder(folder / "source", **how)
    with tarfile.open(folder / "set.tar", "w") as tar:
        tar.add(source, arcname="set")
    return folder / "set.tar"


def add(tar: tarfile.TarFile, name: str, content: bytes) -> None:
    member = tarfile.TarInfo(name)
    member.size = len(content)
    tar.addfile(member, io.BytesIO(content))


def in_shards(folder: Path, labels: bool = True, names=(b"0", b"1")) -> Path:
    """Webdataset's: each class in a shard of its own, cats are 0."""
    number = 0
    for split in ("train", "validation"):
        for label in (0, 1):
            with tarfile.open(folder / f"pets-{split}-{label:04}.tar", "w") as tar:
                for _ in range(3):
                    add(tar, f"{number:03}.png", photo(number))
                    if labels:
                        add(tar, f"{number:03}.cls", names[label])
                    add(tar, f"{number:03}.json", b"{}")
                    number += 1
    return folder


@pytest.mark.parametrize("make", [in_folder, in_tar, in_shards])
def test_a_set_is_the_same_wherever_it_lies(tmp_path, make):
    path = make(tmp_path)
    train, valid = (load_image_files(path, split, 4) for split in ("train", "valid"))
    assert train.classes == (("0", "1") if make is in_shards else CLASSES)
    assert train.labels.tolist() == valid.labels.tolist() == [0, 0, 0, 1, 1, 1]
    assert train.images.shape == (6, 3, 4, 4)
    assert train.images[:].dtype == torch.uint8
    assert train.images[:][:, 0, 0, 0].tolist() == [0, 1, 2, 3, 4, 5]
    assert valid.images[torch.tensor([5, 0])][:, 0, 2, 2].tolist() == [11, 6]
    assert (train.images[:][:, 1] == 100).all()
    few = train.take(torch.tensor([4, 1]))
    assert few.images[:][:, 0, 0, 0].tolist() == [4, 1]
    assert few.labels.tolist() == [1, 0]
    with pytest.raises(FileNotFoundError, match=r"no images of test but of train, valid; give"):
        load_image_files(path, "test", 4)


@pytest.mark.parametrize("make", [in_folder, in_tar])
def test_without_validation_every_sixth_validates(tmp_path, make):
    path = make(tmp_path, valid=None, count=6)
    train, valid = (load_image_files(path, split, 4) for split in ("train", "valid"))
    assert valid.images[:][:, 0, 0, 0].tolist() == [5, 11]
    assert len(train) == 10


@pytest.mark.parametrize("names", [("00", "10"), ("2019", "2021"), ("1", "x")])
def test_folders_named_by_numbers_are_classes_like_others(tmp_path, names):
    folder = in_folder(tmp_path)
    for split in ("train", "val"):
        for old, new in zip(CLASSES, names, strict=True):
            (folder / split / old).rename(folder / split / new)
    train, valid = (load_image_files(folder, split, 4) for split in ("train", "valid"))
    assert train.classes == valid.classes == names
    assert train.labels.tolist() == [0, 0, 0, 1, 1, 1]


@pytest.mark.parametrize(
    ("names", "classes", "labels"),
    [
        ((b"000\n", b"03"), ("0", "1", "2", "3"), [0, 3]),
        ((b"cat", "Vögel".encode()), ("Vögel", "cat"), [1, 0]),
    ],
)
def test_classes_of_shards_are_numbers_or_names(tmp_path, names, classes, labels):
    valid = load_image_files(in_shards(tmp_path, names=names), "valid", 4)
    assert valid.classes == classes
    assert valid.labels[[0, 3]].tolist() == labels


@pytest.mark.parametrize("name", [b"", b" \n", b"-1", b"1000000", b"9" * 5000, b"\xff\xfe", b"a\0"])
def test_what_is_no_class_in_a_shard_is_refused(tmp_path, name):
    folder = in_shards(tmp_path, names=(b"0", name))
    message = r"0001\.tar: 003\.cls holds .*, which is no class; write a number from 0 to 999,999"
    with pytest.raises(ValueError, match=message):
        load_image_files(folder, "train", 4)


def test_tars_beside_the_unpacked_folders_are_left_alone(tmp_path):
    with tarfile.open(in_folder(tmp_path) / "ILSVRC2012_img_train.tar", "w") as tar:
        add(tar, "n01440764.tar", b"")
    assert len(load_image_files(tmp_path, "train", 4)) == 6


def test_workers_decode_views(tmp_path):
    data = load_image_files(in_tar(tmp_path), "train", 4)
    numbers = [torch.tensor([0, 3]), torch.tensor([5])]
    loader = DataLoader(data.images, sampler=numbers, batch_size=None, num_workers=2)
    views = torch.cat(list(loader))
    assert views[:, 0, 0, 0].tolist() == [0, 3, 5]


def test_a_random_view_depends_on_the_seed_and_its_place(tmp_path):
    pixels = np.random.default_rng(0).integers(0, 256, (40, 40, 3), dtype=np.uint8)
    for split in ("train", "valid"):
        (tmp_path / split / "a").mkdir(parents=True)
        Image.fromarray(pixels).save(tmp_path / split / "a" / "0.png")
    images = load_image_files(tmp_path, "train", 8).images
    zeros = torch.zeros(2, dtype=torch.int64)
    first, again, other = (images.drawn(zeros, (0, n), True) for n in (1, 1, 2))
    assert torch.equal(first, again)
    assert not torch.equal(first, other)
    assert not torch.equal(first[0], first[1])


def test_an_image_that_cannot_be_read_is_named(tmp_path):
    folder = in_folder(tmp_path)
    (folder / "train" / "dog" / "004.png").write_bytes(b"no image")
    data = load_image_files(folder, "train", 4)
    with pytest.raises(ValueError, match=r"train/dog/004\.png cannot be read .*; take it out, or"):
        data.images[:]
    assert len(data.images[:4]) == 4


@pytest.mark.parametrize(
    ("make", "message"),
    [
        (lambda p: in_shards(p, labels=False), r"pets-train-0000\.tar: 000\.png has neither split"),
        (lambda p: p / "none", "none does not exist; give the folder of a set"),
        (lambda p: p, "no images of train but of no split; give a folder with train/<class>"),
    ],
)
def test_what_is_no_set_is_refused(tmp_path, make, message):
    path = make(tmp_path)
    with pytest.raises((ValueError, FileNotFoundError), match=message):
        load_image_files(path, "train", 4)


def test_other_splits_and_classes_are_refused(tmp_path):
    folder = in_folder(tmp_path)
    with pytest.raises(ValueError, match=r"split='dev' .* train, valid, test"):
        load_image_files(folder, "dev", 4)
    (folder / "val" / "cow").mkdir()
    (folder / "val" / "cow" / "0.png").write_bytes(photo(0))
    with pytest.raises(ValueError, match="class cow of valid is not in train, which has 2"):
        load_image_files(folder, "valid", 4)


def test_a_compressed_tar_is_refused(tmp_path):
    source = in_folder(tmp_path / "source")
    with tarfile.open(tmp_path / "set.tar", "w:gz") as tar:
        tar.add(source, arcname=".")
    with pytest.raises(ValueError, match=r"set\.tar is compressed; unpack it to a plain tar"):
        load_image_files(tmp_path / "set.tar", "train", 4)
