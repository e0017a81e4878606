import pytest

from isotrope.ocr.detection import DETECTORS, make_detector


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


def test_anything_else_is_refused():
    with pytest.raises(TypeError, match="a detector of type int; give a name of pp-ocr"):
        make_detector(3)


def test_a_folder_without_weights_is_named(tmp_path):
    with pytest.raises(ValueError, match=r"config\.json cannot be read .*give the folder of a det"):
        make_detector("pp-ocr", path=tmp_path)
