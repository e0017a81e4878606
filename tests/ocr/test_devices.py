"""Devices by name: what torch and onnxruntime make of each, and which engine takes one."""

import onnxruntime
import pytest
import torch

from isotrope.ocr import loading
from isotrope.ocr.devices import onnx_providers
from isotrope.ocr.engines.gsanet import GSANet
from isotrope.ocr.engines.isotrope import Isotrope
from isotrope.ocr.engines.torch_device import torch_device
from isotrope.ocr.engines.trocr import TrOCR
from isotrope.ocr.reader import Reader

CPU, CUDA = "CPUExecutionProvider", "CUDAExecutionProvider"


@pytest.fixture(params=[False, True], ids=["no GPU", "GPU"])
def cuda(request, monkeypatch):
    monkeypatch.setattr(torch.cuda, "is_available", lambda: request.param)
    monkeypatch.setattr(torch.backends.mps, "is_available", lambda: False)
    providers = [CUDA, CPU] if request.param else [CPU]
    monkeypatch.setattr(onnxruntime, "get_available_providers", lambda: providers)
    return request.param


def test_auto_is_the_fastest_that_is_there(cuda):
    assert torch_device("auto") == ("cuda" if cuda else "cpu")
    assert onnx_providers("auto") == ([CUDA, CPU] if cuda else [CPU])


@pytest.mark.parametrize("device", [None, "cpu"])
def test_the_cpu_is_the_default(cuda, device):
    assert torch_device(device) == "cpu"
    assert onnx_providers(device) == [CPU]


def test_a_device_that_is_not_there_is_refused(cuda):
    with pytest.raises(ValueError, match="device='mps': torch sees no such device here; use auto"):
        torch_device("mps")
    with pytest.raises(ValueError, match="device='mps': onnxruntime runs on auto, cpu or cuda"):
        onnx_providers("mps")
    if cuda:
        assert (torch_device("cuda"), onnx_providers("cuda")) == ("cuda", [CUDA, CPU])
        return
    with pytest.raises(ValueError, match="device='cuda': torch sees no such device"):
        torch_device("cuda")
    with pytest.raises(ValueError, match="this onnxruntime has no CUDA; use cpu, or install"):
        onnx_providers("cuda")


@pytest.mark.parametrize("make", [GSANet, Isotrope, TrOCR, Reader])
def test_an_unknown_device_is_refused_by_every_engine(make):
    with pytest.raises(ValueError, match="device='gpu' is not known; use auto, cpu, cuda, mps"):
        make.from_pretrained(device="gpu")


def test_an_engine_without_devices_says_so():
    with pytest.raises(ValueError, match="engine 'tesseract' takes no device"):
        Reader.from_pretrained(engine="tesseract", device="cpu")


def test_gsanet_goes_to_the_device_by_torch(tmp_path, monkeypatch):
    class Model:
        def to(self, place):
            self.place = place
            return self

    monkeypatch.setattr(torch.cuda, "is_available", lambda: True)
    monkeypatch.setattr("isotrope.ocr.gsanet.loading.load_recognizer", lambda *_: Model())
    (tmp_path / "encoder.onnx").touch()  # what runtime="auto" takes on the CPU
    assert GSANet.from_pretrained(tmp_path, device="cuda").recognizer.place == "cuda"
    with pytest.raises(ValueError, match="device='cuda': onnx runs gsanet on the CPU; use runtime"):
        GSANet.from_pretrained(tmp_path, device="cuda", runtime="onnx")


def test_the_shipped_reader_runs_where_it_is_sent(monkeypatch):
    assert (loading.SHIPPED / "small" / "graph.onnx").is_file()
    reader = Reader.from_pretrained(device="auto", threads=1)
    assert CPU in reader.engine.session.session.get_providers()
    monkeypatch.setattr(onnxruntime, "get_available_providers", lambda: [CUDA, CPU])
    made = []

    def session(graph, options, providers):
        made.append(providers)
        return object()

    monkeypatch.setattr(onnxruntime, "InferenceSession", session)
    reader = Reader.from_pretrained(device="cuda", threads=1)
    opened = [n.session for n in (reader.engine.session, reader.finder, reader.detector)]
    assert len(opened) == 3
    assert made == [[CUDA, CPU]] * 3
