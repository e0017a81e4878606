"""Pages are read on Ray: the stage itself, and a job with a worker that dies."""

import json
import subprocess
import sys
from collections import Counter
from pathlib import Path
from types import ModuleType, SimpleNamespace

import numpy as np
import pytest
from PIL import Image

from isotrope.io.images import load_pixels
from isotrope.io.resize import turn
from isotrope.ocr.document_json import page_from_json
from isotrope.ray import ReadPages, read_pages

SAMPLES = sorted((Path(__file__).parents[1] / "samples").glob("*.png"))
JOB = Path(__file__).parent / "ray_job.py"


@pytest.fixture(scope="module")
def stage():
    return ReadPages()


@pytest.fixture(scope="module")
def files(tmp_path_factory):
    """A line at two turns, a TIFF of two pages, a file that is no image, and a missing one."""
    folder = tmp_path_factory.mktemp("files")
    line = load_pixels(SAMPLES[0])
    Image.fromarray(line).save(folder / "upright.png")
    Image.fromarray(turn(line, 90)).save(folder / "turned.png")
    second = Image.open(SAMPLES[1]).convert("RGB")
    Image.fromarray(line).save(folder / "two.tif", save_all=True, append_images=[second])
    (folder / "broken.png").write_bytes(b"no image")
    names = ("upright.png", "turned.png", "two.tif", "broken.png", "missing.png")
    return [folder / name for name in names]


def rows(stage, **columns):
    """The rows that come out of a batch."""
    batch = {name: np.array(values, dtype=object) for name, values in columns.items()}
    return [{name: values.item() for name, values in part.items()} for part in stage(batch)]


def test_a_row_for_each_page(stage, files):
    result = rows(stage, path=[str(file) for file in files], shelf=list("abcde"))
    names = [Path(row["path"]).name for row in result]
    assert names == ["upright.png", "turned.png", "two.tif", "two.tif", "broken.png", "missing.png"]
    assert [row["shelf"] for row in result] == list("abccde")
    assert [row["page"] for row in result] == [1, 1, 1, 2, 1, 1]
    assert [row["orientation"] for row in result] == [0, 90, 0, 90, 0, 0]
    text = "Region-based segmentation"
    assert [row["text"] for row in result] == [text, text, text, "segmentation", "", ""]
    for row in result[:4]:
        page = page_from_json(json.loads(row["json"]))
        assert (page.file, page.number, page.text) == (row["path"], row["page"], row["text"])
        assert row["error"] == ""
    for row in result[4:]:
        assert (row["text"], row["json"]) == ("", "")
        assert row["error"].startswith(f"{row['path']}: ")
        assert "\n" not in row["error"]


def test_the_content_of_files(stage, files):
    """Their path is only their name; they give the same rows, without the content."""
    there = files[:4]
    contents = [file.read_bytes() for file in there]
    names = [f"s3://scans/{file.name}" for file in there]
    result = rows(stage, path=names, bytes=contents)
    local = rows(stage, path=[str(file) for file in there])
    assert [row["text"] for row in result] == [row["text"] for row in local]
    assert {row["path"] for row in result} == set(names)
    assert result[-1]["error"].startswith("s3://scans/broken.png: ")

    nameless = rows(stage, bytes=contents)
    assert [row["text"] for row in nameless] == [row["text"] for row in local]
    assert list(nameless[0]) == ["page", "text", "orientation", "json", "error"]
    assert nameless[-1]["error"]
    [none] = rows(stage, path=["a.png"], bytes=[None])
    assert none["error"].startswith("a.png: ")


def test_pages_too_small_to_read_are_errors(stage, tmp_path):
    path = str(tmp_path / "dot.png")
    Image.new("RGB", (1, 1)).save(path)
    [row] = rows(stage, path=[path])
    assert row["error"].startswith(f"{path}: ")


def test_remote_paths_need_their_content(stage):
    [row] = rows(stage, path=["s3://scans/a.png"])
    assert row["error"] == (
        "s3://scans/a.png: not a file of this machine; get the content of remote files by "
        "ray.data.read_binary_files(..., include_paths=True)"
    )


def test_all_columns_have_one_type(stage, files):
    """Whether the pages of a block could be read or not."""
    parts = list(stage({"path": np.array([str(file) for file in files], dtype=object)}))
    types = {tuple((name, values.dtype.kind) for name, values in part.items()) for part in parts}
    assert len(types) == 1
    for part in parts:
        assert {type(part[name][0]) for name in ("text", "json", "error")} == {str}


