"""The engine gsanet on onnxruntime: what torch reads, and a symmetry that is measured."""

import shutil
import sys
from pathlib import Path

import numpy as np
import onnx
import pytest
import torch
from onnx import numpy_helper
from peft import LoraConfig, get_peft_model
from typer.testing import CliRunner

from isotrope import cli
from isotrope.models.config import EquivariantViTConfig, Stage
from isotrope.ocr.engines.gsanet import GSANet
from isotrope.ocr.engines.gsanet_onnx import OnnxRecognizer
from isotrope.ocr.gsanet import export as export_module
from isotrope.ocr.gsanet.export import export_onnx
from isotrope.ocr.gsanet.graph import audit_onnx, open_session
from isotrope.ocr.gsanet.loading import load_recognizer
from isotrope.ocr.gsanet.recognizer import Recognizer
from isotrope.ocr.reader import Reader

SAMPLES = sorted((Path(__file__).parents[3] / "samples").glob("*.png"))
SIZES = [(1, 32, 32), (2, 32, 72), (3, 72, 32), (1, 16, 256), (5, 4, 8)]


def build(columns: bool = True) -> Recognizer:
    torch.manual_seed(0)
    stages = [
        Stage("conv", 1, 8, kernel_size=3),
        Stage("gsa", 1, 24, 2, encoding="rotary", stride=2),
    ]
    vit = EquivariantViTConfig("C4", patch=(4, 2, 1), stages=stages)
    sizes = {"dim": 32, "layers": 2, "heads": 2, "max_characters": 12}
    model = Recognizer.from_config(vit, columns=columns, **sizes).eval()
    with torch.no_grad():  # at first all logits are nearly equal
        for parameter in model.parameters():
            parameter.add_(0.2 * torch.randn_like(parameter))
    return model


@pytest.fixture(scope="module")
def recognizer() -> Recognizer:
    return build()


@pytest.fixture(scope="module")
def exported(recognizer, tmp_path_factory) -> Path:
    folder = tmp_path_factory.mktemp("exported")
    errors = export_onnx(recognizer, folder)
    assert list(errors) == [0, 1, 2, 3]
    assert max(errors.values()) < 1e-4
    assert sorted(p.name for p in folder.iterdir()) == [
        "config.json",
        "decoder.onnx",
        "encoder.onnx",
    ]
    return folder


@pytest.fixture
def faked(exported, monkeypatch):
    """Exports of anything copy `exported`; the list of what was to be exported."""
    asked = []

    def copying(recognizer, folder):
        asked.append(recognizer)
        shutil.copytree(exported, folder, dirs_exist_ok=True)
        return {0: 0.0, 1: 2e-7}

    monkeypatch.setattr(export_module, "export_onnx", copying)
    return asked


def pixels(*size):
    return torch.rand(size[0], 3, *size[1:], generator=torch.Generator().manual_seed(sum(size)))


def test_without_columns_it_reads_as_torch_does_too(tmp_path):
    recognizer, images = build(columns=False), pixels(2, 32, 72)
    export_onnx(recognizer, tmp_path)
    assert OnnxRecognizer(tmp_path).read(images)[0] == recognizer.read(images)[0]


@pytest.mark.parametrize("size", SIZES)
def test_the_tokens_are_those_of_torch_at_any_size(recognizer, exported, size):
    encoder = open_session(exported / "encoder.onnx")
    (tokens,) = encoder.run(["tokens"], {"pixels": pixels(*size).numpy()})
    with torch.no_grad():
        expected = recognizer.encoder(pixels(*size)).last_hidden_state
    torch.testing.assert_close(torch.from_numpy(tokens), expected, rtol=1e-4, atol=1e-4)


@pytest.mark.parametrize("beams", [1, 3])
@pytest.mark.parametrize("size", SIZES)
def test_reads_what_torch_reads(recognizer, exported, size, beams):
    expected = recognizer.read(pixels(*size), beams)
    onnx_recognizer = OnnxRecognizer(exported, threads=1)
    found = onnx_recognizer.read(pixels(*size), beams)
    assert found.texts == expected.texts
    assert any(found.texts)
    np.testing.assert_allclose(found.confidences, expected.confidences, atol=1e-4)
    assert found.orientations.tolist() == expected.orientations.tolist()
    for text, ours, theirs in zip(found.texts, found.characters, expected.characters, strict=True):
        assert len(ours) == len(text)
        np.testing.assert_allclose(ours, theirs, atol=1e-4)


