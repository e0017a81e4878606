"""Adapting: it learns, keeps the best, stops early, goes on after a kill, and says what it made."""

import csv

import pytest
import torch
from PIL import Image, ImageDraw

pytest.importorskip("lightning", reason="training runs on Lightning Fabric")

from isotrope.data.lines import LabelledLines
from isotrope.models.config import EquivariantViTConfig, Stage
from isotrope.ocr.engines.gsanet import GSANet
from isotrope.ocr.gsanet.recognizer import Recognizer
from isotrope.ocr.reader import Reader
from isotrope.training.adaptation import AdaptationTrainer
from isotrope.training.adaptation_config import AdaptationConfig
from isotrope.training.card import write_card
from isotrope.training.line_batches import LineBatches, writable

RECIPE = {"rank": 2, "epochs": 2, "batch_pixels": 4 * 32 * 64, "precision": "32-true"}


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
def data(tmp_path):
    """Twelve lines of different widths, two of which the model cannot write."""
    folder = tmp_path / "lines"
    folder.mkdir()
    numbers = ("one", "two", "three", "four", "five", "six", "seven", "eight", "nine", "ten")
    texts = [*numbers, "far too long", "Ω"]
    for number, text in enumerate(texts):
        image = Image.new("L", (50 + 6 * number, 30), 230)
        ImageDraw.Draw(image).text((4, 8), text.replace("Ω", "O"), fill=20)
        image.save(folder / f"{number}.png")
    rows = "".join(f"{number}.png\t{text}\n" for number, text in enumerate(texts))
    (folder / "labels.tsv").write_text(rows, encoding="utf-8")
    return folder


def trainer(base, data, out, **changes):
    return AdaptationTrainer(AdaptationConfig(**(RECIPE | changes)), data, out, base)


def reader_of(path, adapter=None):
    return Reader.from_pretrained(path, adapter, engine="gsanet", runtime="torch")


def learned(run):
    return {name: p.clone() for name, p in run.adapted.named_parameters() if p.requires_grad}


def test_a_run_writes_an_adapter_that_reads_a_log_and_a_card(base, data, tmp_path):
    run = trainer(base, data, tmp_path / "mine", epochs=4, learning_rate=2e-2)
    rows = []
    run.fit(rows.append)
    assert rows[-1]["samples"] == 4 * len(run.train)
    with (tmp_path / "mine" / "log.csv").open(newline="") as file:
        log = list(csv.DictReader(file))
    assert [row["epoch"] for row in log] == ["0", "1", "2", "3", "4"]
    assert float(log[4]["loss"]) < float(log[1]["loss"])
    card = write_card(run).read_text()
    assert "lines: 9 lines to train on, 1 held out, 2 left out" in card
    assert f"isotrope read --engine gsanet --weights {base} --adapter mine IMAGES" in card
    assert "acts on | all; rank 2" in card
    reading = reader_of(base, tmp_path / "mine").read(data / "1.png")[0]
    engine = GSANet(run.recognizer.eval(), beams=4)
    assert reading.text == Reader(engine).read(data / "1.png")[0].text


def test_a_killed_run_goes_on_and_ends_as_one_that_was_not(base, data, tmp_path, monkeypatch):
    # The best may be of before the kill, so what the last epoch learned is compared.
    monkeypatch.setattr(AdaptationTrainer, "_restore", lambda run: None)
    whole = trainer(base, data, tmp_path / "whole")
    whole.fit()
    first = trainer(base, data, tmp_path / "killed")

    def kill(row):
        if row["samples"] > len(first.train):
            raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        first.fit(kill)
    second = trainer(base, data, tmp_path / "killed")
    assert second.epoch == 1
    second.fit()
    for name, value in learned(whole).items():
        assert torch.equal(value, learned(second)[name]), name
    assert [row["cer"] for row in whole.rows] == [row["cer"] for row in second.rows]


def test_a_checkpoint_of_other_lines_or_another_base_is_refused(base, data, tmp_path):
    trainer(base, data, tmp_path / "mine", epochs=1).fit()
    with pytest.raises(ValueError, match=r"of another recipe, base or data \(rank differs\)"):
        trainer(base, data, tmp_path / "mine", epochs=1, rank=3)
    with pytest.raises(ValueError, match=r"\(lines, lines differs\)|\(lines differs\)"):
        trainer(base, data, tmp_path / "mine", epochs=1, lines=5)
    (tmp_path / "mine" / "checkpoint.pt").write_bytes(b"none")
    with pytest.raises(ValueError, match="is broken"):
        trainer(base, data, tmp_path / "mine", epochs=1)