def test_batches_that_cannot_be_read(stage):
    with pytest.raises(
        ValueError, match="columns file, n: name the one of files `path` or `bytes`"
    ):
        next(stage({"file": np.array(["a"]), "n": np.array([1])}))
    with pytest.raises(ValueError, match="column 'text' is one that reading adds; rename it"):
        next(stage({"path": np.array(["a"]), "text": np.array(["b"])}))
    with pytest.raises(TypeError, match="the batch is a list; use batch_format='numpy'"):
        next(stage([{"path": "a"}]))


def test_options_are_checked():
    with pytest.raises(ValueError, match="batch_size=0 must be at least 1"):
        ReadPages(batch_size=0)
    with pytest.raises(ValueError, match="threads=0 must be at least 1"):
        ReadPages(threads=0)


class Files:
    """A dataset that keeps what is asked of it."""

    def repartition(self, **values):
        self.blocks = values
        return self

    def map_batches(self, stage, **values):
        self.stage, self.values = stage, values
        return self


@pytest.fixture
def cluster(monkeypatch):
    """A cluster of eight CPUs, without Ray."""
    ray, data = ModuleType("ray"), ModuleType("ray.data")
    ray.cluster_resources = lambda: {"CPU": 8.0}
    ray.data, data.ActorPoolStrategy = data, SimpleNamespace
    monkeypatch.setitem(sys.modules, "ray", ray)
    monkeypatch.setitem(sys.modules, "ray.data", data)


@pytest.mark.usefixtures("cluster")
def test_what_ray_is_asked_for():
    made = read_pages(Files(), 3, num_cpus=2, files_per_task=5, adapter="wills")
    assert made.stage is ReadPages
    assert made.blocks == {"target_num_rows_per_block": 5}
    assert made.values == {
        "compute": SimpleNamespace(size=3),
        "batch_size": 5,
        "num_cpus": 2,
        "fn_constructor_kwargs": {"threads": 2, "adapter": "wills"},
    }
    assert read_pages(Files(), 1, remote_args={"memory": 7}).values["memory"] == 7


@pytest.mark.usefixtures("cluster")
@pytest.mark.parametrize(("num_cpus", "size"), [(1, 7), (2, 3), (8, 1)])
def test_all_cpus_but_one(num_cpus, size):
    assert read_pages(Files(), num_cpus=num_cpus).values["compute"].size == size


@pytest.mark.usefixtures("cluster")
def test_numbers_are_checked():
    with pytest.warns(UserWarning, match="actors=8 of num_cpus=1 take all 8 CPUs of the cluster"):
        read_pages(Files(), 8)
    for name in ("actors", "num_cpus", "files_per_task"):
        with pytest.raises(ValueError, match=f"{name}=0 must be at least 1"):
            read_pages(Files(), **{name: 0})


@pytest.mark.slow
def test_a_worker_is_killed_half_way(files, tmp_path):
    """Two workers read 40 files: every page is in the result once."""
    pytest.importorskip("ray", reason="needs the extra `ray`")
    folder, out = tmp_path / "files", tmp_path / "out"
    folder.mkdir()
    out.mkdir()
    upright, turned, two, broken, _ = files
    for number in range(40):
        source = {7: broken, 21: two}.get(number, turned if number % 2 else upright)
        (folder / f"{number:02}{source.suffix}").symlink_to(source)
    done = subprocess.run([sys.executable, JOB, folder, out], capture_output=True, text=True)
    assert done.returncode == 0, done.stderr

    result = [json.loads(line) for line in (out / "rows").read_text().splitlines()]
    expected = {(str(file), 1) for file in folder.iterdir()} | {(str(folder / "21.tif"), 2)}
    assert Counter((row["path"], row["page"]) for row in result) == Counter(expected)
    texts = Counter(row["text"] for row in result)
    assert texts == {"Region-based segmentation": 39, "segmentation": 1, "": 1}
    assert [row["path"] for row in result if row["error"]] == [str(folder / "07.png")]
    assert (out / "killed").exists()
    read = (out / "read").read_text().splitlines()
    assert len(read) > len(result)  # what the killed worker had begun was read again
