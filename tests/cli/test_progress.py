"""The progress of a run: lines with the time left where there is no terminal."""

import warnings

import pytest

from isotrope.cli.progress import RunProgress, quiet

ROW = {"examples": 12_345, "progress": 0.25, "left": 3_900.0, "loss": 0.5, "ctc": 0.25}


def test_without_a_terminal_a_line_a_minute_is_written(capsys, monkeypatch):
    with RunProgress(0.2, ("loss", "ctc")) as progress:
        progress.report(ROW)
        assert capsys.readouterr().err == ""
        monkeypatch.setattr(progress, "every", 0.0)
        progress.report(ROW)
    line = "25%: 12,345 examples, 1 h 05 min left, loss 0.500 ctc 0.250\n"
    assert capsys.readouterr().err == line


@pytest.mark.parametrize(("left", "text"), [(40.4, "40 s"), (720.0, "12 min"), (float("inf"), "?")])
def test_the_time_left_is_said_in_its_unit(capsys, monkeypatch, left, text):
    with RunProgress(0.0) as progress:
        monkeypatch.setattr(progress, "every", 0.0)
        progress.report(ROW | {"left": left})
    assert f", {text} left, loss 0.500" in capsys.readouterr().err


def test_setting_up_a_run_is_quiet(caplog):
    fabric = pytest.importorskip("lightning.fabric", reason="training runs on Lightning Fabric")

    def set_up():
        warnings.warn("a library's own news", FutureWarning, stacklevel=1)
        fabric.Fabric(accelerator="cpu", precision="bf16-mixed")
        return [record.message for record in caplog.records]

    with quiet():
        assert set_up() == []
    with pytest.warns(FutureWarning):
        assert "bfloat16" in set_up()[0]
