"""What `export_onnx` writes, and when it writes nothing; the graphs are in ocr/test_onnx.py."""

import json

import pytest

from isotrope.models.config import EquivariantViTConfig, Stage
from isotrope.ocr.gsanet import export as export_module
from isotrope.ocr.gsanet.export import export_onnx
from isotrope.ocr.gsanet.recognizer import Recognizer

FILES = {"config.json", "decoder.onnx", "encoder.onnx"}


def build(encoding="rotary", **options):
    vit = EquivariantViTConfig("C4", stages=[Stage("gsa", 1, 16, 2, encoding=encoding, **options)])
    return Recognizer.from_config(vit, dim=16, layers=1, heads=2)


@pytest.fixture
def errors(monkeypatch):
    """The errors that the audit of a pretended export finds."""
    found = {0: 0.0, 1: 1e-6, 2: 1e-6, 3: 1e-6}
    monkeypatch.setattr(export_module, "_export", lambda *_: _[-1].write_text("graph"))
    monkeypatch.setattr(export_module, "audit_onnx", lambda *_: found)
    return found


def test_the_config_holds_what_a_runtime_needs(errors, tmp_path):
    recognizer = build()
    assert export_onnx(recognizer, tmp_path / "new" / "out") == errors
    assert {path.name for path in (tmp_path / "new" / "out").iterdir()} == FILES
    config = json.loads((tmp_path / "new" / "out" / "config.json").read_text(encoding="utf-8"))
    assert config["charset"] == recognizer.config.charset
    assert config["orientations"] == [0, 90, 180, 270]
    assert (config["image_height"], config["image_stride"], config["layers"]) == (32, 4, 1)
    assert config["tokens"] == {"begin": 0, "end": 2, "space": 3, "first_character": 3}
    assert (config["columns"], config["stride"]) == (True, 4)


def test_a_graph_that_breaks_the_symmetry_replaces_nothing(errors, tmp_path):
    export_onnx(build(), tmp_path)
    for path in tmp_path.glob("*.onnx"):
        path.write_text("good")
    errors[3] = 2e-4
    with pytest.raises(ValueError, match=r"not equivariant to CyclicGroup\(4\): error 2.0e-04 un"):
        export_onnx(build(), tmp_path)
    assert {path.name for path in tmp_path.iterdir()} == FILES
    assert {path.read_text() for path in tmp_path.glob("*.onnx")} == {"good"}


def test_the_folder_of_the_weights_is_not_overwritten(errors, tmp_path):
    recognizer = build()
    recognizer.save_pretrained(tmp_path)
    before = (tmp_path / "config.json").read_text()
    with pytest.raises(ValueError, match="holds another model; export to a folder of its own"):
        export_onnx(recognizer, tmp_path)
    assert (tmp_path / "config.json").read_text() == before


@pytest.mark.parametrize(
    ("options", "unit"), [({}, 4), ({"window": 2}, 8), ({"kv_pool": 2}, 8), ({"window": 4}, 16)]
)
def test_images_are_multiples_of_what_windows_and_pools_need(options, unit):
    recognizer = build(**options)
    assert (recognizer.encoder.vit.config.unit, recognizer.config.image_stride) == (unit, unit)


@pytest.mark.slow
def test_what_torch_cannot_export_is_said(tmp_path):
    with pytest.raises(ValueError, match=r"this model cannot be exported: torch says \S"):
        export_onnx(build("mlp"), tmp_path)
    assert not list(tmp_path.iterdir())
