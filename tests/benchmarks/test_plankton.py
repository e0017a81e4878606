"""The plankton studies run in small, go on where they stopped, and write their tables."""

import csv
import sys

import numpy as np
import pytest
from PIL import Image

pytest.importorskip("lightning", reason="training runs on Lightning Fabric")

import measuring
import plankton
import plankton_pretrained
import plankton_report

BASE = """
[data]
batch_size = 8
fit = 12
[schedule]
epochs = 1
[run]
precision = "32-true"
[model]
patch = [4, 4, 0]
"""
ROW = """
base = "base.toml"
[model]
group = "{}"
stages = [{{ mixer = "gsa", depth = 1, dim = 8, heads = 1, encoding = "rotary" }}]
"""


@pytest.fixture
def study(tmp_path, monkeypatch):
    """A set of two classes, two tiny recipes, and folders of their own for all that is written."""
    rng = np.random.default_rng(0)
    for split, count in (("train", 10), ("valid", 4), ("test", 6)):
        for label, level in (("dark", 40), ("light", 200)):
            folder = tmp_path / "data" / split / label
            folder.mkdir(parents=True)
            for number in range(count):
                pixels = rng.integers(level, level + 50, (9, 14, 3), dtype=np.uint8)
                Image.fromarray(pixels).save(folder / f"{number}.png")
    for name in ("recipes", "results", "runs"):
        (tmp_path / name).mkdir()
    (tmp_path / "recipes" / "base.toml").write_text(BASE)
    for name, group in (("vit", "C1"), ("gsa-c4", "C4")):
        (tmp_path / "recipes" / f"{name}.toml").write_text(ROW.format(group))
    page = tmp_path / "plankton.md"
    page.write_text(plankton_report.PAGE.read_text())
    monkeypatch.setattr(plankton, "RECIPES", tmp_path / "recipes")
    monkeypatch.setattr(plankton, "VALIDATIONS", 1)
    monkeypatch.setattr(plankton, "ANGLES", (0, 30))
    monkeypatch.setattr(plankton, "RUNS", tmp_path / "runs")
    monkeypatch.setattr(plankton_pretrained, "RUNS", tmp_path / "runs")
    monkeypatch.setattr(measuring, "RESULTS", tmp_path / "results")
    monkeypatch.setattr(plankton_report, "PAGE", page)
    monkeypatch.setattr(plankton_report, "FIGURE", tmp_path / "plankton.png")
    return tmp_path


def run(module, monkeypatch, *arguments):
    monkeypatch.setattr(sys, "argv", [f"{module.__name__}.py", *map(str, arguments)])
    module.main()


def lines(study, name):
    (path,) = (study / "results").glob(f"{name}-20??-??-??.csv")
    with path.open(newline="") as file:
        return list(csv.DictReader(file))


def test_rows_get_equal_time_and_are_not_repeated(study, monkeypatch, capsys):
    command = ("--data", study / "data", "--minutes", 0.002, "--seeds", 0)
    run(plankton, monkeypatch, *command, "--fractions", 0.3, "--rows", "gsa-c4")
    run(plankton, monkeypatch, *command, "--fractions", 0.3, 1.0)
    rows = lines(study, "plankton")
    found = {(row["row"], row["read"], float(row["fraction"])) for row in rows}
    kinds = [("gsa-c4", "once"), ("vit", "once"), ("vit", "at four turns")]
    assert found == {(*kind, fraction) for kind in kinds for fraction in (0.3, 1.0)}
    for row in rows:
        assert int(row["images"]) == (6 if row["fraction"] == "0.3" else 20)
        seconds = float(row["epochs"]) * int(row["images"]) * float(row["ms_an_image"]) / 1000
        assert seconds == pytest.approx(60 * float(row["minutes"]), rel=0.1)
        exact = row["row"] == "gsa-c4" or row["read"] != "once"
        assert (float(row["moved"]) < 1e-5) == exact
        assert not exact or row["accuracy"] == row["four_turns"]
    said = capsys.readouterr().out
    assert said.count("gsa-c4-30-seed0") == 1
    begin = plankton_report.MARK[0].format("pretrained")
    other = plankton_report.PAGE.read_text().partition(begin)[2]
    run(plankton_report, monkeypatch)
    page = plankton_report.PAGE.read_text()
    assert page.partition(begin)[2] == other  # a study that was not run stays as it is
    assert "| vit, at four turns |" in page
    assert "| ahead of | 30%: gsa-c4 | 100%: gsa-c4 |" in page
    assert plankton_report.FIGURE.stat().st_size > 1000
    with pytest.raises(ValueError, match="was of another recipe; remove it"):
        run(plankton, monkeypatch, "--data", study / "data", "--minutes", 0.004)


def test_a_fraction_without_a_share_of_the_time_is_refused(study, monkeypatch, capsys):
    with pytest.raises(SystemExit):
        run(plankton, monkeypatch, "--data", study / "data", "--fractions", 0.5)
    assert "use some of 1.0, 0.3, 0.1" in capsys.readouterr().err


def test_what_is_made_of_a_pretrained_vit(study, monkeypatch):
    names = ["plain", "plain, at four turns", "Framed, LoRA", "symmetrize", "symmetrize, LoRA"]
    command = ("--data", study / "data", "--minutes", 0.001, "--tune", 0.001, "--seeds", 0)
    run(plankton_pretrained, monkeypatch, *command, "--methods", *names)
    rows = {row["method"]: row for row in lines(study, "plankton-pretrained")}
    assert list(rows) == names
    for name, row in rows.items():
        assert (int(row["trained"]) > 0) == ("LoRA" in name)
        assert (float(row["moved"]) < 1e-5) == (name != "plain")
    same = ("accuracy", "four_turns", "all_angles")
    assert all(rows["symmetrize"][c] == rows["plain, at four turns"][c] for c in same)
    run(plankton_report, monkeypatch)
    assert "| symmetrize, LoRA |" in plankton_report.PAGE.read_text()


@pytest.mark.usefixtures("study")
def test_rows_of_every_style_are_drawn():
    names = ("vit-unturned", "vit, at four turns", "framed-cnn", "gcsa-c8", "gcsa-d4")
    shares = {f: [{"four_turns": str(f)}] for f in (0.1, 1.0)}
    plankton_report.draw(dict.fromkeys(names, shares))
    assert plankton_report.FIGURE.stat().st_size > 1000


def test_a_page_without_the_marks_of_a_section_is_refused(study):
    before = plankton_report.PAGE.read_text()
    begin = plankton_report.MARK[0].format("rows")
    plankton_report.PAGE.write_text(before.replace(plankton_report.MARK[1].format("rows"), ""))
    with pytest.raises(ValueError, match="has no section between '<!-- rows: written by"):
        plankton_report.put("rows", "text")
    assert plankton_report.PAGE.read_text().count(begin) == 1
