"""Engines with other adapters, shared by threads: nothing is switched."""

import pickle
from concurrent.futures import ThreadPoolExecutor
from threading import Barrier

import numpy as np
import pytest
import torch

from isotrope.models.config import EquivariantViTConfig, Stage
from isotrope.ocr.adapter_names import parse_adapter
from isotrope.ocr.engines import make_engine
from isotrope.ocr.engines.adapted import Adapted, read_mixed
from isotrope.ocr.gsanet.recognizer import Recognizer
from isotrope.ocr.orientation.finder import OrientationFinder
from isotrope.ocr.reader import Reader
from isotrope.ocr.recognition import ctc
from isotrope.ocr.recognition.store import load_model

THREADS = 4
IMAGES = [
    np.random.default_rng(n).integers(0, 256, (24, 96 + 40 * (n % 3), 3), np.uint8)
    for n in range(8)
]


def recognizer():
    torch.manual_seed(0)
    stages = [Stage("gsa", 1, 16, 2, encoding="rotary")]
    vit = EquivariantViTConfig("C4", patch=(8, 8, 0), stages=stages)
    sizes = {"dim": 16, "layers": 1, "heads": 2, "max_characters": 12}
    return Recognizer.from_config(vit, **sizes).eval()


@pytest.fixture(scope="module")
def folder(weights, random_adapter, tmp_path_factory):
    """Adapters `a` and `b` of each of two bases."""
    folder = tmp_path_factory.mktemp("adapters")
    recognizer().save_pretrained(folder / "papers")
    for seed, name in enumerate("ab"):
        random_adapter(load_model(weights / "small"), folder / "lines" / name, seed)
        random_adapter(recognizer(), folder / "gsanet" / name, seed)
    return folder


@pytest.fixture(params=["lines", "gsanet"])
def reader(request, weights, folder, monkeypatch):
    """A reader on onnxruntime, and one on torch; run where its adapters lie."""
    monkeypatch.setattr(ctc, "NOTHING", 1.0)  # an untrained model is sure of nothing
    monkeypatch.chdir(folder / request.param)
    if request.param == "gsanet":
        return Reader(make_engine("gsanet", path=folder / "papers", runtime="torch", beams=1))
    engine = make_engine("isotrope", path=weights / "small", threads=1)
    return Reader(engine, OrientationFinder(weights / "finder", threads=1))


def test_one_adapter_for_each_image(reader):
    names = ["a", None, "b", "a", "0.5*a+0.5*b", "none", "b", "a"]
    mixed = reader.read(IMAGES, adapters=names)
    for name in {*names}:
        places = [place for place, other in enumerate(names) if other == name]
        alone = reader.with_adapter(name).read([IMAGES[place] for place in places])
        assert [mixed[place] for place in places] == alone
    assert [reading.adapter for reading in mixed[2:5]] == ["b", "a", "0.5*a+0.5*b"]
    apart = {str(reader.read(IMAGES[:1], adapters=[name])) for name in ("a", "b", None)}
    assert len(apart) == 3
    assert reader.read(IMAGES) == reader.read(IMAGES, adapters=[None] * 8)


def test_threads_with_other_adapters_agree_with_one(reader):
    rng = np.random.default_rng(0)
    each = [[("a", "b", None)[n] for n in rng.integers(0, 3, 8)] for _ in range(THREADS)]
    fresh = pickle.loads(pickle.dumps(reader)) if reader.engine.name == "isotrope" else reader
    barrier = Barrier(THREADS)

    def run(names):
        barrier.wait()
        return [fresh.read(IMAGES, adapters=names) for _ in range(3)]

    with ThreadPoolExecutor(THREADS) as pool:
        found = list(pool.map(run, each))
    for names, threes in zip(each, found, strict=True):
        assert threes == [reader.read(IMAGES, adapters=names)] * 3


def test_bad_images_keep_their_places_and_adapters(reader):
    images = [IMAGES[0], np.zeros((1, 1, 3), np.uint8), IMAGES[1]]
    first, problem, last = reader.read(images, adapters=["a", "b", "b"], on_error="return")
    assert "too small" in str(problem)
    assert [first] == reader.read(IMAGES[0], adapters=["a"])
    assert [last] == reader.read(IMAGES[1], adapters=["b"])


def test_what_is_wrong(reader):
    with pytest.raises(ValueError, match="adapters: fewer than images; give one for each"):
        reader.read(IMAGES, adapters=["a"])
    with pytest.raises(ValueError, match="runes: no such adapter"):
        reader.read(IMAGES, adapters=["runes"] * 8)
    with pytest.raises(ValueError, match="'auto' is for reading pages and lines"):
        reader.read(IMAGES, adapters=["auto"] * 8)
    with pytest.raises(ValueError, match="does not change its adapter"):
        Reader.from_pretrained(engine=lambda line: "").read(IMAGES, adapters=["a"] * 8)


def test_a_batch_of_each_engine():
    class Echo:
        def __init__(self):
            self.batches = []

        def read(self, lines, batch_size):
            self.batches.append((len(lines), batch_size))
            return [(self, line) for line in lines]

    one, two = Echo(), Echo()
    engines = [one, two, one, one]
    assert read_mixed(engines, "abcd", 7) == list(zip(engines, "abcd", strict=True))
    assert one.batches == [(3, 7)]
    assert two.batches == [(1, 7)]
    assert read_mixed([], []) == []


def test_adapters_are_loaded_once_and_the_oldest_makes_room():
    class Loads:
        name = "loads"

        def __init__(self):
            self.loaded = []

        def with_adapter(self, adapters):
            self.loaded.append(adapters)
            return object()

    engine = Loads()
    adapted = Adapted(engine, most=2)
    assert adapted.get(None) is engine
    first = adapted.get("a")
    assert adapted.get("b") is not first
    assert adapted.get("a") is first
    adapted.get("c")  # b goes
    assert adapted.get("a") is first
    adapted.get("b")
    assert engine.loaded == ["a", "b", "c", "b"]


def test_a_parsed_value_is_taken_as_well(reader):
    assert reader.with_adapter(parse_adapter("a")).read(IMAGES) == reader.read(
        IMAGES, adapters=["a"] * 8
    )
