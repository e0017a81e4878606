"""The study of adapters: which runs it asks for, and what it makes of their rows."""

import math
from dataclasses import asdict, replace

import pytest
from PIL import Image

import adapter_report
import adapter_study
from adapter_stages import Run, best_rate, ranking, rung, score, stages, tuned
from isotrope.data.lines import LabeledLines

TUNE = ["hand", "print"]
FIRST = Run("base", "", seen=512)


def row(run, best=3e-3, at_best=0.1):
    """The error is least at the best rate, and falls with the rank."""
    decades = abs(math.log10(run.learning_rate / best))
    numbers = {
        **{"cer": at_best * (1 + decades + 1 / run.rank), "wer": 0.5, "before": 0.4},
        **{"parameters": 1000 * run.rank, "train_lines": 400, "valid_lines": 90},
        **{"best": 0.1, "best_seen": 512, "seconds": 9},
        **{"commit": "c", "machine": "m", "command": "python study.py"},
    }
    return {name: str(value) for name, value in (asdict(run) | numbers).items()}


def finished(setting, rates, **errors):
    runs = [replace(setting, set=name, learning_rate=rate) for rate in rates for name in TUNE]
    return {run: row(run, **errors) for run in runs}


def test_learning_rates_are_half_decades():
    assert [rung(3e-3, steps) for steps in (-2, -1, 0, 1)] == [3e-4, 1e-3, 3e-3, 1e-2]


@pytest.mark.parametrize(
    ("best", "asked"),
    [
        (1e-3, {3e-4, 1e-3, 3e-3}),
        (1e-2, {3e-4, 1e-3, 3e-3, 1e-2, 3e-2}),
        (1e-4, {3e-5, 1e-4, 3e-4, 1e-3, 3e-3}),
    ],
)
def test_rates_are_added_while_the_best_is_at_an_end(best, asked):
    done = {}
    while todo := [run for run in tuned(done, FIRST, TUNE) if run not in done]:
        done[todo[0]] = row(todo[0], best)
    assert {run.learning_rate for run in done} == asked
    assert best_rate(done, FIRST, TUNE) == best


def test_a_setting_counts_once_all_sets_are_done():
    done = finished(FIRST, [3e-3])
    run = replace(FIRST, learning_rate=3e-3)
    assert score(done, run, TUNE) == pytest.approx(math.log(0.1135 / 0.401))
    assert math.isnan(score(done, run, [*TUNE, "other"]))
    assert math.isnan(score(done, replace(run, rank=2), TUNE))


def test_settings_are_ranked_at_their_own_best_rates():
    dora = replace(FIRST, method="dora")
    done = finished(FIRST, [1e-3, 3e-3]) | finished(dora, [1e-3, 3e-2], best=3e-2, at_best=0.09)
    assert ranking(done, FIRST, TUNE) == [dora, FIRST]
    done |= finished(dora, [3e-2], best=3e-2, at_best=0.2)
    assert ranking(done, FIRST, TUNE) == [FIRST, dora]


def test_the_whole_plan_ends_and_is_resumed_from_its_csv(tmp_path, monkeypatch):
    paths, done = dict.fromkeys([*TUNE, "more"], tmp_path), {}
    study = adapter_study.Study(adapter_study.Sets(paths), {}, tmp_path / "study.csv")
    monkeypatch.setattr(study, "do", lambda run: study.done.update({run: row(run)}))
    adapter_study.follow(study, stages(FIRST, TUNE, list(paths), 2048))
    done = study.done
    methods = {(run.method, run.rank) for run in done}
    assert len(methods) == 30
    assert {run.set for run in done if run.seen == 2048} == {*TUNE, "more"}
    assert {run.lines for run in done} == {"100", "400", "all"}
    for run in done:
        assert Run.of(done[run]) == run


def test_a_run_that_fails_is_left_out_and_many_end_the_study(tmp_path, monkeypatch, capsys):
    def fails(run):
        if run.learning_rate == 3e-3:
            raise ValueError("no")
        study.done[run] = row(run)

    study = adapter_study.Study(adapter_study.Sets({}), {}, tmp_path / "study.csv")
    monkeypatch.setattr(study, "do", fails)
    adapter_study.follow(study, [first_stage])
    assert len(study.failed) == 2
    assert len(study.done) == 4
    assert "ValueError: no" in capsys.readouterr().err
    monkeypatch.setattr(adapter_study, "MOST_FAILED", 1)
    study.failed.clear()
    with pytest.raises(ValueError, match="no"):
        adapter_study.follow(study, [first_stage])


def first_stage(done):
    """One setting. No more."""
    return tuned(done, FIRST, TUNE)


def test_the_figure_and_the_table_come_from_the_rows(tmp_path, monkeypatch):
    page, figure = tmp_path / "page.md", tmp_path / "figure.png"
    monkeypatch.setattr(adapter_report, "PAGE", page)
    monkeypatch.setattr(adapter_report, "FIGURE", figure)
    page.write_text("# Adapters\n")
    done = finished(FIRST, [1e-3, 3e-3]) | finished(replace(FIRST, seen=2048), [3e-3])
    done |= finished(replace(FIRST, targets="neck"), [3e-3])
    for _ in range(2):
        adapter_report.draw(done)
        adapter_report.write_table(done, tmp_path / "study.csv")
    assert figure.stat().st_size > 1000
    text = page.read_text()
    assert text.startswith("# Adapters\n\n<!-- adapter-study")
    assert text.count("## ") == 1
    assert text.count("| lora, rank 8 | 0.003 | 8,000 | 28.3% | 11.25% | 11.25% |") == 2
    assert "| lora, rank 8, neck | 0.003 |" in text


def test_a_killed_row_is_not_read(tmp_path):
    path = tmp_path / "study.csv"
    lines = [",".join(adapter_study.COLUMNS)]
    whole = row(replace(FIRST, set="hand"))
    lines += [",".join(whole[name] for name in adapter_study.COLUMNS), "base,print,lora,8,all,0.0"]
    path.write_text("\n".join(lines) + "\n")
    assert list(adapter_study.read(path)) == [replace(FIRST, set="hand")]


def test_lines_held_out_elsewhere_are_in_neither_part(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    monkeypatch.setattr(adapter_study, "BLOCK", 2)
    data, texts = tmp_path / "data", [str(number) for number in range(40)]
    data.mkdir()
    Image.new("RGB", (20, 12)).save(data / "line.png")
    (data / "labels.tsv").write_text("".join(f"line.png\t{text}\n" for text in texts))
    train, valid = (
        [text for _, text in LabeledLines(folder).items]
        for folder in adapter_study.Sets({"some": data}).folders("some")
    )
    assert sorted(train + valid, key=int) == [t for n, t in enumerate(texts) if n % 10]
    assert valid == ["12", "13", "25", "26", "38", "39"]
