"""The finder: its scores turn with the image, on torch and on onnxruntime."""

import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st

from isotrope.groups import CyclicGroup
from isotrope.nn import Orbit
from isotrope.ocr.orientation.finder import OrientationFinder
from isotrope.ocr.orientation.model import FinderConfig, UprightNet, orbit_scores
from isotrope.ocr.orientation.sizing import LYING, SHORTEST, UNIT, finder_size
from isotrope.ocr.orientation.store import load_finder, save_finder
from isotrope.ocr.recognition.model import LineRecognizer, LineRecognizerConfig, StageConfig

SMALL = FinderConfig((StageConfig(8, 1), StageConfig(16, 1)), 8)


@pytest.fixture(scope="module")
def net():
    torch.manual_seed(0)
    return UprightNet(SMALL).double().eval()


@pytest.fixture(scope="module")
def folder(tmp_path_factory):
    torch.manual_seed(0)
    net = UprightNet(SMALL)
    torch.nn.init.normal_(net.say.weight)  # or nothing is far from a tie
    save_finder(net, folder := tmp_path_factory.mktemp("finder"))
    return folder


sizes = st.tuples(st.integers(3, 9), st.integers(3, 9)).map(lambda s: (s[0] * 5 + 1, s[1] * 7 + 2))


@settings(max_examples=20, deadline=None)
@given(sizes, st.integers(0, 2**16))
@torch.inference_mode()
def test_scores_are_permuted_by_a_turn(net, size, seed):
    pixels = torch.rand(2, 3, *size, generator=torch.Generator().manual_seed(seed)).double()
    before = orbit_scores(net, pixels, lying=1e9)
    for turn in (1, 2, 3):
        after = orbit_scores(net, pixels.rot90(turn, (2, 3)), lying=1e9)
        torch.testing.assert_close(after, before.roll(turn, dims=1), rtol=0, atol=1e-12)


@torch.inference_mode()
def test_scores_are_those_of_the_orbit(net):
    pixels = torch.rand(2, 3, 24, 40).double()
    orbit = Orbit(net, CyclicGroup(4))(pixels)
    torch.testing.assert_close(orbit_scores(net, pixels, lying=1e9), orbit, rtol=0, atol=1e-12)


@torch.inference_mode()
def test_without_the_orbit_they_are_not(net):
    """The control: one pass of the same network over an image and over its turn."""
    pixels = torch.rand(1, 3, 24, 40).double()
    assert (net(pixels) - net(pixels.rot90(2, (2, 3)))).abs().max() > 1e-6


@given(st.integers(1, 4000), st.integers(1, 4000), st.sampled_from((3072, 49152)))
def test_sizes_treat_both_sides_alike(rows, columns, area):
    size = finder_size(rows, columns, area)
    assert finder_size(columns, rows, area) == size[::-1]
    assert min(size) >= SHORTEST
    assert not size[0] % UNIT
    assert not size[1] % UNIT


@settings(max_examples=25, deadline=None)
@given(st.integers(9, 90), st.integers(9, 300), st.integers(0, 2**16))
def test_a_turned_image_is_found_turned(folder, rows, columns, seed):
    image = np.random.default_rng(seed).integers(0, 256, (rows, columns, 3), np.uint8)
    finder = OrientationFinder(folder, 1)
    upright = finder.find(image)[0]
    for turn in (1, 2, 3):
        turned = finder.find(np.ascontiguousarray(np.rot90(image, turn)))[0]
        np.testing.assert_allclose(turned.scores, np.roll(upright.scores, turn), atol=1e-4)
        first, second = sorted(upright.scores)[:-3:-1]
        if first - second > 1e-3:
            assert turned.degrees == (upright.degrees + 90 * turn) % 360
            assert turned.slant == pytest.approx(upright.slant, abs=0.05)


def test_long_images_lie_along_their_long_side(folder):
    image = np.random.default_rng(0).integers(0, 256, (20, round(20 * LYING) + 8, 3), np.uint8)
    scores = OrientationFinder(folder, 1).find(image)[0].scores
    assert scores[1] == scores[3] == 0
    assert sum(scores) == pytest.approx(1)


@pytest.mark.parametrize("size", [(800, 640), (120, 80)])
def test_a_page_is_found_turned_also_as_a_view(folder, size):
    finder = OrientationFinder(folder)
    pixels = np.random.default_rng(0).integers(0, 256, (*size, 3), dtype=np.uint8)
    upright, turned = finder.find_page(pixels), finder.find_page(np.rot90(pixels))
    assert np.roll(upright.scores, 1) == pytest.approx(turned.scores, abs=1e-3)


def test_what_cannot_be_told_is_said(folder):
    """A blank square looks the same at all turns."""
    found = OrientationFinder(folder, 1).find(np.full((40, 40, 3), 200, np.uint8))[0]
    assert found.confidence == pytest.approx(0.25, abs=1e-3)
    assert len(found.candidates(0.2)) == 4


def test_torch_and_onnxruntime_say_the_same(folder):
    pixels = torch.rand(2, 3, 32, 72)
    (graph,) = OrientationFinder(folder, 1).session.run(None, {"pixels": pixels.numpy()})
    with torch.inference_mode():
        expected = load_finder(folder)(pixels).numpy()
    np.testing.assert_allclose(graph, expected, atol=1e-4)


def test_it_begins_with_the_filters_of_a_recognizer():
    torch.manual_seed(1)
    reader = LineRecognizer(LineRecognizerConfig.tiny("abc")).eval()
    net = UprightNet()
    net.begin_with(reader)
    pixels = torch.rand(1, 3, 48, 96)
    depth = len(net.blocks) - net.config.stages[-1].depth  # the last stage is shorter than theirs
    with torch.inference_mode():
        ours = net.blocks[:depth](net.stem(pixels))
        theirs = reader.blocks[:depth](reader.stem(pixels))
    torch.testing.assert_close(ours, theirs)
