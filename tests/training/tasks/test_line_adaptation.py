"""Adapting a line recognizer: it learns, keeps the best, goes on after a kill, reads everywhere."""

import csv
import logging
import shutil
from pathlib import Path

import numpy as np
import pytest
import torch
from PIL import Image

pytest.importorskip("lightning", reason="training runs on Lightning Fabric")

from isotrope.data.lines import LabeledLines
from isotrope.lora import add_adapter, load_adapter, save_adapter, switch_adapter
from isotrope.ocr.engines import make_engine
from isotrope.ocr.orientation.finder import OrientationFinder
from isotrope.ocr.orientation.model import FinderConfig, UprightNet
from isotrope.ocr.orientation.store import save_finder
from isotrope.ocr.reader import Reader
from isotrope.ocr.reading import TURNS
from isotrope.ocr.recognition import ctc
from isotrope.ocr.recognition.model import LineRecognizer, LineRecognizerConfig, StageConfig
from isotrope.ocr.recognition.store import load_model, save_model
from isotrope.training import first_adapter
from isotrope.training.adaptation import Adaptation
from isotrope.training.card import write_card
from isotrope.training.recipe_file import load_recipe
from isotrope.training.report import write_report
from isotrope.training.tasks import adaptation
from isotrope.training.tasks.adaptation import _upright_line, line_unfit, shape_unfit
from isotrope.training.tasks.adaptation_recipe import LineAdaptationRecipe

STAGES = (StageConfig(16, 1), StageConfig(16, 1, ()), StageConfig(24, 1))
RECIPE = {
    "adapter": {"rank": 4},
    "optimizer": {"learning_rate": 1e-2},
    "schedule": {"epochs": 30},
    "run": {"precision": "32-true", "workers": 0, "validate_examples": 100_000},
}
FILES = {"adapter_config.json", "adapter_model.safetensors", "base.json", "log.csv"}


@pytest.fixture(scope="module")
def base(tmp_path_factory):
    folder = tmp_path_factory.mktemp("weights")
    torch.manual_seed(0)
    config = LineRecognizerConfig("0123456789", "branched", STAGES, "attention", 16)
    save_model(moved(LineRecognizer(config), 0.05), folder / "small")
    save_finder(moved(UprightNet(FinderConfig(STAGES, 8)), 0.3), folder / "finder")
    return folder / "small"


def moved(model, scale, only=""):
    generator = torch.Generator().manual_seed(1)
    with torch.no_grad():
        for name, parameter in model.named_parameters():
            if only in name:
                parameter.add_(scale * torch.randn(parameter.shape, generator=generator))
    return model.eval()


@pytest.fixture
def data(drawn_lines):
    """Twelve lines, one of which has a character that the model cannot write."""
    texts = [*(f"{n % 10}{n % 3}{n % 10}" for n in range(11)), "Ω"]
    return drawn_lines(texts, wider=3)


def recipe(**changes):
    """`RECIPE` with other fields, by their groups."""
    names = RECIPE | changes
    groups = {name: RECIPE.get(name, {}) | changes.get(name, {}) for name in names}
    return LineAdaptationRecipe.model_validate(groups)


def adapting(base, lines, out, /, **changes):
    return Adaptation(recipe(**changes), lines, out, base)


def lines(data):
    return [np.asarray(Image.open(data / f"{n}.png").convert("RGB")) for n in range(5)]


def test_a_run_learns_and_writes_an_adapter_a_log_and_a_card(base, data, tmp_path):
    run, losses = adapting(base, data, tmp_path / "mine"), []
    frozen = {n: p.clone() for n, p in run.adapted.named_parameters() if ".lora_" not in n}
    run.fit(lambda row: losses.append(row["loss"]))
    assert losses[-1] < losses[0]
    for name, parameter in run.adapted.named_parameters():
        if name in frozen:
            assert torch.equal(parameter, frozen[name]), name
    assert {file.name for file in (tmp_path / "mine").iterdir()} > FILES
    with (tmp_path / "mine" / "log.csv").open(newline="") as file:
        log = list(csv.DictReader(file))
    assert log[0]["examples"] == "0"
    assert float(log[0]["cer"]) == run.before["cer"]
    assert run.best["cer"] == min(float(row["cer"]) for row in log)
    report = write_report(run).read_text(encoding="utf-8")
    assert "2 held-out lines, character error rate" in report
    assert "<th>read as</th>" in report
    card = write_card(run).read_text()
    assert "lines: 9 lines to train on, 2 held out, 1 left out" in card
    assert "acts on | all; rank 4" in card


