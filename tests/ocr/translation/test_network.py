import numpy as np
import pytest
import torch

from isotrope.ocr.translation.files import load_arrays, packed
from isotrope.ocr.translation.network import Network
from isotrope.ocr.translation.store import load_translator


@pytest.fixture(scope="module")
def both(translator_folder):
    config, _, arrays = load_arrays(translator_folder)
    return load_translator(translator_folder), Network(config, arrays)


@pytest.fixture
def pieces():
    return np.random.default_rng(0).normal(size=(5, 8, 120)).astype(np.float32)


def test_numpy_and_torch_are_the_same_function(both, pieces):
    model, network = both
    tokens = [0, 5, 9, 33]
    with torch.inference_mode():
        given = torch.from_numpy(pieces)[None]
        logits = model(given, torch.ones(1, 5).bool(), torch.tensor([tokens]))
        expected = logits.log_softmax(-1)[0].numpy()
    cross, past = network.cross_keys_values(network.encode(pieces)), None
    for place, token in enumerate(tokens):
        found, past = network.step(np.array([token]), place, past, cross)
        assert np.abs(found[0] - expected[place]).max() < 1e-4


@pytest.mark.parametrize("beams", [2, 4])
def test_both_write_the_same(both, pieces, beams):
    model, network = both
    written = network.translate(pieces, beams)
    expected = model.translate(torch.from_numpy(pieces)[None], beams)
    assert [network.config.text(written.tokens)] == expected
    assert 0 < written.confidence <= 1


def test_padding_changes_nothing(both, pieces):
    model, _ = both
    padded = torch.zeros(1, 6, 8, 120)
    padded[0, :5] = torch.from_numpy(pieces)
    present = torch.arange(6)[None] < 5
    with torch.inference_mode():
        alone = model.encode(padded[:, :5])
        assert torch.allclose(model.encode(padded, present)[:, :5], alone, atol=1e-5)


def test_a_matrix_takes_a_byte_a_parameter_and_keeps_two_digits():
    matrix = np.random.default_rng(0).normal(size=(64, 128)).astype(np.float32)
    stored = packed({"matrix": matrix, "vector": matrix[0]})
    assert {name: array.dtype.itemsize for name, array in stored.items()} == {
        **{"matrix": 1, "matrix.scale": 2, "vector": 2},
    }
    back = stored["matrix"] * stored["matrix.scale"].astype(np.float32)[:, None]
    assert np.abs(back - matrix).max() < np.abs(matrix).max() / 200


def test_a_broken_folder_is_refused(tmp_path):
    with pytest.raises(ValueError, match="no translator that can be loaded"):
        load_arrays(tmp_path)
