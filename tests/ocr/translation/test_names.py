import pytest

from isotrope.ocr.translation.names import split_name


def test_names(tmp_path):
    (tmp_path / "config.json").write_text("{}")
    assert split_name(tmp_path) == (None, None, tmp_path)
    assert split_name(f"fra_Latn-eng_Latn:{tmp_path}") == ("fra_Latn", "eng_Latn", tmp_path)
    assert split_name(f"fr-en:{tmp_path}") == ("fr", "en", tmp_path)
    with pytest.raises(ValueError, match="no translator here"):
        split_name(tmp_path / "none")