def test_it_stops_where_nothing_is_gained_and_ends_with_the_best(base, data, tmp_path):
    run = trainer(base, data, tmp_path / "mine", epochs=9, patience=2, learning_rate=1e-9)
    before = learned(run)
    run.fit()
    assert run.epoch == 2
    assert run.best["epoch"] == 0
    for name, value in learned(run).items():
        assert torch.equal(value, before[name])


def test_validations_may_be_epochs_apart_and_one_ends_the_run(base, data, tmp_path):
    run = trainer(base, data, tmp_path / "mine", epochs=5, validate_every=2)
    run.fit()
    assert [row["epoch"] for row in run.rows] == [0, 2, 4, 5]
    still = {"epochs": 9, "validate_every": 3, "patience": 2, "learning_rate": 1e-9}
    run = trainer(base, data, tmp_path / "still", **still)
    run.fit()
    assert [row["epoch"] for row in run.rows] == [0, 3, 6]


def test_it_goes_on_from_an_adapter(base, data, tmp_path):
    longer = {"epochs": 8, "validate_every": 8, "learning_rate": 2e-2}
    first = trainer(base, data, tmp_path / "first", rank=3, targets="decoder", **longer)
    first.fit()
    second = trainer(base, data, tmp_path / "second", start=str(tmp_path / "first"))
    for name, value in learned(second).items():
        assert torch.equal(value, learned(first)[name])
    second.fit()
    assert [row["epoch"] for row in second.rows] == [0, 1, 2, 2]
    assert [row.get("halved") for row in second.rows] == [None, None, None, 1]
    assert second.rows[0]["cer"] == pytest.approx(first.best["cer"], abs=1e-5)
    assert second.rows[1]["loss"] < first.rows[1]["loss"]  # of epochs 1 and 8
    assert second.before.cer == pytest.approx(first.before.cer, abs=1e-5)
    card = write_card(second).read_text()
    assert "acts on | decoder; rank 3" in card
    assert f"from the adapter {tmp_path / 'first'} on" in card
    again = trainer(base, data, tmp_path / "second", start=str(tmp_path / "first"))
    again.fit()
    assert len(again.rows) == 4


def test_columns_are_learned_too_but_of_turned_lines(data, tmp_path):
    base, losses = saved_base(tmp_path / "base", columns=True), {}
    for name, changes in (
        ("text", {"ctc_weight": 0.0}),
        ("columns", {"ctc_weight": 1.0}),
        ("turned", {"ctc_weight": 1.0, "turned": True}),
    ):
        run = trainer(base, data, tmp_path / name, noise=0.0, **changes)
        pixels, texts = torch.zeros(1, 3, 32, 64), ["one"]
        losses[name] = run.model.eval()(pixels, run.recognizer.encode_text(texts)).item()
    assert losses["columns"] > losses["text"] == losses["turned"]


def test_at_the_end_the_mean_with_the_start_is_tried(base, data, tmp_path, monkeypatch):
    monkeypatch.setattr(AdaptationTrainer, "_restore", lambda run: None)
    first = trainer(base, data, tmp_path / "first", epochs=1, learning_rate=2e-2)
    first.fit()
    begun = learned(trainer(base, data, tmp_path / "x", start=str(tmp_path / "first")))
    run = trainer(base, data, tmp_path / "second", start=str(tmp_path / "first"), epochs=1)
    last = {}
    halve = run._halve
    monkeypatch.setattr(run, "_halve", lambda: (last.update(learned(run)), halve()))
    run.fit()
    for name, value in learned(run).items():
        torch.testing.assert_close(value, (begun[name] + last[name]) / 2)


def test_all_weights_may_be_trained_instead(base, data, tmp_path):
    run = trainer(base, data, tmp_path / "full", full=True, epochs=1)
    run.fit()
    assert not (tmp_path / "full" / "adapter_config.json").exists()
    reading = reader_of(tmp_path / "full" / "model").read(data / "1.png")[0]
    assert reading.orientation in (0, 90, 180, 270)


def test_the_fewer_the_lines_the_more_often_each_is_seen(base, data, tmp_path):
    recipe = AdaptationConfig()
    assert [recipe.epochs_for(n) for n in (9, 200, 450, 800, 5000)] == [40, 40, 18, 10, 5]
    assert AdaptationConfig(epochs=3).epochs_for(9) == 3
    assert trainer(base, data, tmp_path / "mine", epochs=None).config.epochs == 40


