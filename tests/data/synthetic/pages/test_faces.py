"""Faces have the height that was asked for, and spell what their font can draw."""

import numpy as np
import pytest

from isotrope.data.synthetic.pages.faces import KINDS, face


@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.parametrize("height", [13.0, 30.0])
def test_height(faces, kind, height):
    rng = np.random.default_rng(0)
    for _ in range(10):
        chosen = faces.body(rng, kind, height)
        assert chosen.kind == kind
        assert chosen.height == pytest.approx(height, rel=0.03)
        assert chosen.ascent > chosen.descent > 0


def test_typewriters_have_one_width(faces):
    rng, same = np.random.default_rng(0), 0
    for _ in range(20):
        widths = faces.body(rng, "mono", 20.0).run("imHW.").advances
        same += np.ptp(widths) < 0.1
    assert same >= 15


def test_spelling(faces):
    files = [file for files in faces.families["display"] for file in files]
    capitals = face(next(file for file in files if file.case == "upper"), "display", 20.0)
    assert capitals.spelled("Words") == "WORDS"
    hands = [file for files in faces.families["hand"] for file in files]
    joined = face(next(file for file in hands if file.case == "lower"), "hand", 20.0)
    assert joined.spelled("SOME Words") == "Some Words"
    plain = [file for files in faces.families["text"] for file in files]
    poor = next(file for file in plain if "…" not in file.characters and file.case == "both")
    assert face(poor, "text", 20.0).spelled("and so on …\ua75b") in ("and so on ...", "and so on ")


def test_runs(faces, plain):
    run = plain.face.run("two words")
    assert run.width == pytest.approx(sum(run.advances))
    part = run.part(3, 9)
    assert (part.text, len(part.glyphs), len(part.advances)) == ("words", 5, 5)
    wide = plain.face.run("two words", spacing=3.0)
    assert wide.width == pytest.approx(run.width + 27)


def test_headings_go_with_their_text(faces, plain):
    rng = np.random.default_rng(0)
    chosen = [faces.strong(rng, plain.face, 40.0) for _ in range(20)]
    assert all(large.height == pytest.approx(40, rel=0.03) for large in chosen)
    assert any("Bold" in large.file.path for large in chosen)
    assert len({large.file.family for large in chosen}) > 2
