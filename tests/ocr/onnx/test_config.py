"""A folder of another model, or a broken one, is refused in one line."""

import pytest

from isotrope.ocr.loading import SHIPPED
from isotrope.ocr.onnx.config import read_config
from isotrope.ocr.orientation.finder import OrientationFinder
from isotrope.ocr.recognition.session import LineSession


@pytest.mark.parametrize(
    ("content", "message"),
    [
        (None, "config.json cannot be read .No such file or directory.; give the folder of a dog"),
        ("{", "config.json is broken .Expecting property name .*; copy it again"),
        ("[]", "config.json is not that of a dog; give the folder of a dog"),
        ('{"meows": 1}', "config.json is not that of a dog"),
    ],
)
def test_what_is_wrong_is_said(tmp_path, content, message):
    if content is not None:
        (tmp_path / "config.json").write_text(content)
    with pytest.raises(ValueError, match=f"^{tmp_path}: {message}"):
        read_config(tmp_path, "a dog", "barks")


def test_the_right_one_is_read(tmp_path):
    (tmp_path / "config.json").write_text('{"barks": 2}')
    assert read_config(tmp_path, "a dog", "barks") == {"barks": 2}


def test_a_recognizer_is_no_finder():
    with pytest.raises(ValueError, match=r"tiny: config.json is not that of a finder"):
        OrientationFinder.from_pretrained(SHIPPED / "tiny")


def test_a_finder_is_no_recognizer():
    with pytest.raises(ValueError, match=r"finder: config.json is not that of a line recognizer"):
        LineSession(SHIPPED / "finder")
