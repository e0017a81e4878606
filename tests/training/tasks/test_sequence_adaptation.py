"""Adapting the papers' model: it learns, keeps the best, stops early, and says what it made."""

import csv
import pickle

import pytest
import torch
from PIL import Image

pytest.importorskip("lightning", reason="training runs on Lightning Fabric")

from isotrope.models.config import EquivariantViTConfig, Stage
from isotrope.ocr.engines.gsanet import GSANet
from isotrope.ocr.gsanet.recognizer import Recognizer
from isotrope.ocr.reader import Reader
from isotrope.training.adaptation import Adaptation
from isotrope.training.card import write_card
from isotrope.training.tasks.sequence_adaptation_recipe import SequenceAdaptationRecipe

RECIPE = {
    "adapter": {"rank": 2},
    "data": {"batch_pixels": 4 * 32 * 64},
    "schedule": {"epochs": 2},
    "run": {"precision": "32-true", "workers": 0},
}


@pytest.fixture
def base(tmp_path):
    """Without columns: what an untrained head says would be what is read."""
    return saved_base(tmp_path / "base", columns=False)


def saved_base(folder, columns):
    torch.manual_seed(0)
    stages = [Stage("conv", 1, 8, kernel_size=3), Stage("gsa", 1, 16, 2, "rotary", stride=2)]
    vit = EquivariantViTConfig("C4", patch=(4, 4, 0), stages=stages)
    sizes = {"dim": 16, "layers": 1, "heads": 2, "max_characters": 8}
    Recognizer.from_config(vit, columns=columns, **sizes).save_pretrained(folder)
    return folder


@pytest.fixture
def data(drawn_lines):
    """Twelve lines of different widths, two of which the model cannot write."""
    numbers = ("one", "two", "three", "four", "five", "six", "seven", "eight", "nine", "ten")
    texts = [*numbers, "far too long", "Ω"]
    return drawn_lines(texts, wider=6)


def recipe(**changes):
    names = RECIPE | changes
    groups = {name: RECIPE.get(name, {}) | changes.get(name, {}) for name in names}
    return SequenceAdaptationRecipe.model_validate(groups)


def adapting(base, lines, out, /, **changes):
    return Adaptation(recipe(**changes), lines, out, base)


def reader_of(path, adapter=None):
    return Reader.from_pretrained(path, adapter, engine="gsanet", runtime="torch")


def learned(run):
    return {name: p.clone() for name, p in run.adapted.named_parameters() if p.requires_grad}


def test_a_run_writes_an_adapter_that_reads_a_log_and_a_card(base, data, tmp_path):
    changes = {"schedule": {"epochs": 6}, "optimizer": {"learning_rate": 2e-2}}
    run = adapting(base, data, tmp_path / "mine", **changes)
    run.fit()
    with (tmp_path / "mine" / "log.csv").open(newline="") as file:
        log = list(csv.DictReader(file))
    assert [float(row["epochs"]) for row in log] == [0, 1, 2, 3, 4, 5, 6]
    assert float(log[-1]["train_text"]) < float(log[1]["train_text"])
    card = write_card(run).read_text()
    assert "lines: 9 lines to train on, 1 held out, 2 left out" in card
    assert f"isotrope read --engine gsanet --weights {base} --adapter mine IMAGES" in card
    assert "acts on | all; rank 2" in card
    assert "| after, at 270 degrees |" in card
    reading = reader_of(base, tmp_path / "mine").read(data / "1.png")[0]
    engine = GSANet(run.kept.get_base_model(), beams=4)
    assert reading.text == Reader(engine).read(data / "1.png")[0].text


def test_a_run_that_ended_trains_no_more_wherever_its_best_was(base, data, tmp_path):
    still = {"optimizer": {"learning_rate": 1e-9}, "schedule": {"epochs": 9}}
    stop = {"run": {"patience": 2}}
    run = adapting(base, data, tmp_path / "mine", **still, **stop)
    worse = iter([-0.5, -0.6, -0.7])
    run.engine.task.validate = lambda model: {"cer": 0.0, "wer": 0.0, "score": next(worse)}
    run.fit()
    assert [row["epochs"] for row in run.engine.rows] == [0, 1, 2]
    assert run.best["epochs"] == 0
    again = adapting(base, data, tmp_path / "mine", **still, **stop)
    again.fit()
    assert again.engine.rows == run.engine.rows


