"""Labeled sets of every kind, found from what lies there; what is wrong with one is said."""

import gzip
import tarfile
from pathlib import Path

import numpy as np
import pytest
import torch
from PIL import Image

from isotrope.data.classification import load_classification
from isotrope.data.fitting import fitted
from isotrope.data.images import load_image

SHARED = Path(__file__).parents[3] / "shared" / "data"
RNG = np.random.default_rng(0)
DIGITS = RNG.integers(0, 256, (12, 28, 28), dtype=np.uint8)
LABELS = np.arange(12, dtype=np.uint8) % 10
AMAT = "mnist_all_rotation_normalized_float_{}.amat"


def write_npz(folder, images=DIGITS, labels=LABELS):
    np.savez(folder / "train.npz", images=images, labels=labels)


def write_amat(folder, name="train_valid", values=DIGITS / 255, labels=LABELS):
    rows = np.concatenate([values.reshape(len(values), -1), labels[:, None]], axis=1)
    np.savetxt(folder / AMAT.format(name), rows, fmt="%.6f")


def idx(array):
    sizes = np.array(array.shape, ">u4").tobytes()
    return bytes((0, 0, 8, array.ndim)) + sizes + array.tobytes()


def write_idx(folder, images=DIGITS, labels=LABELS, pack=lambda data: data, suffix=""):
    for name in ("train", "t10k"):
        (folder / f"{name}-images-idx3-ubyte{suffix}").write_bytes(pack(idx(images)))
        (folder / f"{name}-labels-idx1-ubyte{suffix}").write_bytes(pack(idx(labels)))


SPLITS = ("train", "valid", "test")


def write_folder(folder, splits=SPLITS, classes=("cat", "dog"), size=(8, 6), count=2):
    for split in splits:
        for number, name in enumerate(classes):
            (folder / split / name).mkdir(parents=True, exist_ok=True)
            for i in range(count):
                Image.new("RGB", size, (number, i, 7)).save(folder / split / name / f"{i}.png")


def h5py_file(path):
    return pytest.importorskip("h5py", reason="PatchCamelyon is HDF5").File(path, "a")


def write_pcam(folder, count=5, labels=None):
    images = RNG.integers(0, 256, (count, 96, 96, 3), dtype=np.uint8)
    labels = np.arange(count) % 2 if labels is None else labels
    for part, values in (("x", images), ("y", np.reshape(labels, (-1, 1, 1, 1)))):
        with h5py_file(folder / f"camelyonpatch_level_2_split_train_{part}.h5") as file:
            file.create_dataset(part, data=values, compression="gzip")
    return images


def test_npz(tmp_path):
    write_npz(tmp_path)
    (tmp_path / "valid.npz").write_bytes((tmp_path / "train.npz").read_bytes())
    data = load_classification(tmp_path, "train")
    assert data.images.dtype == torch.uint8
    assert torch.equal(data.images, torch.from_numpy(DIGITS[:, None]))
    assert torch.equal(data.labels, torch.from_numpy(LABELS.astype(np.int64)))
    assert data.classes == tuple("0123456789")
    with pytest.raises(FileNotFoundError, match=r"test\.npz does not exist; fetch it"):
        load_classification(tmp_path, "test")


@pytest.mark.parametrize(
    ("write", "name"),
    [
        (write_npz, "train.npz"),
        (write_amat, AMAT.format("train_valid")),
        (write_idx, "t10k-images-idx3-ubyte"),
    ],
)
def test_a_file_of_a_set_stands_for_its_folder(tmp_path, write, name):
    write(tmp_path)
    by_file, by_folder = (load_classification(p, "train") for p in (tmp_path / name, tmp_path))
    assert torch.equal(by_file.images, by_folder.images)


def test_published_amat_is_split_in_ten_to_two(tmp_path):
    write_amat(tmp_path)
    write_amat(tmp_path, "test")
    train, valid, test = (load_classification(tmp_path, s) for s in ("train", "valid", "test"))
    assert (len(train), len(valid), len(test)) == (10, 2, 12)
    together = torch.cat([train.images, valid.images])
    assert torch.equal(together, torch.from_numpy(DIGITS[:, None]))
    assert torch.equal(test.images, together)
    assert valid.labels.tolist() == [0, 1]


def test_an_amat_of_another_length_is_reported(tmp_path, caplog):
    write_amat(tmp_path)
    load_classification(tmp_path, "train")
    assert "12 rows; the published 12000" in caplog.text


