"""`isotrope adapt --task translate`: end to end, and errors in one line."""

import pytest
from typer.testing import CliRunner

from isotrope import cli

pytest.importorskip("lightning", reason="training runs on Lightning Fabric")


def run(*arguments):
    return CliRunner().invoke(cli.app, [str(argument) for argument in arguments])


def test_a_translator_takes_pairs_and_goes_on(tmp_path):
    pairs = tmp_path / "pairs.tsv"
    rows = [f"phrase {n} ici\tsentence {n} here\n" for n in range(40)]
    pairs.write_text("".join(rows), encoding="utf-8")
    out = tmp_path / "translator"
    sizes = ("width=16", "heads=2", "hidden=16", "vocabulary=40", "letter=4")
    settings = [f"model.{size}" for size in sizes]
    settings += ["data.rendered=3", "data.valid=1", "data.held_out=10", "lines.minutes=0"]
    settings += ["text.examples=64", "columns.examples=64", "run.precision=32-true"]
    options = [part for setting in settings for part in ("--set", setting)]
    command = ["adapt", "--task", "translate", "--data", str(pairs), "--out", str(out), *options]
    done = run(*command)
    assert done.exit_code == 0, done.output
    assert "chrF" in (out / "README.md").read_text(encoding="utf-8")
    again = run(*command)
    assert again.exit_code == 0, again.output
    longer = run(*command, "--set", "text.examples=2000")
    assert longer.exit_code == 1
    assert "columns/checkpoint.pt is of another recipe or other data: start was" in longer.output


def test_options_that_are_not_for_translators(tmp_path):
    pairs = tmp_path / "pairs.tsv"
    pairs.write_text("a\tb\n", encoding="utf-8")
    out = str(tmp_path / "out")
    done = run("adapt", "--task", "translate", "--data", str(pairs), "--out", out, "--epochs", "2")
    assert done.exit_code == 2
    assert "--epochs is not for --task translate" in done.output
