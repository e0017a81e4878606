"""The classification loop: it learns, keeps the best, and a killed run loses nothing."""

import csv
import math
import shutil

import numpy as np
import pytest
import torch
import torch.nn.functional as F

pytest.importorskip("lightning", reason="training runs on Lightning Fabric")

from isotrope.data.classification import load_classification
from isotrope.training import evaluation
from isotrope.training.augmentation import SCALE, SHEAR, SHIFT, augmented, turned
from isotrope.training.classification import ClassificationTrainer
from isotrope.training.classification_config import ClassificationConfig
from isotrope.training.evaluation import Preprocessing, evaluate, load_classifier, logits_of

TINY = {
    "model": {
        "group": "C4",
        "patch": (4, 4, 0),
        "stages": [{"mixer": "gcsa", "depth": 1, "dim": 8, "heads": 1}],
    },
    "epochs": 3,
    "batch_size": 16,
    "learning_rate": 5e-3,
    "warmup": 1,
    "ema": 0.9,
    "precision": "32-true",
}


@pytest.fixture
def data(tmp_path):
    """Two classes, thin stripes and a broad blob, at any quarter turn, in noise; digits 0 and 1."""
    rng = np.random.default_rng(0)
    for split, count in (("train", 40), ("valid", 20), ("test", 20)):
        labels = np.arange(count) % 2
        images = rng.integers(0, 60, (count, 8, 8))
        images[labels == 0, 1::2] += 150
        images[labels == 1, 2:6, 2:6] += 150
        turns = rng.integers(0, 4, count)
        images = np.stack([np.rot90(i, k) for i, k in zip(images, turns, strict=True)])
        np.savez(tmp_path / f"{split}.npz", images=images.astype(np.uint8), labels=labels)
    return tmp_path


def trainer(data, out="run", **changes):
    return ClassificationTrainer(ClassificationConfig(**(TINY | changes)), data, data / out)


def test_a_recipe_says_how_far_images_are_shifted(data):
    near, far = (trainer(data, out, augment="affine", shift=s) for out, s in (("a", 0), ("b", 0.2)))
    assert not torch.equal(near.batch(0)[0], far.batch(0)[0])
    with pytest.raises(ValueError, match=r"shift=-0\.1 must be 0 or more"):
        ClassificationConfig(shift=-0.1)


def test_a_recipe_says_how_far_images_are_warped():
    images = torch.rand(4, 1, 12, 12)

    def drawn(kind, warp):
        return augmented(images, kind, torch.Generator().manual_seed(0), 0.0, warp)

    strong, weak, turned_only = (drawn("elastic", warp) for warp in (1.0, 0.1, 0.0))
    assert torch.equal(turned_only, drawn("affine", 0.0)), "neither has anything but the turn"
    assert (weak - turned_only).norm() < (strong - turned_only).norm() / 3
    with pytest.raises(ValueError, match=r"warp=-1\.0 must be 0 or more"):
        ClassificationConfig(warp=-1.0)


def test_losses_in_validation_are_smoothed_as_in_training(data):
    run = trainer(data, label_smoothing=0.1, epochs=2)
    run.fit()
    logits = logits_of(run.average.module, run.valid, run.preprocessing)
    expected = F.cross_entropy(logits, run.valid.labels, label_smoothing=0.1).item()
    assert run.rows[-1]["valid_loss"] == pytest.approx(expected, abs=1e-5)
    assert abs(expected - F.cross_entropy(logits, run.valid.labels).item()) > 1e-3