def test_a_held_out_set_of_its_own_leaves_all_lines_for_training(base, data, tmp_path):
    apart = tmp_path / "apart"
    apart.mkdir()
    Image.open(data / "3.png").save(apart / "a.png")
    (apart / "labels.tsv").write_text("a.png\t303\nb.png\tΩ\n", encoding="utf-8")
    run = Adaptation(recipe(), data, tmp_path / "mine", base, apart)
    assert [text for _, text in run.valid.items] == ["303"]
    assert len(run.train) == 11
    assert run.left_out == 2
    (apart / "labels.tsv").write_text("b.png\tΩ\n", encoding="utf-8")
    with pytest.raises(ValueError, match=r"11 lines to train on and 0 held out; give lines that"):
        Adaptation(recipe(), data, tmp_path / "other", base, apart)


def test_a_recipe_names_its_sources(base, data, tmp_path):
    """The lines come from folders in the data's folder; what they hold out is not trained on."""
    named = {"path": "lines", "license": "CC0", "held_out": 5}
    made = recipe(data={"source": [named]})
    run = Adaptation(made, data.parent, tmp_path / "mine", base)
    assert [text for _, text in run.valid.items] == ["000", "525", "010"]
    assert len(run.train) == 8
    assert run.left_out == 1
    with pytest.raises(ValueError, match=r"data\.source says what is held out"):
        Adaptation(made, data.parent, tmp_path / "other", base, data)


def test_a_recipe_that_counts_epochs_validates_by_no_clock():
    run = LineAdaptationRecipe().completed(100).run
    assert (run.validate_examples, run.validate_minutes, run.patience) == (400, 2.25, 5)
    counted = LineAdaptationRecipe.model_validate({"schedule": {"epochs": 3}}).completed(100).run
    assert (counted.validate_examples, counted.validate_minutes, counted.patience) == (
        *(30, None, None),
    )
    asked = LineAdaptationRecipe.model_validate({"run": {"validate_epochs": 1}}).completed(100).run
    assert (asked.validate_examples, asked.validate_minutes) == (None, None)


def test_the_recipes_of_the_shipped_adapters_load():
    recipes = sorted((Path(__file__).parents[3] / "recipes/adapters").glob("*.toml"))
    assert len(recipes) == 7
    for path in recipes:
        made = load_recipe(LineAdaptationRecipe, path)
        assert made.data.source, path
        assert all(source.license for source in made.data.source), path
        # Not by the clock, so that a recipe gives the same file again.
        assert made.schedule.epochs
        assert made.run.validate_epochs


@pytest.mark.parametrize("better", [True, False])
def test_the_best_adapter_is_kept_or_none(base, data, tmp_path, monkeypatch, better):
    run, scores = adapting(base, data, tmp_path / "mine"), iter([0.0, 1.0 if better else -1.0])
    monkeypatch.setattr(run.engine.task, "validate", lambda model: {"score": next(scores)})
    run.fit()
    again = load_adapter(load_model(base), tmp_path / "mine")
    pixels = torch.rand(1, 3, 48, 96, generator=torch.Generator().manual_seed(3))
    with torch.no_grad():
        trained, before = run.engine.average.module.eval()(pixels), load_model(base)(pixels)
        expected = trained if better else before
        torch.testing.assert_close(again(pixels), expected, rtol=0, atol=2e-3)  # kept in 16 bits
    assert (trained - before).abs().max() > 1e-2


def test_a_run_that_ended_trains_no_more_and_another_is_refused(base, data, tmp_path):
    first = adapting(base, data, tmp_path / "mine", schedule={"epochs": 1})
    first.fit()
    again = adapting(base, data, tmp_path / "mine", schedule={"epochs": 1})
    again.fit()
    assert again.engine.rows == first.engine.rows
    with pytest.raises(ValueError, match=r"adapter\.rank was 4 and is 2; give those"):
        adapting(base, data, tmp_path / "mine", adapter={"rank": 2})
    with pytest.raises(ValueError, match=r"lines was .* and is "):
        adapting(base, data, tmp_path / "mine", data={"lines": 5})


