"""The loop: it learns, logs, validates at four turns, and goes on after a kill."""

import csv

import pytest
import torch
from PIL import Image

from isotrope.ocr.reader import Reader

pytest.importorskip("lightning", reason="training runs on Lightning Fabric")

from isotrope.training.recognition import RecognitionTrainer, log_row


@pytest.fixture(autouse=True)
def keep_threads():
    threads = torch.get_num_threads()
    yield
    torch.set_num_threads(threads)


def test_a_run_writes_a_log_a_checkpoint_and_a_model_that_reads(recipe, tmp_path):
    trainer = RecognitionTrainer(recipe(), tmp_path)
    rows = []
    trainer.fit(rows.append)
    assert trainer.samples >= 24
    assert all(row["loss"] > 0 for row in rows)
    with (tmp_path / "log.csv").open(newline="") as file:
        (entry,) = csv.DictReader(file)
    turns = {entry[f"rendered_cer_{degrees}"] for degrees in (0, 90, 180, 270)}
    assert len(turns) == 1, "the four turns read the same"
    assert (tmp_path / "curve.png").stat().st_size > 1000
    image = torch.rand(3, 32, 64)
    reader = Reader.from_pretrained(tmp_path / "model", engine="gsanet")
    assert reader.read(image)[0].orientation in (0, 90, 180, 270)


def test_a_killed_run_goes_on_from_its_checkpoint(recipe, tmp_path):
    first = RecognitionTrainer(recipe(samples=100), tmp_path)
    batches = iter(first.stream())
    first.step(next(batches))
    first.save()
    second = RecognitionTrainer(recipe(samples=100), tmp_path)
    assert (second.samples, second.next_index) == (first.samples, first.next_index)
    batch = next(batches)
    assert first.step(batch) == second.step(batch)
    for a, b in zip(first.model.parameters(), second.model.parameters(), strict=True):
        assert torch.equal(a, b)
    for a, b in zip(first.average.parameters(), second.average.parameters(), strict=True):
        assert torch.equal(a, b)


def test_a_run_begins_with_weights_that_are_given(recipe, tmp_path):
    first = RecognitionTrainer(recipe(seed=1), tmp_path / "first")
    first.save()
    start = str(tmp_path / "first" / "model")
    second = RecognitionTrainer(recipe(start=start, max_ratio=40.0), tmp_path / "second")
    assert second.recognizer.config.max_ratio == 40.0
    for a, b in zip(first.average.module.parameters(), second.recognizer.parameters(), strict=True):
        assert torch.equal(a, b)
    other = {"dim": 32, "layers": 1, "heads": 1}
    with pytest.raises(ValueError, match="is of another shape than encoder and decoder"):
        RecognitionTrainer(recipe(start=start, decoder=other), tmp_path / "third")


def test_a_checkpoint_of_another_recipe_is_refused(recipe, tmp_path):
    RecognitionTrainer(recipe(), tmp_path).save()
    other = {"dim": 32, "layers": 1, "heads": 1}
    with pytest.raises(ValueError, match=r"checkpoint\.pt is broken or of another recipe"):
        RecognitionTrainer(recipe(decoder=other), tmp_path)
    with pytest.raises(ValueError, match=r"another recipe \(lines, seed differs\)"):
        RecognitionTrainer(recipe(seed=1, lines=0.5), tmp_path)
    RecognitionTrainer(recipe(samples=48, cooldown=0.5, validate_every=8), tmp_path)


def test_lines_are_recut_where_the_model_at_the_start_sees_spaces(recipe, tmp_path):
    for i in range(20):
        Image.new("L", (64, 32), 12 * i).save(tmp_path / f"{i}.png")
    (tmp_path / "labels.tsv").write_text("".join(f"{i}.png\ttwo words\n" for i in range(20)))
    RecognitionTrainer(recipe(), tmp_path / "first").save()
    start = str(tmp_path / "first" / "model")
    real = {"real": [str(tmp_path)] * 2, "real_share": 0.5, "recut": 0.5}
    with pytest.raises(ValueError, match=r"recut=0\.5 needs a model that sees the spaces"):
        recipe(**real)
    trainer = RecognitionTrainer(recipe(start=start, **real), tmp_path / "second")
    first, second = trainer.stream().real
    assert first is second, "a set is cut once, however often it is named"
    assert len(first.gaps) == 18


def test_real_lines_that_the_model_cannot_take_are_left_out(recipe, tmp_path, caplog):
    for i in range(20):
        Image.new("L", (64, 32), 12 * i).save(tmp_path / f"{i}.png")
    (tmp_path / "5.png").write_text("no image")
    labels = "".join(f"{i}.png\t{'漢字' if i == 3 else 'word'}\n" for i in range(20))
    (tmp_path / "labels.tsv").write_text(labels)
    trainer = RecognitionTrainer(recipe(real=str(tmp_path), real_share=0.5), tmp_path / "run")
    train, held_out = trainer.real[str(tmp_path)]
    assert (len(train), len(held_out)) == (16, 2)
    assert "1 of 20 lines left out" in caplog.text
    assert "5.png left out" in caplog.text


def test_too_few_real_lines_are_told_before_any_training(recipe, tmp_path):
    (tmp_path / "labels.tsv").write_text("a.png\tmissing\n")
    with pytest.raises(ValueError, match="0 lines to train on and 0 held out; give at least 10"):
        RecognitionTrainer(recipe(real=str(tmp_path)), tmp_path / "run")


def test_a_finished_run_adds_nothing(recipe, tmp_path):
    RecognitionTrainer(recipe(), tmp_path).fit()
    log = (tmp_path / "log.csv").read_text()
    RecognitionTrainer(recipe(), tmp_path).fit()
    assert (tmp_path / "log.csv").read_text() == log


def test_what_a_kill_left_behind_is_made_good(recipe, tmp_path, monkeypatch):
    """Killed after the validation and before the checkpoint, the resumed run validates again."""
    monkeypatch.setattr(RecognitionTrainer, "save", lambda _: None)
    RecognitionTrainer(recipe(), tmp_path).fit()
    monkeypatch.undo()
    trainer = RecognitionTrainer(recipe(), tmp_path)
    trainer.fit()
    with (tmp_path / "log.csv").open(newline="") as file:
        (row,) = csv.DictReader(file)
    assert int(row["samples"]) == trainer.samples


def test_the_loss_falls_on_one_batch(recipe, tmp_path):
    trainer = RecognitionTrainer(recipe(samples=10_000, learning_rate=3e-3), tmp_path)
    batch = next(iter(trainer.stream()))
    losses = [trainer.step(batch)["text"] for _ in range(30)]
    assert losses[-1] < 0.8 * losses[0]


def test_a_log_takes_new_columns(tmp_path):
    path = tmp_path / "log.csv"
    log_row(path, {"samples": 1})
    log_row(path, {"samples": 3, "cer": 0.7})
    log_row(path, {"samples": 2, "cer": 0.5})  # the run was resumed at fewer samples
    with path.open(newline="") as file:
        rows = list(csv.DictReader(file))
    assert rows == [{"samples": "1", "cer": ""}, {"samples": "2", "cer": "0.5"}]