def test_at_the_end_half_of_each_batch_is_left_as_it_is(data):
    run = trainer(data, augment="elastic", epochs=2, settle=1)
    whole = run.preprocessing(run.train.images)
    left = []
    for step in range(run.steps):
        images, labels = run.batch(step)
        same = (images[:, None] == whole[None]).flatten(2).all(dim=2)
        left.append((same.any(dim=1).sum().item(), len(images)))
        numbers = same[: len(images) // 2].int().argmax(dim=1)
        if step >= run.steps_per_epoch:
            assert torch.equal(labels[: len(images) // 2], run.train.labels[numbers])
    assert [kept for kept, _ in left[: run.steps_per_epoch]] == [0] * run.steps_per_epoch
    assert all(kept == count // 2 for kept, count in left[run.steps_per_epoch :])


def test_a_run_begins_with_weights_that_are_given(data):
    first = trainer(data, epochs=2, seed=1, validate_every=2)
    first.fit()
    start = str(first.out / "model")
    second = trainer(data, "second", start=start)
    for name, tensor in first.average.module.state_dict().items():
        assert torch.equal(second.model.state_dict()[name], tensor)
        assert torch.equal(second.average.module.state_dict()[name], tensor)
    with pytest.raises(ValueError, match=r"has another group than the recipe and the data; give"):
        trainer(data, "third", start=start, model=TINY["model"] | {"group": "C2"})
    second.save()
    (first.out / "model" / "model.safetensors").write_bytes(b"cut short")
    with pytest.raises(ValueError, match=r"run/model is broken .*; copy it again, or give"):
        trainer(data, "third", start=start)
    trainer(data, "second", start=start)  # goes on from its own checkpoint


def test_a_toy_set_is_learnt_and_the_best_weights_are_kept(data):
    run, rows = trainer(data, epochs=25, validate_every=5), []
    run.fit(rows.append)
    assert len(rows) == run.steps == 25 * 3
    assert rows[-1]["samples"] == run.images_in_all == 25 * 40
    with (run.out / "log.csv").open(newline="") as file:
        log = list(csv.DictReader(file))
    assert [int(row["epoch"]) for row in log] == [5, 10, 15, 20, 25]
    assert (run.out / "curve.png").stat().st_size > 1000
    model, preprocessing = load_classifier(run.out / "model")
    best = min(float(row["valid_loss"]) for row in log)
    valid = evaluate(model, load_classification(data, "valid"), preprocessing)[0]
    assert valid.loss == pytest.approx(best, abs=1e-5)
    assert valid.accuracy == 1.0
    test = evaluate(model, load_classification(data, "test"), preprocessing, (0, 90, 180, 270))
    assert all(score.accuracy > 0.9 for score in test.values())
    assert test[0].difference == 0.0
    assert all(score.difference < 1e-5 for score in test.values()), "C4 is exact"


def test_a_recipe_keeps_the_last_weights_or_those_of_the_lowest_loss(data):
    folders = {}
    for keep in ("lowest", "last"):
        run = trainer(data, keep, keep=keep, epochs=12, label_smoothing=0.2)
        # Where the loss falls to the end both keep the same: the last validation is made worse.
        run.fit(lambda row, run=run: run.valid.labels.fill_(0) if run.done == run.steps else None)
        folders[keep] = run.out / "model"
        expected = run.rows[-1] if keep == "last" else min(run.rows, key=lambda r: r["valid_loss"])
        assert run.kept is expected
    last, lowest = (load_classifier(folders[keep])[0].state_dict() for keep in ("last", "lowest"))
    for name, tensor in run.average.module.state_dict().items():
        assert torch.equal(last[name], tensor)
    assert any(not torch.equal(lowest[name], last[name]) for name in last)
    with pytest.raises(ValueError, match="keep='best' is not known; use one of lowest, last"):
        ClassificationConfig(keep="best")


PLAIN_VIT = TINY["model"] | {
    "group": "C1",
    "stages": [{"mixer": "gsa", "depth": 1, "dim": 8, "heads": 1, "encoding": "rotary"}],
}


def test_a_plain_vit_differs_at_the_turns_and_its_average_does_not(data):
    run = trainer(data, model=PLAIN_VIT)
    scores = evaluate(run.model, run.valid, run.preprocessing, (0, 90))
    assert scores[90].difference > 1e-3
    scores = evaluate(run.model, run.valid, run.preprocessing, (0, 90, 180), average=4)
    assert all(score.difference < 1e-5 for score in scores.values())
    scores = evaluate(run.model, run.valid, run.preprocessing, (0, 90), average=3)
    assert scores[90].difference > 1e-4, "three turns are no whole orbit of a quarter turn"


def test_an_exact_model_is_averaged_over_a_quarter_of_the_turns(data, monkeypatch):
    run, read = trainer(data), []

    def counted(model, data, preprocessing, degrees, batch_size):
        read.append(degrees)
        return logits_of(model, data, preprocessing, degrees, batch_size)

    every = [logits_of(run.model, run.valid, run.preprocessing, turn) for turn in range(0, 360, 45)]
    monkeypatch.setattr(evaluation, "logits_of", counted)
    loss = evaluate(run.model, run.valid, run.preprocessing, average=8)[0].loss
    expected = F.cross_entropy(torch.stack(every).mean(0), run.valid.labels)
    assert loss == pytest.approx(expected.item(), abs=1e-5)
    assert read == [0, 45]


def test_angles_between_quarter_turns_are_turned_bilinearly(data):
    run = trainer(data)
    images, third = run.preprocessing(run.valid.images), 120 * math.pi / 180
    run.model.eval()
    with torch.no_grad():
        expected = run.model(turned(images, torch.full((len(images),), third)))
    logits = logits_of(run.model, run.valid, run.preprocessing, 120)
    torch.testing.assert_close(logits, expected, atol=1e-4, rtol=1e-4)


@pytest.mark.parametrize("augment", ["none", "turns", "angles", "elastic"])
def test_a_killed_run_ends_as_one_that_was_not(data, augment):
    whole = trainer(data, "whole", augment=augment)
    whole.fit()

    class Killed(Exception):
        pass

    def kill(row):
        if row["samples"] >= 40 + 16:  # after the second epoch's first step
            raise Killed

    killed = trainer(data, "killed", augment=augment, save_every=2)
    with pytest.raises(Killed):
        killed.fit(kill)
    resumed = trainer(data, "killed", augment=augment, save_every=2)
    assert resumed.done == 3, "the last checkpoint was at the first validation"
    resumed.fit()
    for a, b in zip(whole.model.parameters(), resumed.model.parameters(), strict=True):
        assert torch.equal(a, b)
    for a, b in zip(whole.average.parameters(), resumed.average.parameters(), strict=True):
        assert torch.equal(a, b)
    for name in ("train_loss", "valid_loss", "valid_accuracy"):
        assert [row[name] for row in whole.rows] == [row[name] for row in resumed.rows]
    weights = [r.out / "model" / "model.safetensors" for r in (whole, resumed)]
    assert weights[0].read_bytes() == weights[1].read_bytes()


def test_a_run_killed_within_an_epoch_keeps_its_losses(data):
    first = trainer(data, "first")
    first.step()
    first.save()
    second = trainer(data, "first")
    assert (second.done, second.losses) == (1, first.losses)
    assert first.step() == second.step()


def test_a_finished_run_adds_nothing(data):
    trainer(data).fit()
    log = (data / "run" / "log.csv").read_text()
    trainer(data).fit()
    assert (data / "run" / "log.csv").read_text() == log


def test_a_finished_run_gives_its_weights_again_or_says_that_they_are_gone(data):
    for keep in ("last", "lowest"):
        run = trainer(data, keep, keep=keep)
        run.fit()
        kept = (run.out / "model" / "model.safetensors").read_bytes()
        run.rows[0]["valid_loss"] = -1.0 if keep == "lowest" else 1.0
        run.save()
        shutil.rmtree(run.out / "model")
        if keep == "last":
            trainer(data, keep, keep=keep).fit()
            assert (run.out / "model" / "model.safetensors").read_bytes() == kept
        else:
            with pytest.raises(ValueError, match=r"weights of epoch 1 and is gone; .* remove"):
                trainer(data, keep, keep=keep).fit()


def test_every_image_comes_once_an_epoch_in_an_order_of_its_own(data):
    run = trainer(data)
    epochs = [[run.batch(3 * epoch + i)[0] for i in range(3)] for epoch in range(2)]
    a, b = (torch.cat(epoch).flatten(1).sum(dim=1) for epoch in epochs)
    assert not torch.equal(a, b)
    torch.testing.assert_close(a.sort().values, b.sort().values)


def test_a_checkpoint_of_another_recipe_or_other_data_is_refused(data):
    trainer(data).save()
    with pytest.raises(ValueError, match=r"checkpoint\.pt is broken or .*\(batch_size differs\)"):
        trainer(data, batch_size=8)
    for name, changes, message in (
        ("valid", {"labels": lambda labels: labels[::-1]}, r"data\.labels differs"),
        ("train", {"images": lambda images: images // 2}, r"data\.mean, data\.std differs"),
    ):
        with np.load(data / f"{name}.npz") as arrays:
            own = dict(arrays)
        changed = own | {key: change(own[key]) for key, change in changes.items()}
        np.savez(data / f"{name}.npz", **changed)
        with pytest.raises(ValueError, match=message):
            trainer(data)
        np.savez(data / f"{name}.npz", **own)


def test_a_broken_checkpoint_is_named(data):
    (data / "run").mkdir()
    (data / "run" / "checkpoint.pt").write_bytes(b"not a checkpoint")
    with pytest.raises(ValueError, match=r"checkpoint\.pt is broken"):
        trainer(data)


def test_a_subset_is_drawn_by_the_seed(data):
    first, again, other = (
        trainer(data, str(i), train_samples=8, seed=seed).train for i, seed in enumerate((0, 0, 1))
    )
    assert len(first) == 8
    assert torch.equal(first.images, again.images)
    assert not torch.equal(first.images, other.images)
    with pytest.raises(ValueError, match="train_samples=41, but the set has 40"):
        trainer(data, train_samples=41)


def test_images_are_standardised_by_the_training_set(data):
    train = load_classification(data, "train")
    values = Preprocessing.of(train)(train.images)
    assert values.mean().abs() < 1e-5
    assert values.std(correction=0) == pytest.approx(1, abs=1e-5)


def test_pcam_is_trained_on_without_being_read_whole(tmp_path):
    h5py = pytest.importorskip("h5py", reason="PatchCamelyon is HDF5")
    for split in ("train", "valid"):
        images = np.random.default_rng(0).integers(0, 256, (20, 96, 96, 3), dtype=np.uint8)
        for part, values in (("x", images), ("y", np.arange(20).reshape(-1, 1, 1, 1) % 2)):
            with h5py.File(
                tmp_path / f"camelyonpatch_level_2_split_{split}_{part}.h5", "w"
            ) as file:
                file[part] = values
    run = trainer(tmp_path, model=TINY["model"] | {"patch": (32, 32, 0)}, epochs=1, warmup=0)
    assert not isinstance(run.train.images, torch.Tensor)
    run.fit()
    assert load_classifier(run.out / "model")[1].classes == ("normal", "tumour")


def test_data_of_another_kind_is_refused(data):
    run = trainer(data)
    other = Preprocessing((0.5,), (0.2,), ("cat", "dog"))
    with pytest.raises(ValueError, match=r"classes 0, 1, .* the model cat, dog"):
        evaluate(run.model, run.valid, other)
    other = Preprocessing((0.5,) * 3, (0.2,) * 3, run.valid.classes)
    with pytest.raises(ValueError, match="1 channels, the model takes 3"):
        evaluate(run.model, run.valid, other)


def test_a_missing_or_broken_classifier_is_named(data):
    with pytest.raises(FileNotFoundError, match=r"has no preprocessing\.json"):
        load_classifier(data)
    trainer(data).fit()
    folder = data / "run" / "model"
    weights = (folder / "model.safetensors").read_bytes()
    (folder / "model.safetensors").write_bytes(weights[: len(weights) // 2])
    with pytest.raises(ValueError, match="model is broken"):
        load_classifier(folder)
    (folder / "model.safetensors").write_bytes(weights)
    fewer = Preprocessing((0.5,), (0.2,), ("cat", "dog"))
    fewer.save(folder)
    with pytest.raises(ValueError, match=r"\(2, 1, 1\), the weights beside it \(10, 1, 1\); copy"):
        load_classifier(folder)
    (folder / "preprocessing.json").write_text("[]")
    with pytest.raises(ValueError, match=r"preprocessing\.json is broken .*; copy it again"):
        load_classifier(folder)


def test_logits_leave_the_mode_and_do_not_depend_on_the_batch(data):
    run = trainer(data)
    run.model.train()
    few, many = (
        logits_of(run.model, run.valid, run.preprocessing, batch_size=size) for size in (3, 64)
    )
    torch.testing.assert_close(few, many)
    assert run.model.training


def test_turning_by_quarters_is_exact_and_counter_clockwise():
    images = torch.rand(4, 2, 6, 6)
    by_angles = turned(images, torch.arange(4) * math.pi / 2)
    by_quarters = torch.stack([torch.rot90(x, k, (1, 2)) for k, x in enumerate(images)])
    torch.testing.assert_close(by_angles, by_quarters, atol=1e-5, rtol=0)


@pytest.mark.parametrize("kind", ["turns", "angles", "affine", "elastic"])
def test_each_image_is_turned_as_its_own_draw_says(kind):
    images = torch.rand(1, 1, 6, 6).expand(64, -1, -1, -1)
    first, again = (augmented(images, kind, torch.Generator().manual_seed(1)) for _ in range(2))
    assert torch.equal(first, again)
    assert len(first.flatten(1).unique(dim=0)) == (4 if kind == "turns" else 64)


def test_a_turn_of_a_plain_image_leaves_no_black_corners():
    images = torch.full((1, 3, 8, 12), 0.7)
    torch.testing.assert_close(turned(images, torch.tensor([0.8])), images)


def test_warping_keeps_a_blob_in_the_middle_near_it_and_its_size_within_bounds():
    images = torch.zeros(1, 1, 40, 60)
    images[..., 16:24, 26:34] = 1.0
    warped = augmented(images.expand(500, -1, -1, -1), "affine", torch.Generator().manual_seed(0))
    mass = warped.sum((1, 2, 3))
    rows, columns = torch.arange(40.0) - 19.5, torch.arange(60.0) - 29.5
    down = (warped.sum((1, 3)) @ rows) / mass
    across = (warped.sum((1, 2)) @ columns) / mass
    low, high = 1 - SCALE, 1 + SCALE
    assert low**2 * 64 * 0.97 < mass.min() < (low + 0.03) ** 2 * 64
    assert (high - 0.03) ** 2 * 64 < mass.max() < high**2 * 64 * 1.03
    furthest = SHIFT * 60 * high * math.sqrt(2) * (1 + SHEAR)  # shifts are warped too
    assert 1.0 < down.abs().max() < furthest
    assert 1.0 < across.abs().max() < furthest


def test_without_shifts_a_blob_in_the_middle_stays_there():
    images = torch.zeros(1, 1, 40, 60)
    images[..., 16:24, 26:34] = 1.0
    generator = torch.Generator().manual_seed(0)
    warped = augmented(images.expand(100, -1, -1, -1), "affine", generator, shift=0.0)
    rows, columns = torch.arange(40.0) - 19.5, torch.arange(60.0) - 29.5
    assert (warped.sum((1, 3)) @ rows / warped.sum((1, 2, 3))).abs().max() < 1e-3
    assert (warped.sum((1, 2)) @ columns / warped.sum((1, 2, 3))).abs().max() < 1e-3


def test_quarter_turns_need_square_images():
    with pytest.raises(ValueError, match=r"augment='turns' needs square images, .* 12x8 px"):
        augmented(torch.rand(2, 1, 8, 12), "turns", torch.Generator())
