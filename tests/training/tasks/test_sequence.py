"""The papers' recognizer: it learns, is validated at four turns, and begins where it is told to."""

import csv
import pickle
from dataclasses import replace

import numpy as np
import pytest
import torch
from PIL import Image

from isotrope.models.config import EquivariantViTConfig, Stage
from isotrope.ocr.gsanet.recognizer import Recognizer
from isotrope.ocr.reader import Reader
from isotrope.training.engine import Engine
from isotrope.training.tasks.sequence import SequenceModel


def test_a_run_writes_a_log_and_a_model_that_reads(recipe, tmp_path):
    made = recipe()
    engine = Engine(made.task(), made, tmp_path)
    rows = []
    engine.fit(rows.append)
    assert engine.examples >= 24
    assert all(row["loss"] > 0 for row in rows)
    with (tmp_path / "log.csv").open(newline="") as file:
        (entry,) = csv.DictReader(file)
    turns = {entry[f"rendered_cer_{degrees}"] for degrees in (0, 90, 180, 270)}
    assert len(turns) == 1, "the four turns read the same"
    image = torch.rand(3, 32, 64)
    reader = Reader.from_pretrained(tmp_path / "model", engine="gsanet")
    assert reader.read(image)[0].orientation in (0, 90, 180, 270)
    assert set(engine.task.panels(list(entry))["words read exactly"]) == {
        f"rendered_accuracy_{degrees}" for degrees in (0, 90, 180, 270)
    }


def test_the_loss_falls_on_one_batch(recipe):
    made = recipe()
    task = made.task()
    batch = task.finish(task.collate([task.draw(rng) for rng in map(_rng, range(6))]))
    optimizer = torch.optim.AdamW(task.model.parameters(), 3e-3)
    losses = []
    for _ in range(30):
        found = task.loss(task.model, batch)
        optimizer.zero_grad()
        found["loss"].backward()
        optimizer.step()
        losses.append(found["text"].item())
    assert losses[-1] < 0.8 * losses[0]


def test_places_are_not_learned_without_the_head_for_them():
    stages = [Stage("gsa", 1, 16, 2, encoding="rotary")]
    vit = EquivariantViTConfig("C4", patch=(8, 8, 0), stages=stages)
    plain = Recognizer.from_config(vit, dim=16, layers=1, heads=2, columns=False)
    assert SequenceModel(plain, places=False).base is plain
    with pytest.raises(ValueError, match=r"no head .*columns=True, or pass places=False"):
        SequenceModel(plain)


def test_every_weight_has_a_gradient_whatever_a_batch_holds(recipe):
    """Ranks would otherwise wait for one another's gradients for ever."""
    task = recipe().task()
    rendered = [task.draw(_rng(n)) for n in range(3)]
    unknown = [_unplaced(sample) for sample in rendered]
    for samples in (rendered, unknown):
        task.model.zero_grad(set_to_none=True)
        task.loss(task.model, task.finish(task.collate(samples)))["loss"].backward()
        assert all(p.grad is not None for n, p in task.model.named_parameters())


def test_batches_have_one_size_and_know_their_places(recipe):
    task = recipe().task()
    for batch in map(task.finish, task.stream(0, 0, 1).group(0).batches):
        rows, columns = batch["pixels"].shape[2:]
        assert min(rows, columns) == 32
        assert rows % 8 == columns % 8 == 0
        assert batch["known"].all()
        characters = (batch["labels"] >= 3).sum(dim=1)
        assert torch.equal((batch["centers"] > 0).any(-1).sum(dim=1), characters)
        assert batch["pixels"].float().std() > 10, "it is painted"


def test_a_spawned_worker_gets_the_whole_stream(recipe):
    stream = recipe().task().stream(0, 0, 1)
    (expected, *_), (found, *_) = (
        one.group(0).batches for one in (stream, pickle.loads(pickle.dumps(stream)))
    )
    assert torch.equal(found["labels"], expected["labels"])