def test_it_goes_on_from_an_adapter_and_tries_the_mean_of_both(base, data, tmp_path):
    start = {"adapter": {"rank": 3, "targets": "decoder"}, "optimizer": {"learning_rate": 2e-2}}
    first = adapting(base, data, tmp_path / "first", **start)
    first.fit()
    more = {"adapter": {"start": str(tmp_path / "first")}, "schedule": {"epochs": 1}}
    second = adapting(base, data, tmp_path / "second", **more)
    begun = learned(second)
    for name, value in begun.items():
        assert value.shape == learned(first)[name].shape
    second.fit()
    assert [row.get("mean") for row in second.engine.rows] == [None, None, 1]
    assert second.before["cer"] == pytest.approx(first.best["cer"], abs=1e-5)
    last, mean = learned(second), dict(second.engine.average.module.named_parameters())
    for name, value in begun.items():
        torch.testing.assert_close(mean[f"recognizer.{name}"], (value + last[name]) / 2)
    card = write_card(second).read_text()
    assert "acts on | decoder; rank 3" in card
    assert f"from the adapter {tmp_path / 'first'} on" in card
    again = adapting(base, data, tmp_path / "second", **more)
    again.fit()
    assert len(again.engine.rows) == 3


def test_a_spawned_worker_gets_the_whole_stream(base, data, tmp_path):
    stream = adapting(base, data, tmp_path / "mine").engine.task.stream(0, 0, 1)
    (expected, *_), (found, *_) = (
        one.group(0).batches for one in (stream, pickle.loads(pickle.dumps(stream)))
    )
    assert torch.equal(found["pixels"], expected["pixels"])


def test_columns_are_learned_too_but_of_turned_lines(data, tmp_path):
    base, losses = saved_base(tmp_path / "base", columns=True), {}
    for name, turned in (("upright", False), ("turned", True)):
        run = adapting(base, data, tmp_path / name, data={"turned": turned})
        task = run.engine.task
        batch = task.finish(task.stream(0, 0, 1).group(0).batches[0])
        losses[name] = task.loss(task.model.eval(), batch)
    assert set(losses["upright"]) == {"loss", "text", "ctc"}
    assert set(losses["turned"]) == {"loss", "text"}


def test_all_weights_may_be_trained_instead(base, data, tmp_path):
    full = {"adapter": {"full": True}, "schedule": {"epochs": 1}}
    run = adapting(base, data, tmp_path / "full", **full)
    run.fit()
    assert not (tmp_path / "full" / "adapter_config.json").exists()
    reading = reader_of(tmp_path / "full" / "model").read(data / "1.png")[0]
    assert reading.orientation in (0, 90, 180, 270)


def test_the_fewer_the_lines_the_more_often_each_is_seen():
    empty = SequenceAdaptationRecipe()
    epochs = [empty.completed(n).schedule.epochs for n in (9, 200, 450, 800, 5000)]
    assert epochs == [40, 40, 18, 10, 5]
    assert recipe(schedule={"epochs": 3}).completed(9).schedule.epochs == 3
    assert empty.completed(800).schedule.warmup == pytest.approx(0.01)
    assert empty.completed(800).schedule.minutes is None
    assert recipe(schedule={"minutes": 2}).completed(9).schedule.minutes == 2


def test_few_lines_are_drawn_by_the_seed(base, data, tmp_path):
    texts = [
        adapting(base, data, tmp_path / f"{n}", data={"lines": 4}, run={"seed": seed}).train.items
        for n, seed in enumerate((0, 0, 1))
    ]
    assert len(texts[0]) == 4
    assert texts[0] == texts[1] != texts[2]


def test_what_cannot_be_learned_is_named_and_the_rest_is_trained_on(base, data, caplog):
    (data / "3.png").write_bytes(b"no image")
    (data / "4.png").unlink()
    Image.new("L", (900, 20), 200).save(data / "5.png")
    run = adapting(base, data, data.parent / "mine", schedule={"epochs": 1})
    assert len(run.train) + len(run.valid) == run.left_out + 2 == 7
    for said in (
        "2 of 12 lines left out: empty, longer than the model writes, or with characters outside "
        "its charset: Ω",
        "3.png left out",
        "4.png left out",
        "5.png left out: it is 45 times longer than high",
    ):
        assert said in caplog.text
    run.fit()


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"losses": {"noise": 1.0}}, "noise\n.*should be less than 1"),
        ({"losses": {"ctc": -1.0}}, "ctc\n.*should be greater than or equal to 0"),
        ({"adapter": {"start": "nowhere"}}, "nowhere: no such adapter"),
        ({"adapter": {"start": "nowhere", "full": True}}, "full=true trains none"),
    ],
)
def test_a_faulty_recipe_says_what_is_wrong(base, data, tmp_path, change, message):
    with pytest.raises(ValueError, match=message):
        adapting(base, data, tmp_path / "mine", **change)
