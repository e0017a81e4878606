"""A recognizer written with its adapters merged reads as with them: bit for bit, also in torch."""

import shutil

import numpy as np
import pytest
import torch
from typer.testing import CliRunner

from isotrope import cli
from isotrope.io.tensors import load_tensors
from isotrope.lora import add_adapter, add_characters, save_adapter
from isotrope.ocr.recognition.merged import save_merged
from isotrope.ocr.recognition.session import LineSession
from isotrope.ocr.recognition.store import load_model

PIXELS = np.random.default_rng(0).uniform(-1, 1, (2, 3, 48, 96)).astype(np.float32)


@pytest.fixture(scope="module")
def adapters(weights, random_adapter, tmp_path_factory):
    folder = tmp_path_factory.mktemp("adapters")
    random_adapter(load_model(weights / "small"), folder / "a", 1)
    random_adapter(load_model(weights / "small"), folder / "b", 2, method="dora")
    adapted = add_adapter(load_model(weights / "small"), rank=2)
    add_characters(adapted, "åΩ")
    torch.manual_seed(3)
    with torch.no_grad():
        for name, parameter in adapted.named_parameters():
            if ".lora_" in name or "new_rows" in name:
                parameter.add_(0.3 * torch.randn_like(parameter))
    save_adapter(adapted, folder / "new")
    return folder


@pytest.mark.parametrize(
    "terms", [[(1.0, "a")], [(1.0, "b")], [(1.0, "new")], [(0.7, "a"), (0.3, "b"), (1.0, "new")]]
)
def test_it_reads_the_same_without_the_adapter(weights, adapters, tmp_path, terms):
    terms = tuple((weight, adapters / name) for weight, name in terms)
    save_merged(weights / "small", terms, tmp_path / "out")
    merged = LineSession(tmp_path / "out", 1)
    beside = LineSession(weights / "small", 1, terms)
    assert merged.charset == beside.charset
    out = merged.probabilities(PIXELS)
    assert np.array_equal(out, beside.probabilities(PIXELS))
    assert not np.array_equal(out[..., :9], LineSession(weights / "small", 1).probabilities(PIXELS))
    with torch.no_grad():
        ours = load_model(tmp_path / "out")(torch.from_numpy(PIXELS)).softmax(-1)
    np.testing.assert_allclose(ours, out, atol=1e-4)
    kept = load_tensors(tmp_path / "out" / "model.safetensors")
    assert {array.dtype for array in kept.values()} == {np.dtype("f2"), np.dtype("f4")}


def test_a_folder_that_holds_a_model_is_left_alone(weights, adapters):
    with pytest.raises(ValueError, match="small: holds a model already; export to a folder of it"):
        save_merged(weights / "small", ((1.0, adapters / "a"),), weights / "small")


def test_a_language_model_goes_along(weights, adapters, tmp_path):
    spoken = tmp_path / "spoken"
    shutil.copytree(adapters / "a", spoken)
    (spoken / "language.json").write_text('{"parts": {}, "weight": 0.5, "bonus": 0.2}')
    save_merged(weights / "small", ((1.0, spoken),), tmp_path / "out")
    merged = LineSession(tmp_path / "out", 1)
    assert merged.language.fusion == LineSession(weights / "small", 1, spoken).language.fusion
    with pytest.raises(ValueError, match="spoken has a language model, which is not merged with"):
        save_merged(weights / "small", ((0.5, spoken), (0.5, adapters / "b")), tmp_path / "two")


def test_the_command(weights, adapters, tmp_path):
    def run(*arguments):
        return CliRunner().invoke(cli.app, ["export", *map(str, arguments)])

    out, own = tmp_path / "out", ("--weights", weights / "small")
    done = run(out, *own, "--adapter", adapters / "a")
    assert (done.exit_code, done.stderr) == (0, "")
    assert done.stdout == f"{out}: a is merged; read with --weights {out}\n"
    assert LineSession(out, 1).charset == "abcdefg "
    done = run(out, *own)
    assert done.exit_code == 2
    assert "there is nothing to export" in done.stderr
    done = run(*own, "--adapter", adapters / "a")
    assert "give OUT, the folder to write" in done.stderr
    done = run(out, *own, "--adapter", "auto")
    assert "'auto' is for reading pages and lines; name one here" in done.stderr