def test_few_lines_are_drawn_by_the_seed(base, data, tmp_path):
    texts = [
        trainer(base, data, tmp_path / f"{n}", lines=4, seed=seed).train.items
        for n, seed in enumerate((0, 0, 1))
    ]
    assert len(texts[0]) == 4
    assert texts[0] == texts[1] != texts[2]


def test_too_few_lines_are_refused(base, data, tmp_path):
    (data / "labels.tsv").write_text("1.png\tΩ\n")
    with pytest.raises(ValueError, match="0 lines to train on and 0 held out; give at least 10"):
        trainer(base, data, tmp_path / "mine")


def test_what_cannot_be_written_is_named(base, data, caplog):
    lines = trainer(base, data, data.parent / "mine")
    assert len(lines.train) + len(lines.valid) == 10
    assert (
        "2 of 12 lines left out: empty, over 8 characters, or with some outside the charset: Ω"
        in (caplog.text)
    )


def test_a_bad_image_is_named_and_the_others_are_trained_on(base, data, caplog):
    (data / "3.png").write_bytes(b"no image")
    (data / "4.png").unlink()
    Image.new("L", (900, 20), 200).save(data / "5.png")
    run = trainer(base, data, data.parent / "mine", epochs=1)
    assert len(run.train) + len(run.valid) == 7
    for name in ("3.png left out", "4.png left out", "5.png left out: 900x20 px is 45 times"):
        assert name in caplog.text
    run.fit()


def test_every_line_is_in_one_batch_of_an_epoch_beside_others_of_its_width(base, data):
    lines = writable(LabelledLines(data), Recognizer.from_pretrained(base))
    batches = LineBatches(lines, (32, 8, 32.0), 4 * 32 * 64)
    first, again, second = (batches.batches(epoch) for epoch in (0, 0, 1))
    assert first == again != second
    assert sorted(number for batch in first for number in batch) == list(range(10))
    pixels, texts = batches(first[0], 0)
    assert pixels.shape[:3] == (len(texts), 3, 32)
    assert torch.equal(pixels, batches(first[0], 0)[0])
    assert not torch.equal(pixels[0], batches(first[0], 1)[0][0])


def test_high_lines_are_not_stretched_with_wide_ones(tmp_path):
    for number, size in enumerate(((30, 90), (90, 30), (80, 30), (20, 60), (200, 20))):
        Image.new("L", size, 200).save(tmp_path / f"{number}.png")
    (tmp_path / "labels.tsv").write_text("".join(f"{n}.png\tx\n" for n in range(5)))
    batches = LineBatches(LabelledLines(tmp_path), (32, 8, 32.0), 10**6)
    shapes = {tuple(sorted(n)): batches(n, 0)[0].shape[2:] for n in batches.batches(0)}
    assert shapes == {(0, 3): (96, 32), (1, 2, 4): (32, 96)}


def test_turned_batches_lie_at_all_four_turns(base, data):
    lines = writable(LabelledLines(data), Recognizer.from_pretrained(base))
    upright, turned = (LineBatches(lines, (32, 8, 32.0), 4096, turned=t) for t in (False, True))
    seen = set()
    for epoch in range(20):
        numbers = upright.batches(epoch)[0]
        straight, found = upright(numbers, epoch)[0], turned(numbers, epoch)[0]
        seen |= {k for k in range(4) if torch.equal(torch.rot90(straight, k, (2, 3)), found)}
    assert seen == {0, 1, 2, 3}


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"rank": 0}, "rank=0 must be 1 or more"),
        ({"held_out": 1}, "held_out=1 must be 2 or more"),
        ({"noise": 1.0}, "noise=1.0 must be 0 or more and below 1"),
        ({"ctc_weight": -1.0}, r"ctc_weight=-1.0 must be 0 or more$"),
        ({"learning_rate": 0.0}, "learning_rate=0.0 must be above 0"),
        ({"targets": "heads"}, "target 'heads' is not known"),
        ({"start": "nowhere"}, "nowhere: no such adapter"),
        ({"start": "nowhere", "full": True}, "full=True trains none"),
    ],
)
def test_a_faulty_recipe_says_what_is_wrong(base, data, tmp_path, change, message):
    with pytest.raises(ValueError, match=message):
        trainer(base, data, tmp_path / "mine", **change)