def test_turned_batches_lie_at_all_four_turns(recipe):
    task = recipe().task()
    task.turned, seen = True, set()
    for number in range(12):
        collated = task.collate([_unplaced(task.draw(_rng(number)))])
        turned = task.finish(dict(collated))["pixels"]
        straight = task.finish(collated | {"quarters": 0})["pixels"]
        seen |= {k for k in range(4) if torch.equal(torch.rot90(straight, k, (2, 3)), turned)}
    assert seen == {0, 1, 2, 3}


def test_a_run_begins_with_weights_that_are_given(recipe, tmp_path):
    first = recipe(run={"seed": 1}).task()
    first.save(first.model, tmp_path / "model")
    start = {"start": str(tmp_path / "model")}
    second = recipe(model=start | {"max_ratio": 40.0}).task()
    assert second.model.base.config.max_ratio == 40.0
    weights = zip(first.model.base.parameters(), second.model.base.parameters(), strict=True)
    assert all(torch.equal(a, b) for a, b in weights)
    with pytest.raises(ValueError, match="is of another shape than encoder and decoder"):
        recipe(model=start | {"decoder": {"dim": 32, "layers": 1, "heads": 1}}).task()


def test_real_lines_are_mixed_in_without_places_and_bad_ones_left_out(recipe, tmp_path, caplog):
    for number in range(20):
        Image.new("L", (64, 32), 12 * number).save(tmp_path / f"{number}.png")
    (tmp_path / "5.png").write_text("no image")
    labels = "".join(f"{i}.png\t{'漢字' if i == 3 else 'word'}\n" for i in range(20))
    (tmp_path / "labels.tsv").write_text(labels)
    task = recipe(data={"real": str(tmp_path), "real_share": 1.0}).task()
    (lines,) = task.mix.real
    assert len(lines.lines) == 16
    assert len(task.held_out[str(tmp_path)]) == 2
    assert "1 of 20 lines left out" in caplog.text
    assert "5.png left out" in caplog.text
    batch = task.collate([task.draw(_rng(n)) for n in range(4)])
    assert not batch["known"].any()


def test_every_real_set_is_drawn_alike_however_many_lines_it_has(recipe, tmp_path):
    for name, count in (("few", 12), ("many", 40)):
        (tmp_path / name).mkdir()
        Image.new("RGB", (90, 30), "white").save(tmp_path / name / "a.png")
        (tmp_path / name / "labels.tsv").write_text(f"a.png\t{name}\n" * count)
    sets = [str(tmp_path / name) for name in ("few", "few", "many")]  # named twice, twice as often
    task = recipe(data={"real": sets, "real_share": 1.0}).task()
    drawn = [task.draw(_rng(n)).text for n in range(150)]
    assert 0.5 < drawn.count("few") / len(drawn) < 0.8


def test_lines_are_recut_where_the_model_at_the_start_sees_spaces(recipe, tmp_path):
    for number in range(20):
        Image.new("L", (64, 32), 12 * number).save(tmp_path / f"{number}.png")
    (tmp_path / "labels.tsv").write_text("".join(f"{n}.png\ttwo words\n" for n in range(20)))
    first = recipe().task()
    first.save(first.model, tmp_path / "model")
    real = {"real": [str(tmp_path)] * 2, "real_share": 0.5, "recut": 0.5}
    task = recipe(model={"start": str(tmp_path / "model")}, data=real).task()
    once, again = task.mix.real
    assert once is again, "a set is cut once, however often it is named"
    assert len(once.gaps) == 18


def test_too_few_real_lines_are_told_before_any_training(recipe, tmp_path):
    (tmp_path / "labels.tsv").write_text("a.png\tmissing\n")
    with pytest.raises(ValueError, match="0 lines to train on and 0 held out; give at least 10"):
        recipe(data={"real": str(tmp_path)}).task()


def _rng(seed):
    return np.random.default_rng(seed)


def _unplaced(sample):
    """The same as a real image, whose places are not known."""
    rows, columns = sample.size
    return replace(sample, pixels=torch.rand(3, rows, columns))