@pytest.mark.parametrize(("pack", "suffix"), [(lambda data: data, ""), (gzip.compress, ".gz")])
def test_idx_packed_or_not(tmp_path, pack, suffix):
    write_idx(tmp_path, pack=pack, suffix=suffix)
    train, valid, test = (load_classification(tmp_path, s) for s in ("train", "valid", "test"))
    assert (len(train), len(valid), len(test)) == (10, 2, 12)
    assert torch.equal(test.images, torch.from_numpy(DIGITS[:, None]))


def test_pcam_is_read_where_it_is_asked_for(tmp_path):
    images = write_pcam(tmp_path)
    data = load_classification(tmp_path, "train")
    assert data.images.shape == (5, 3, 96, 96)
    numbers = torch.tensor([3, 0, 3])
    expected = torch.from_numpy(images[numbers.numpy()]).movedim(-1, 1)
    assert torch.equal(data.images[numbers], expected)
    assert torch.equal(data.take(numbers).images, expected)
    assert data.labels.tolist() == [0, 1, 0, 1, 0]
    assert torch.equal(data.images[1:3], torch.from_numpy(images[1:3]).movedim(-1, 1))


@pytest.mark.parametrize("context", ["fork", "spawn"])
def test_workers_read_a_pcam_each_for_itself(tmp_path, context):
    images = torch.from_numpy(write_pcam(tmp_path, 8)).movedim(-1, 1)
    data = load_classification(tmp_path, "train")
    loader = torch.utils.data.DataLoader(
        data.images,
        sampler=[torch.tensor([i]) for i in range(8)],
        batch_size=None,
        num_workers=2,
        multiprocessing_context=context,
    )
    assert torch.equal(torch.cat(list(loader)), images)


def test_a_mislabeled_pcam_is_refused(tmp_path):
    write_pcam(tmp_path, labels=[0, 1, 2, 0, 1])
    with pytest.raises(ValueError, match=r"labels from 0 to 2, .* from 0 to 1"):
        load_classification(tmp_path, "train")


def test_a_truncated_pcam_is_refused(tmp_path):
    write_pcam(tmp_path)
    file = tmp_path / "camelyonpatch_level_2_split_train_x.h5"
    file.write_bytes(file.read_bytes()[:5000])
    with pytest.raises(ValueError, match=r"train_x\.h5 is cut short or broken"):
        load_classification(tmp_path, "train")


def test_a_packed_pcam_says_gunzip(tmp_path):
    for part in "xy":
        (tmp_path / f"camelyonpatch_level_2_split_train_{part}.h5.gz").touch()
    file = "camelyonpatch_level_2_split_train_x.h5.gz"
    for path in (tmp_path, tmp_path / file):
        with pytest.raises(FileNotFoundError, match=f"gunzip {file}"):
            load_classification(path, "train")
    (tmp_path / "camelyonpatch_level_2_split_test_x.h5").touch()
    with pytest.raises(FileNotFoundError, match=f"gunzip {file}"):
        load_classification(tmp_path, "train")


def test_a_pcam_of_groups_is_refused(tmp_path):
    write_pcam(tmp_path)
    with h5py_file(tmp_path / "camelyonpatch_level_2_split_train_y.h5") as file:
        del file["y"]
        file.create_group("y")
    with pytest.raises(ValueError, match=r"train_y\.h5 has no values 'y' but \['y'\]"):
        load_classification(tmp_path, "train")


@pytest.mark.parametrize("tarred", [False, True])
def test_image_folders_and_tars(tmp_path, tarred):
    write_folder(tmp_path / "set")
    path = tmp_path / "set"
    if tarred:
        path = tmp_path / "set.tar"
        with tarfile.open(path, "w") as tar:
            tar.add(tmp_path / "set", arcname=".")
    data = load_classification(path, "valid")
    assert data.classes == ("cat", "dog")
    assert data.labels.tolist() == [0, 0, 1, 1]
    assert data.images.shape == (4, 3, 6, 8)
    assert data.images[3, :, 0, 0].tolist() == [1, 1, 7]


@pytest.mark.parametrize("tarred", [False, True])
def test_an_image_that_cannot_be_read_is_reported_and_left_out(tmp_path, tarred, caplog):
    path = tmp_path / "set"
    write_folder(path)
    (path / "train" / "cat" / "1.png").write_bytes(b"no image")
    if tarred:
        with tarfile.open(tmp_path / "set.tar", "w") as tar:
            tar.add(path, arcname=".")
        path = tmp_path / "set.tar"
    assert load_classification(path, "train").labels.tolist() == [0, 1, 1]
    assert "train/cat/1.png left out" in caplog.text


