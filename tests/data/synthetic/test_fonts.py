"""Fonts: families, splits, the scan's cache, and what happens without any."""

import shutil

import pytest

pytest.importorskip("skia", reason="fonts are read by skia-python")

from isotrope.data.synthetic import fonts
from isotrope.data.synthetic.font_kinds import kind_of
from isotrope.data.synthetic.fonts import ESSENTIAL, family_of, font_families, split_of, superfamily


@pytest.fixture(scope="module")
def families():
    try:
        return {split: font_families(split) for split in fonts.SPLITS}
    except FileNotFoundError as error:
        pytest.skip(f"no fonts on this machine: {error}")


def test_a_superfamily_is_in_one_split(families):
    train, valid = ({superfamily(name) for name in families[split]} for split in fonts.SPLITS)
    assert not train & valid
    assert all(split_of(name) == split for split in fonts.SPLITS for name in families[split])


def test_every_font_draws_the_letters(families):
    files = [file for split in families.values() for family in split.values() for file in family]
    assert all(
        set(ESSENTIAL) <= set(file.characters) and file.case in ("both", "upper", "lower")
        for file in files
    )


def test_other_scripts_and_symbols_are_left_out(families):
    names = {name for split in families.values() for name in split}
    assert not any("Symbol" in name or "Dingbat" in name for name in names)
    assert {name for name in names if name.startswith("Noto ")} <= fonts._NOTO_LATIN


@pytest.mark.parametrize(
    ("name", "family"),
    [
        ("Lato Light", "Lato"),
        ("Inter Extra Bold Italic", "Inter"),
        ("DejaVu Sans Mono", "DejaVu Sans Mono"),
        ("EB Garamond 12", "EB Garamond"),
        ("Bold", "Bold"),
        ("Nimbus Roman", "Nimbus Roman"),
    ],
)
def test_family_names_lose_their_styles(name, family):
    assert family_of(name) == family


@pytest.mark.parametrize(
    ("one", "other"),
    [
        ("DejaVu Sans", "DejaVu Serif"),
        ("Noto Serif", "Noto Serif Display"),
        ("Arimo", "Liberation Sans"),
        ("NanumGothic", "Nanum Pen Script"),
        ("Roboto", "Roboto Slab"),
        ("C059", "TeX Gyre Schola"),
    ],
)
def test_relatives_share_a_superfamily(one, other):
    assert superfamily(one) == superfamily(other)


@pytest.mark.parametrize(
    ("family", "kind"),
    [
        ("UnifrakturCook", "fraktur"),
        ("Caveat", "hand"),
        ("Dancing Script", "hand"),
        ("Anton", "display"),
        ("DejaVu Sans", "text"),
    ],
)
def test_families_have_a_kind(family, kind):
    assert kind_of(family) == kind


def test_no_fonts_names_the_folders_and_the_remedy(tmp_path):
    with pytest.raises(FileNotFoundError, match="make fonts") as error:
        font_families("train", [tmp_path])
    assert str(tmp_path) in str(error.value)


def test_an_unknown_split_is_named():
    with pytest.raises(ValueError, match="split='test'"):
        font_families("test")


def test_a_scan_is_kept_until_the_folder_changes(families, tmp_path, monkeypatch):
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "cache"))
    folder = tmp_path / "fonts"
    folder.mkdir()
    first, second = [family[0].path for family in families["train"].values()][:2]
    shutil.copy(first, folder / "one.ttf")
    found = fonts.scan.__wrapped__((str(folder),))
    with monkeypatch.context() as patch:
        patch.setattr(fonts, "_inspect", None)
        assert fonts.scan.__wrapped__((str(folder),)) == found
    shutil.copy(second, folder / "two.ttf")
    assert len(fonts.scan.__wrapped__((str(folder),))) == 2


def test_a_file_that_is_no_font_is_passed_over(tmp_path):
    (tmp_path / "dangling.ttf").symlink_to(tmp_path / "gone.ttf")
    (tmp_path / "broken.ttf").write_bytes(b"no font")
    with pytest.raises(FileNotFoundError):
        font_families("train", [tmp_path])