def test_reads_the_same_at_every_turn(recognizer, exported):
    reader = Reader(GSANet.from_pretrained(exported, runtime="onnx"))
    images = [pixels(1, 40, 90)[0], pixels(1, 90, 33)[0]]
    turned = list(reader.stream(images, turns=(0, 90, 180, 270)))
    for four in (turned[:4], turned[4:]):
        assert len({reading.text for reading in four}) == 1
        first = four[0].orientation
        assert [(r.orientation - first) % 360 for r in four] == [0, 90, 180, 270]
    assert [reading.text for reading in reader.read(images)] == [
        reading.text for reading in Reader(GSANet(recognizer)).read(images)
    ]


def test_the_audit_finds_a_filter_that_does_not_turn(recognizer, exported, tmp_path):
    images = pixels(2, 16, 40)
    assert max(audit_onnx(exported, images, recognizer.group).values()) < 1e-5
    graph = onnx.load(exported / "encoder.onnx")
    constants = {constant.name: constant for constant in graph.graph.initializer}
    first = next(node for node in graph.graph.node if node.op_type == "Conv")
    filters = constants[first.input[1]]
    bank = numpy_helper.to_array(filters).copy()  # (|G| * C, 3, k, k)
    quarter = len(bank) // 4
    bank[quarter : 2 * quarter] = bank[:quarter]
    filters.CopyFrom(numpy_helper.from_array(bank, filters.name))
    onnx.save(graph, tmp_path / "tampered.onnx")
    errors = audit_onnx(tmp_path / "tampered.onnx", images, recognizer.group)
    assert errors[0] < 1e-5  # it is a function still, but no equivariant one
    assert min(errors[h] for h in (1, 2, 3)) > 1e-2


def test_the_audit_of_images_that_the_graph_does_not_take(recognizer, exported):
    with pytest.raises(ValueError, match=r"encoder.onnx: refuses \(1, 2, 16, 16\) pixels"):
        audit_onnx(exported / "encoder.onnx", torch.rand(1, 2, 16, 16), recognizer.group)


def test_weights_are_exported_once_to_the_cache(recognizer, faked, tmp_path, monkeypatch):
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "cache"))
    recognizer.save_pretrained(tmp_path / "weights")
    for _ in range(2):
        engine = GSANet.from_pretrained(tmp_path / "weights", runtime="onnx")
        assert isinstance(engine.recognizer, OnnxRecognizer)
    assert len(faked) == 1
    (folder,) = (tmp_path / "cache" / "isotrope" / "onnx").iterdir()
    (folder / "config.json").unlink()  # as where an export was cut off
    GSANet.from_pretrained(tmp_path / "weights", runtime="onnx")
    assert len(faked) == 2
    GSANet.from_pretrained(runtime="onnx")  # the shipped weights: others
    assert len(faked) == 3


@pytest.mark.filterwarnings("ignore:.is_gradient_checkpointing:FutureWarning")  # peft's
def test_an_adapter_is_merged_before_the_export(recognizer, faked, tmp_path, monkeypatch):
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "cache"))
    recognizer.save_pretrained(tmp_path / "weights")
    config = LoraConfig(target_modules=["q_proj", "out_proj"], r=2, init_lora_weights=False)
    get_peft_model(build(), config).save_pretrained(tmp_path / "lora")
    GSANet.from_pretrained(tmp_path / "weights", runtime="onnx")
    GSANet.from_pretrained(tmp_path / "weights", tmp_path / "lora", runtime="onnx")
    plain, merged = faked
    assert not any("lora" in name for name, _ in merged.named_modules())
    adapted = load_recognizer(tmp_path / "weights", tmp_path / "lora")
    with torch.no_grad():
        tokens = [model.encoder(pixels(1, 32, 64))[0] for model in (plain, merged, adapted)]
    assert (tokens[1] - tokens[0]).abs().max() > 1e-2
    torch.testing.assert_close(tokens[1], tokens[2], rtol=1e-4, atol=1e-4)


