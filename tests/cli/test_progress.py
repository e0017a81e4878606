"""The progress of a run: lines with the time left where there is no terminal."""

import warnings

import pytest

from isotrope.cli import progress
from isotrope.cli.progress import ReadProgress, RunProgress, quiet

ROW = {"examples": 12_345, "progress": 0.25, "left": 3_900.0, "loss": 0.5, "ctc": 0.25}


def test_without_a_terminal_a_line_a_minute_is_written(capsys, monkeypatch):
    with RunProgress(0.2, ("loss", "ctc")) as shown:
        shown.report(ROW)
        assert capsys.readouterr().err == ""
        monkeypatch.setattr(shown, "every", 0.0)
        shown.report(ROW)
    line = "25%: 12,345 examples, 1 h 05 min left, loss 0.500 ctc 0.250\n"
    assert capsys.readouterr().err == line


@pytest.mark.parametrize(("left", "text"), [(40.4, "40 s"), (720.0, "12 min"), (float("inf"), "?")])
def test_the_time_left_is_said_in_its_unit(capsys, monkeypatch, left, text):
    with RunProgress(0.0) as shown:
        monkeypatch.setattr(shown, "every", 0.0)
        shown.report(ROW | {"left": left})
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


class Run:
    """A run of three files, of which the last fails."""

    def __init__(self):
        self.read = self.failed = self.results = 0

    def __iter__(self):
        for number in range(3):
            yield number, iter(())
            self.results += number < 2
            self.read, self.failed = self.read + (number < 2), self.failed + (number == 2)


def test_reading_shows_a_line_a_minute_off_a_terminal(capsys, monkeypatch):
    todo = type("Todo", (), {"skipped": 5})
    with ReadProgress(10, None, "pages") as shown:
        assert len(list(shown.following(Run(), todo))) == 3
    assert capsys.readouterr().err == ""
    monkeypatch.setattr(progress, "_MINUTE", 0.0)
    clock = iter(range(0, 1000, 30))
    monkeypatch.setattr(progress.time, "monotonic", lambda: float(next(clock)))
    with ReadProgress(10, None, "pages") as shown:
        list(shown.following(Run(), todo))
    first, *_, last = capsys.readouterr().err.splitlines()
    assert first == "60%: 6 of 10 files, 0 pages a second, 2 min left"
    assert last == "80%: 8 of 10 files, 0.0222 pages a second, 1 min left"