def test_a_run_goes_on_with_larger_batches(base, data, tmp_path):
    first = adapting(base, data, tmp_path / "mine", schedule={"epochs": 1})
    first.fit()
    more = {"schedule": {"epochs": 60}, "data": {"batch": 32}}
    again = adapting(base, data, tmp_path / "mine", **more)
    assert again.engine.examples == first.engine.examples
    batches = again.engine.task.stream(0, 0, 1).group(0).batches
    assert {len(batch["pixels"]) for batch in batches} == {32}


def test_it_goes_on_from_an_adapter(base, data, tmp_path):
    first = adapting(base, data, tmp_path / "first", adapter={"rank": 3, "targets": "mlp"})
    first.fit()
    more = {"adapter": {"start": str(tmp_path / "first")}, "schedule": {"epochs": 1}}
    second = adapting(base, data, tmp_path / "second", **more)
    assert (second.recipe.adapter.targets, second.recipe.adapter.rank) == ("mlp", 3)
    second.fit()
    assert second.before["cer"] == pytest.approx(first.best["cer"], abs=1e-5)
    assert any(p.requires_grad for p in second.adapted.parameters())
    assert [row.get("mean") for row in second.engine.rows][-1] == 1
    card = write_card(second).read_text()
    assert f"from the adapter {tmp_path / 'first'} on" in card
    longer = adapting(base, data, tmp_path / "second", **more | {"schedule": {"epochs": 20}})
    for _ in range(2):  # the mean is tried again at the new end, once
        longer.fit()
    assert sum(row.get("mean", 0) for row in longer.engine.rows) == 2


def test_only_the_first_rank_fits_a_language_model(base, data, tmp_path, monkeypatch):
    run, fitted = adapting(base, data, tmp_path / "mine", schedule={"epochs": 1}), []
    monkeypatch.setattr("isotrope.training.adaptation.write_language", lambda *_: fitted.append(1))
    run.fit()
    monkeypatch.setattr(type(run.engine.fabric), "is_global_zero", property(lambda _: False))
    run.fit()
    assert fitted == [1]


@pytest.mark.parametrize(
    ("method", "loraplus"), [("lora", 8.0), ("dora", 1.0), ("rslora", 1.0), ("pissa", 4.0)]
)
def test_each_method_resumes_and_is_kept_as_it_was_trained(base, data, tmp_path, method, loraplus):
    changes = {
        "adapter": {"method": method},
        "optimizer": {"loraplus": loraplus},
        "run": {"keep": "last"},
    }
    adapting(base, data, tmp_path / "mine", schedule={"epochs": 10}, **changes).fit()
    run = adapting(base, data, tmp_path / "mine", **changes)
    assert 0 < run.engine.progress < 1
    run.fit()
    speeds = {group.get("speed", 1.0) for group in run.engine.optimizer.param_groups}
    assert speeds == {1.0, loraplus}
    again = load_adapter(load_model(base), tmp_path / "mine")
    pixels = torch.rand(1, 3, 48, 96, generator=torch.Generator().manual_seed(3))
    with torch.no_grad():
        trained, before = run.engine.average.module.eval()(pixels), load_model(base)(pixels)
        torch.testing.assert_close(again(pixels), trained, rtol=0, atol=2e-3)
        assert (trained - before).abs().max() > 1e-2
    assert ("rank 4 |" if method == "lora" else f"rank 4, {method} |") in write_card(
        run
    ).read_text()


def random_adapter(base, folder, scale):
    adapted = moved(add_adapter(load_model(base), rank=2), scale, ".lora_")
    save_adapter(adapted, folder)
    return adapted


@pytest.fixture
def unsure(monkeypatch):
    """An untrained model is sure of nothing, and what it reads would be taken for no text."""
    monkeypatch.setattr(ctc, "NOTHING", 1.0)
    monkeypatch.setattr(ctc, "MARKS", 0)