def test_a_cache_that_cannot_be_written(recognizer, tmp_path, monkeypatch):
    (tmp_path / "cache").write_text("a file")
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "cache"))
    recognizer.save_pretrained(tmp_path / "weights")
    with pytest.raises(ValueError, match=r"cannot be written .*; point XDG_CACHE_HOME elsewhere"):
        GSANet.from_pretrained(tmp_path / "weights", runtime="onnx")


def test_what_no_runtime_can_read(recognizer, exported, tmp_path, monkeypatch):
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "cache"))
    with pytest.raises(
        ValueError, match=r"runtime='jax' is not known; use 'auto', 'torch' or 'onnx'"
    ):
        GSANet.from_pretrained(runtime="jax")
    with pytest.raises(ValueError, match="missing: no recognizer here"):
        GSANet.from_pretrained(tmp_path / "missing", runtime="onnx")
    with pytest.raises(ValueError, match="an exported model takes no adapter; give the weights"):
        GSANet.from_pretrained(exported, "fraktur", runtime="onnx")
    with pytest.raises(ValueError, match="it is an export, for runtime='onnx' alone"):
        GSANet.from_pretrained(exported, runtime="torch")


def test_broken_exports(exported, tmp_path):
    with pytest.raises(ValueError, match="no exported recognizer here; give a folder that"):
        OnnxRecognizer(tmp_path / "missing")
    folder = shutil.copytree(exported, tmp_path / "spoilt")
    (folder / "decoder.onnx").write_bytes(b"no graph")
    with pytest.raises(ValueError, match=r"decoder.onnx: cannot be loaded .*; export it anew"):
        OnnxRecognizer(folder)
    (folder / "config.json").write_text('{"format": "another"}')
    with pytest.raises(ValueError, match=r"its config.json is not that of an export"):
        OnnxRecognizer(folder)
    (folder / "config.json").write_text("{")
    with pytest.raises(ValueError, match=r"its config.json is broken"):
        OnnxRecognizer(folder)


def test_without_onnxruntime_the_remedy_is_named(exported, monkeypatch):
    monkeypatch.setitem(sys.modules, "onnxruntime", None)
    with pytest.raises(ModuleNotFoundError, match=r"pip install 'isotrope\[onnx\]'"):
        GSANet.from_pretrained(exported, runtime="onnx")


def test_the_command_exports_and_reads(recognizer, faked, tmp_path):
    recognizer.save_pretrained(tmp_path / "weights")
    run, out = CliRunner().invoke, tmp_path / "out"
    result = run(cli.app, ["export", str(out), "--weights", str(tmp_path / "weights")])
    assert result.exit_code == 0, result.stderr
    assert result.stdout == f"{out}: 2 elements compared, worst error 2.0e-07\n"
    assert type(faked[0]) is Recognizer
    again = ["read", "--crops", str(SAMPLES[0]), "--engine", "gsanet", "--runtime", "onnx"]
    again += ["--weights", str(out)]
    result = run(cli.app, again)
    assert (result.exit_code, result.stderr) == (0, "")
    assert result.stdout == Reader(GSANet(recognizer)).read(SAMPLES[0])[0].text + "\n"
    result = run(cli.app, ["export", str(out), "--weights", str(tmp_path / "none")])
    assert result.exit_code == 1
    assert result.stderr.startswith(f"isotrope: {tmp_path / 'none'}: no such folder")


@pytest.mark.slow
def test_the_shipped_weights_read_the_samples_as_in_torch(tmp_path, monkeypatch):
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path))
    turns = (0, 90, 180, 270)
    runtimes = [GSANet.from_pretrained(runtime=runtime) for runtime in ("torch", "onnx")]
    expected, got = (list(Reader(one).stream(SAMPLES, turns=turns)) for one in runtimes)
    assert [(r.text, r.orientation) for r in got] == [(r.text, r.orientation) for r in expected]
    for ours, theirs in zip(got, expected, strict=True):
        assert ours.confidence == pytest.approx(theirs.confidence, abs=1e-4)