def test_an_image_of_too_many_pixels_in_a_tar_is_left_out(tmp_path, monkeypatch, caplog):
    write_folder(tmp_path / "set")
    Image.new("L", (600, 400)).save(tmp_path / "set" / "train" / "cat" / "1.png")
    with tarfile.open(tmp_path / "set.tar", "w") as tar:
        tar.add(tmp_path / "set", arcname=".")
    monkeypatch.setattr(Image, "MAX_IMAGE_PIXELS", 100_000)  # twice that is an error of Pillow's
    assert len(load_classification(tmp_path / "set.tar", "train")) == 3
    assert "train/cat/1.png left out" in caplog.text


def test_a_class_that_training_does_not_have_is_refused(tmp_path):
    write_folder(tmp_path)
    write_folder(tmp_path, splits=("test",), classes=("cow",))
    with pytest.raises(ValueError, match=r"class cow of test is not in train, .* cat, dog"):
        load_classification(tmp_path, "test")


def test_images_of_two_sizes_are_refused(tmp_path):
    write_folder(tmp_path)
    write_folder(tmp_path, classes=("dog",), size=(9, 6))
    with pytest.raises(ValueError, match=r"dog/0\.png has 9x6 px .* 8x6; .* one size"):
        load_classification(tmp_path, "train")


def test_images_of_many_sizes_are_fitted_into_squares(tmp_path):
    write_folder(tmp_path)
    write_folder(tmp_path, classes=("dog",), size=(9, 6))
    data = load_classification(tmp_path, "train", fit=7)
    assert data.images.shape[1:] == (3, 7, 7)
    whole = load_image(tmp_path / "train" / "dog" / "0.png")
    dogs = data.images[data.labels == data.classes.index("dog")]
    assert any(torch.equal(dog, fitted(whole, 7)) for dog in dogs)


def test_arrays_are_not_fitted(tmp_path):
    write_npz(tmp_path)
    with pytest.raises(ValueError, match=r"fit=7 is for images in folders .*\.npz.*; leave it out"):
        load_classification(tmp_path, "train", fit=7)


def test_a_set_without_the_split_names_the_folders(tmp_path):
    write_folder(tmp_path, splits=("train",))
    with pytest.raises(FileNotFoundError, match=r"no images in test/<class>/ but in train; name"):
        load_classification(tmp_path, "test")


def test_nothing_there_says_where_to_get_it(tmp_path):
    for path in (tmp_path / "none", tmp_path):
        with pytest.raises(FileNotFoundError, match=r"github\.com/basveeling/pcam"):
            load_classification(path, "train")


def test_another_split_is_refused(tmp_path):
    with pytest.raises(ValueError, match=r"split='dev' .* train, valid, test"):
        load_classification(tmp_path, "dev")


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"labels": LABELS[:7]}, "12 images and 7 labels"),
        ({"labels": LABELS + 1}, "labels from 1 to 10, .* from 0 to 9"),
        ({"labels": LABELS - 0.5}, "labels from -0.5 to 8.5, .* whole numbers"),
        ({"labels": np.array(list("abcdefghijkl"))}, "labels are <U1 such as a, .* be numbers"),
        ({"images": DIGITS / 255}, "images are float64 .* must be uint8"),
        ({"images": DIGITS[0, 0]}, r"images are uint8 \(28,\), which must be"),
        ({"images": DIGITS[0, 0, 0]}, r"images are uint8 \(\), which must be"),
        ({"labels": np.full(12, np.nan)}, "labels from nan to nan, .* whole numbers"),
    ],
)
def test_a_faulty_npz_says_what_is_wrong(tmp_path, changes, message):
    write_npz(tmp_path, **changes)
    with pytest.raises(ValueError, match=message):
        load_classification(tmp_path, "train")


def test_an_array_under_the_name_of_an_npz_is_refused(tmp_path):
    with (tmp_path / "train.npz").open("wb") as file:
        np.save(file, DIGITS)
    with pytest.raises(ValueError, match=r"train\.npz is cut short or broken"):
        load_classification(tmp_path, "train")


def test_an_npz_without_labels_is_refused(tmp_path):
    np.savez(tmp_path / "train.npz", images=DIGITS)
    with pytest.raises(ValueError, match="labels"):
        load_classification(tmp_path, "train")


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"labels": LABELS + 1}, "labels from 1 to 10"),
        ({"values": DIGITS * 1.0}, r"values from 0 to 255, .* in \[0, 1\]"),
        ({"values": DIGITS[:, :27] / 255}, "757 numbers in a row"),
    ],
)
def test_a_faulty_amat_says_what_is_wrong(tmp_path, changes, message):
    write_amat(tmp_path, **changes)
    with pytest.raises(ValueError, match=message):
        load_classification(tmp_path, "train")


def test_idx_of_other_axes_is_refused(tmp_path):
    write_idx(tmp_path, labels=DIGITS)
    with pytest.raises(ValueError, match="labels-idx1-ubyte is not IDX of 1 axes"):
        load_classification(tmp_path, "train")