@pytest.mark.usefixtures("unsure")
def test_behind_the_frame_an_adapter_keeps_the_text_at_four_turns(base, data, tmp_path):
    random_adapter(base, tmp_path / "mine", 0.3)
    finder = OrientationFinder(base.parent / "finder", threads=1)
    engines = [
        make_engine("isotrope", path=base, adapter=adapter, threads=1)
        for adapter in (None, tmp_path / "mine")
    ]
    plain, adapted = (Reader(engine, finder) for engine in engines)
    for line in lines(data):
        four = list(adapted.stream([line], turns=TURNS))
        assert len({(reading.text, reading.characters) for reading in four}) == 1
        (base_reading,) = plain.read([line])
        assert base_reading.characters != four[0].characters  # so the adapter does act


@pytest.mark.usefixtures("unsure")
def test_without_the_frame_the_adapted_engine_reads_turned_lines_otherwise(base, data, tmp_path):
    random_adapter(base, tmp_path / "mine", 0.3)
    engine = make_engine("isotrope", path=base, adapter=tmp_path / "mine", threads=1)
    line = lines(data)[0]
    said = engine.read([np.ascontiguousarray(np.rot90(line, k)) for k in range(4)])
    assert len({one.characters for one in said}) > 1


def test_off_it_is_the_base_bit_for_bit(base, tmp_path):
    pixels = torch.rand(2, 3, 48, 72, generator=torch.Generator().manual_seed(4))
    with torch.no_grad():
        before = load_model(base)(pixels)
        adapted = random_adapter(base, tmp_path / "mine", 0.3)
        assert not torch.equal(adapted(pixels), before)
        switch_adapter(adapted, None)
        assert torch.equal(adapted(pixels), before)


class Killed(Exception):
    """Stands for the end of the process."""


def test_a_run_that_was_killed_ends_with_the_same_adapter_and_report(base, data, tmp_path):
    def begun(place):
        changes = {"run": {"save_minutes": 0.0, "keep": "last"}}
        return adapting(base, data, tmp_path / place / "mine", **changes)

    whole = begun("whole")
    whole.fit()
    reports = [0]

    def kill(row):
        reports[0] += row["examples"] > 128  # one group of the stream is in the checkpoint
        if reports[0]:
            raise Killed

    with pytest.raises(Killed):
        begun("killed").fit(kill)
    again = begun("killed")
    assert 0 < again.engine.examples < whole.engine.examples
    again.fit()
    first, second = (run.out / "adapter_model.safetensors" for run in (whole, again))
    assert first.read_bytes() == second.read_bytes()
    assert write_report(whole).read_text() == write_report(again).read_text()


def test_characters_that_the_base_lacks_are_learned_and_read(base, drawn_lines, tmp_path):
    data = drawn_lines([f"{n % 10}Ω{n % 7}" for n in range(11)], wider=3)
    run = adapting(base, data, tmp_path / "mine", schedule={"epochs": 1})
    assert (run.new, run.left_out) == ("Ω", 0)
    run.fit()
    engine = make_engine("isotrope", path=base, adapter=tmp_path / "mine", threads=1)
    assert engine.session.charset == "0123456789Ω"
    assert "| new characters | 1: Ω |" in write_card(run).read_text()
    more = {"adapter": {"start": str(tmp_path / "mine")}}
    again = adapting(base, data, tmp_path / "more", **more)
    assert again.new == ""
    assert again.adapted.charset == "0123456789Ω"
    with pytest.raises(ValueError, match="0 lines to train on and 0 held out"):
        adapting(base, data, tmp_path / "other", data={"new_characters": 0})


def test_what_cannot_be_trained_on_is_left_out_and_said(base, data, tmp_path, caplog):
    (data / "3.png").unlink()
    (data / "4.png").write_bytes(b"no image")
    with caplog.at_level(logging.WARNING):
        run = adapting(base, data, tmp_path / "mine")
    assert run.left_out == 3
    for reason in ("1 of 12 lines left out", "outside its charset: Ω", "3.png left out", "4.png"):
        assert reason in caplog.text
    (data / "labels.tsv").write_text("1.png\tΩ\n", encoding="utf-8")
    with pytest.raises(ValueError, match="0 lines to train on and 0 held out; give at least 10"):
        adapting(base, data, tmp_path / "mine")


def test_a_line_needs_a_column_for_each_character():
    assert not shape_unfit(88 / 48, "0" * 10)
    assert "too narrow for its 10 characters" in shape_unfit(80 / 48, "0" * 10)
    assert "cut it into lines" in shape_unfit(34, "0")


