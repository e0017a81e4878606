import tarfile

import numpy as np
import pytest
import torch
from PIL import Image

from isotrope.data.instances import load_instances, load_labels, save_labels


def write(folder, split, name, size=(6, 8), labels=None):
    for part in ("images", "labels"):
        (folder / split / part).mkdir(parents=True, exist_ok=True)
    image = np.full((*size, 3), 40, np.uint8)
    Image.fromarray(image).save(folder / split / "images" / f"{name}.png")
    labels = np.full(size, 300, np.uint16) if labels is None else labels
    Image.fromarray(labels).save(folder / split / "labels" / f"{name}.png")


@pytest.fixture
def folder(tmp_path):
    for number in range(12):
        write(tmp_path, "train", f"{number:02d}")
    write(tmp_path, "valid", "v", labels=np.arange(48, dtype=np.uint8).reshape(6, 8))
    return tmp_path


def test_images_and_labels_of_8_and_16_bits_are_loaded(folder):
    first, *more = load_instances(folder, "train")
    assert len(more) == 11
    assert (first.name, first.pixels.shape, int(first.pixels[0, 0, 0])) == ("00.png", (3, 6, 8), 40)
    assert (first.labels == 300).all()
    (valid,) = load_instances(folder, "valid")
    assert valid.labels.tolist() == np.arange(48).reshape(6, 8).tolist()


def test_an_image_of_16_bits_keeps_its_levels(folder):
    """Of 96 in a dark image, 8 bits would keep one."""
    counts = np.arange(48, dtype=np.uint16).reshape(6, 8) * 2
    Image.fromarray(counts).save(folder / "valid" / "images" / "v.png")
    (valid,) = load_instances(folder, "valid")
    assert valid.pixels.dtype == torch.float32
    np.testing.assert_allclose(257 * valid.pixels[1], counts, rtol=1e-5)
    Image.fromarray(257 * counts).save(folder / "valid" / "images" / "v.png")
    (valid,) = load_instances(folder, "valid")
    assert valid.pixels.dtype == torch.uint8
    assert valid.pixels[1].tolist() == counts.tolist()


def test_too_few_images_to_hold_out_say_which_split_could_validate(folder):
    for file in folder.glob("train/*/0[5-9].png"):
        file.unlink()
    for file in folder.glob("train/*/1?.png"):
        file.unlink()
    message = r"the split valid is to stay unseen, and 5 .* \(data\.from_train=false\), or 6 images"
    with pytest.raises(ValueError, match=message):
        load_instances(folder, "train", True)


def test_label_images_are_written_as_they_are_read(tmp_path):
    labels = np.arange(48, dtype=np.int32).reshape(6, 8) * 1394
    save_labels(labels, tmp_path / "more" / "a.png")
    assert (load_labels(tmp_path / "more" / "a.png") == labels).all()
    with pytest.raises(ValueError, match="65536 instances, and a label image holds 65535"):
        save_labels(np.array([[0, 65536]]), tmp_path / "b.png")
    assert not (tmp_path / "b.png").exists()


def test_a_tar_is_loaded_as_its_folder(folder, tmp_path_factory):
    path = tmp_path_factory.mktemp("tar") / "set.tar"
    with tarfile.open(path, "w") as tar:
        tar.add(folder, arcname="set")
    pairs = (load_instances(each, "train") for each in (folder, path))
    for one, other in zip(*pairs, strict=True):
        assert one.name == other.name
        assert np.array_equal(one.labels, other.labels)
        assert one.pixels.equal(other.pixels)


def test_a_sixth_of_the_training_images_can_validate(folder):
    train, valid = (load_instances(folder, split, True) for split in ("train", "valid"))
    assert [each.name for each in valid] == ["05.png", "11.png"]
    assert len(train) == 10
    for file in (folder / "valid").glob("*/*"):
        file.unlink()
    assert [each.name for each in load_instances(folder, "valid")] == ["05.png", "11.png"]


@pytest.mark.parametrize("name", ["val", "validation"])
def test_valid_has_other_names_too(folder, name):
    (folder / "valid").rename(folder / name)
    assert [each.name for each in load_instances(folder, "valid")] == ["v.png"]
    assert len(load_instances(folder, "train")) == 12


def test_errors_name_the_file_and_the_remedy(folder):
    with pytest.raises(ValueError, match="split='dev' is not known; use one of train, valid, test"):
        load_instances(folder, "dev")
    with pytest.raises(FileNotFoundError, match="none does not exist; give a folder or a tar: nam"):
        load_instances(folder / "none", "train")
    with pytest.raises(FileNotFoundError, match="no images of the split test; name them SPLIT/ima"):
        load_instances(folder, "test")
    write(folder, "valid", "v", labels=np.zeros((5, 8), np.uint8))
    with pytest.raises(ValueError, match=r"v.png has 8x6 px and its labels 8x5, which must be the"):
        load_instances(folder, "valid")
    write(folder, "valid", "v", labels=np.zeros((6, 8, 3), np.uint8))
    with pytest.raises(ValueError, match=r"v.png is uint8 \(6, 8, 3\), which must be one whole nu"):
        load_instances(folder, "valid")
    (folder / "valid" / "labels" / "v.png").write_bytes(b"no image")
    with pytest.raises(ValueError, match=r"v.png is cut short or broken \(cannot identify image"):
        load_instances(folder, "valid")
    (folder / "valid" / "labels" / "v.png").unlink()
    with pytest.raises(
        FileNotFoundError, match=r"valid/images/v.png has no labels; add valid/labe"
    ):
        load_instances(folder, "valid")