def cut(folder, name, share=0.7):
    data = (folder / name).read_bytes()
    (folder / name).write_bytes(data[: int(share * len(data))])


@pytest.mark.parametrize(
    ("write", "name"),
    [
        (write_npz, "train.npz"),
        (write_amat, AMAT.format("train_valid")),
        (write_idx, "train-images-idx3-ubyte"),
        (
            lambda folder: write_idx(folder, pack=gzip.compress, suffix=".gz"),
            "train-images-idx3-ubyte.gz",
        ),
    ],
)
def test_a_truncated_file_is_named(tmp_path, write, name):
    write(tmp_path)
    cut(tmp_path, name)
    with pytest.raises(ValueError, match=f"{name}.* cut short or broken"):
        load_classification(tmp_path, "train")


def test_a_damaged_tar_is_named(tmp_path):
    write_folder(tmp_path / "set")
    with tarfile.open(tmp_path / "set.tar.xz", "w:xz") as tar:
        tar.add(tmp_path / "set", arcname=".")
    data = bytearray((tmp_path / "set.tar.xz").read_bytes())
    data[len(data) // 2] ^= 255
    (tmp_path / "set.tar.xz").write_bytes(data)
    with pytest.raises(ValueError, match=r"set\.tar\.xz is not a whole tar"):
        load_classification(tmp_path / "set.tar.xz", "train")


def test_a_truncated_tar_is_named(tmp_path):
    write_folder(tmp_path / "set")
    with tarfile.open(tmp_path / "set.tar", "w") as tar:
        tar.add(tmp_path / "set", arcname=".")
    data = (tmp_path / "set.tar").read_bytes()
    (tmp_path / "set.tar").write_bytes(data[: data.index(b"\x89PNG") + 20])
    with pytest.raises(ValueError, match=r"set\.tar is not a whole tar"):
        load_classification(tmp_path / "set.tar", "train")


@pytest.mark.skipif(not SHARED.is_dir(), reason=f"no real data in {SHARED}")
@pytest.mark.parametrize(
    ("name", "split", "count", "shape", "classes"),
    [
        ("rotmnist", "valid", 2000, (1, 28, 28), 10),
        ("mnist", "valid", 10_000, (1, 28, 28), 10),
        ("histology-lung-96.tar", "valid", 750, (3, 96, 96), 3),
    ],
)
def test_real_sets(name, split, count, shape, classes):
    data = load_classification(SHARED / name, split)
    assert data.images.shape == (count, *shape)
    assert len(data.classes) == classes
    assert set(data.labels.tolist()) == set(range(classes))


def packed(folder, tarred, **changes) -> Path:
    """A set in a folder, or in a tar."""
    write_folder(folder / "set", **changes)
    if not tarred:
        return folder / "set"
    with tarfile.open(folder / "set.tar", "w") as tar:
        tar.add(folder / "set", arcname=".")
    return folder / "set.tar"


@pytest.mark.parametrize("tarred", [False, True])
def test_without_valid_every_sixth_training_image_is_validated_on(tmp_path, tarred):
    source = packed(tmp_path, tarred, splits=("train", "test"), count=12)
    train, valid, test = (
        load_classification(source, split) for split in ("train", "valid", "test")
    )
    assert (len(train), len(valid)) == (20, 4)
    assert sorted(valid.labels.tolist()) == [0, 0, 1, 1]
    pixels = {image.numpy().tobytes() for image in train.images}
    assert not pixels & {image.numpy().tobytes() for image in valid.images}
    assert len(test) == 24


@pytest.mark.parametrize("tarred", [False, True])
@pytest.mark.parametrize("name", ["val", "validation", "Valid"])
def test_valid_has_other_names_too(tmp_path, tarred, name):
    source = packed(tmp_path, tarred, splits=("train", name), count=3)
    train, valid = (load_classification(source, split) for split in ("train", "valid"))
    assert len(train) == len(valid) == 6


def test_an_npz_without_valid_is_split_too(tmp_path):
    for split in ("train", "test"):
        images = np.arange(12, dtype=np.uint8)[:, None, None] * np.ones((1, 4, 4), np.uint8)
        np.savez(tmp_path / f"{split}.npz", images=images, labels=np.arange(12) % 10)
    train, valid = (load_classification(tmp_path, split) for split in ("train", "valid"))
    assert valid.images[:, 0, 0, 0].tolist() == [5, 11]
    assert len(train) == 10


def test_too_few_images_to_hold_some_out_are_refused(tmp_path):
    source = packed(tmp_path, False, splits=("train",), count=2)
    with pytest.raises(ValueError, match=r"4 training images are too few .*; give valid, or 6"):
        load_classification(source, "valid")
