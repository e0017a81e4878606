"""Detectors by name, or from a folder."""

from pathlib import Path

import numpy as np
import pytest

from isotrope import Reader
from isotrope.ocr.detection import DETECTOR, DETECTORS, make_detector
from isotrope.ocr.onnx.session import GRAPH, WEIGHTS, open_graph


class Blind:
    name = "blind"

    def find(self, page):
        return []


def test_an_object_that_finds_lines_is_a_detector():
    blind = Blind()
    assert make_detector(blind) is blind


def test_unknown_names_are_refused_with_the_known_ones():
    with pytest.raises(
        ValueError, match=f"detector 'craft' is not known; use {'|'.join(DETECTORS)}"
    ):
        make_detector("craft")


@pytest.mark.parametrize(
    ("config", "name"), [('{"unit": 32}', "isotrope"), ('{"neck_kernel": 7}', "pp-ocr")]
)
@pytest.mark.parametrize("kind", [str, Path])
def test_a_folder_is_opened_by_the_detector_that_it_holds(
    tmp_path, monkeypatch, config, name, kind
):
    (tmp_path / "config.json").write_text(config)
    monkeypatch.setattr("isotrope.ocr.network.open_graph", lambda *_, **__: None)
    assert make_detector(kind(tmp_path)).name == name


def test_a_folder_of_something_else_is_refused(tmp_path):
    (tmp_path / "config.json").write_text('{"stem": 8}')
    with pytest.raises(ValueError, match=r"is not that of a detector; give the folder of a dete"):
        make_detector(tmp_path)


def test_anything_else_is_refused():
    with pytest.raises(TypeError, match="a detector of type int; give a name of pp-ocr"):
        make_detector(3)


def test_a_folder_without_weights_is_named(tmp_path):
    with pytest.raises(ValueError, match=r"config\.json cannot be read .*give the folder of a det"):
        make_detector("pp-ocr", path=tmp_path)


def test_the_default_detector_is_not_opened_before_a_page_is_read(monkeypatch):
    opened = []

    def noting(folder, *args, **options):
        opened.append(Path(folder).name)
        return open_graph(folder, *args, **options)

    monkeypatch.setattr("isotrope.ocr.network.open_graph", noting)
    reader = Reader.from_pretrained(threads=1)
    assert reader.detector.name == DETECTOR
    pixels = np.full((64, 96, 3), 255, np.uint8)
    reader.read([pixels])
    assert opened == ["finder"]
    list(reader.read_pages([pixels]))
    assert opened == ["finder", "detector"]


def test_a_broken_graph_is_refused_when_its_folder_is_named(tmp_path):
    (tmp_path / "config.json").write_text('{"neck_kernel": 7}')
    (tmp_path / GRAPH).write_bytes(b"no graph")
    (tmp_path / WEIGHTS).write_bytes(b"")
    with pytest.raises(ValueError, match=r"cannot be loaded .*copy it again"):
        make_detector(tmp_path)