def test_a_loosely_cut_line_is_tidied_before_it_counts_as_too_narrow(tmp_path):
    tight = np.full((24, 400, 3), 240, np.uint8)
    tight[2:22, 10:390:8] = 20
    for name, margin in (("tight", 0), ("loose", 20)):
        pixels = np.pad(tight, ((margin, margin), (0, 0), (0, 0)), constant_values=240)
        Image.fromarray(pixels).save(tmp_path / f"{name}.png")
    labels = "".join(f"{name}.png\t{'0' * 50}\n" for name in ("tight", "loose"))
    (tmp_path / "labels.tsv").write_text(labels, encoding="utf-8")
    lines = LabeledLines(tmp_path)
    assert "too narrow" in shape_unfit(lines.ratio(1), "0" * 50)
    assert [line_unfit(lines, number) for number in range(2)] == ["", ""]
    (tmp_path / "labels.tsv").write_text(f"loose.png\t{'0' * 120}\n", encoding="utf-8")
    assert "too narrow for its 120 characters" in line_unfit(LabeledLines(tmp_path), 0)
    drawn = {_upright_line(*lines[1], np.random.default_rng(n)).extent for n in range(9)}
    assert min(drawn) > 8 * 50  # never as it is


def test_strokes_of_about_half_of_the_lines_by_hand_are_moved(monkeypatch):
    moved = []
    monkeypatch.setattr(adaptation, "warped", lambda image, rng: moved.append(1) or image)
    for seed in range(40):
        _upright_line(torch.rand(3, 48, 400), "0", np.random.default_rng(seed), hand=seed < 20)
    assert 4 <= len(moved) <= 16


def test_fewer_lines_are_seen_more_often():
    empty = LineAdaptationRecipe()
    assert [empty.completed(n).schedule.epochs for n in (9, 100, 250, 500, 5000)] == [
        *(40, 40, 16, 8, 8)
    ]
    assert empty.completed(5000).schedule.minutes == 18
    assert empty.completed(5000).optimizer.learning_rate == 2e-3
    asked = recipe(schedule={"epochs": 3}).completed(100)
    assert (asked.schedule.epochs, asked.schedule.minutes) == (3, None)


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"adapter": {"rank": 0}}, "rank\n.*should be greater than 0"),
        ({"data": {"held_out": 1}}, "held_out\n.*should be greater than or equal to 2"),
        ({"optimizer": {"learning_rate": 0.0}}, "learning_rate\n.*should be greater than 0"),
        ({"adapter": {"full": True}}, "full\n.*Extra inputs are not permitted"),
        ({"adapter": {"targets": "heads"}}, "target 'heads' is not known"),
        ({"adapter": {"targets": "decoder"}}, "target 'decoder' names no layer of LineRecognizer"),
        ({"adapter": {"start": "nowhere"}}, "nowhere: no such adapter"),
    ],
)
def test_a_faulty_recipe_says_what_is_wrong(base, data, tmp_path, change, message):
    with pytest.raises(ValueError, match=message):
        adapting(base, data, tmp_path / "mine", **change)


def test_it_starts_from_the_adapter_that_reads_best_if_one_does(base, data, tmp_path, monkeypatch):
    model, adapters = tmp_path / "base", tmp_path / "base" / "adapters"
    shutil.copytree(base, model)
    for name in ("first", "second"):
        random_adapter(base, adapters / name, 0.3)
    rates = iter([0.5, 0.6, 0.4])  # without an adapter, and with each
    monkeypatch.setattr(first_adapter, "cer", lambda read, truth: next(rates))
    run = adapting(model, data, tmp_path / "mine", adapter={"rank": 8, "start": "auto"})
    assert run.recipe.adapter.start is None  # another rank is asked for
    empty = LineAdaptationRecipe.model_validate({"adapter": {"start": "auto"}})
    made = Adaptation(empty, data, tmp_path / "second", model)
    assert (made.recipe.adapter.start, made.recipe.adapter.rank) == ("second", 2)
    rates = iter([0.5, 0.6, 0.48])  # not clearly better
    assert Adaptation(empty, data, tmp_path / "none", model).recipe.adapter.start is None
    none = LineAdaptationRecipe.model_validate({"adapter": {"start": "none"}})
    assert Adaptation(none, data, tmp_path / "no", model).recipe.adapter.start is None
