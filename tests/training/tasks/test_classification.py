"""Classification: it learns, keeps what it should, and a killed run loses nothing."""

import csv
import math
import shutil

import numpy as np
import pytest
import torch
import torch.nn.functional as F
from PIL import Image

pytest.importorskip("lightning", reason="training runs on Lightning Fabric")

from isotrope.data.classification import load_classification
from isotrope.training import evaluation
from isotrope.training.augmentation import turned
from isotrope.training.engine import Engine
from isotrope.training.evaluation import Preprocessing, evaluate, load_classifier, logits_of
from isotrope.training.tasks.classification_recipe import ClassificationRecipe

GCSA = {
    "group": "C4",
    "patch": (4, 4, 0),
    "stages": [{"mixer": "gcsa", "depth": 1, "dim": 8, "heads": 1}],
}
PLAIN_VIT = GCSA | {
    "group": "C1",
    "stages": [{"mixer": "gsa", "depth": 1, "dim": 8, "heads": 1, "encoding": "rotary"}],
}
TINY = {
    "data.batch_size": 16,
    "optimizer.learning_rate": 5e-3,
    "optimizer.ema": 0.9,
    "schedule.epochs": 3,
    "schedule.warmup": 0.3,
    "run.precision": "32-true",
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


def recipe(model=GCSA, **changes) -> ClassificationRecipe:
    """A recipe; `run_seed=3` is `run.seed=3`."""
    values: dict = {"model": model}
    for name, value in (TINY | {n.replace("_", ".", 1): v for n, v in changes.items()}).items():
        group, _, field = name.partition(".")
        values.setdefault(group, {})[field] = value
    return ClassificationRecipe.model_validate(values)


def engine(data, out="run", model=GCSA, **changes) -> Engine:
    made = recipe(model, **changes)
    return Engine(made.task(data), made, data / out)


def batch(task, number):
    """The images and the labels of a batch."""
    (made,) = task.stream(0, 0, 1).group(number).batches
    finished = task.finish(made)
    return finished["pixels"], finished["labels"]


def tensors(module) -> dict[str, torch.Tensor]:
    return {name: value.clone() for name, value in module.state_dict().items()}


def same(a, b) -> bool:
    return a.keys() == b.keys() and all(torch.equal(a[name], b[name]) for name in a)


def test_a_recipe_says_how_far_images_are_shifted(data):
    near, far = (
        batch(recipe(data_augment="affine", data_shift=shift).task(data), 0)[0]
        for shift in (0, 0.2)
    )
    assert not torch.equal(near, far)


def test_losses_in_validation_are_smoothed_as_in_training(data):
    run = engine(data, losses_label_smoothing=0.1, schedule_epochs=2)
    run.fit()
    logits = logits_of(run.average.module, run.task.valid, run.task.preprocessing)
    expected = F.cross_entropy(logits, run.task.valid.labels, label_smoothing=0.1).item()
    assert run.rows[-1]["valid_loss"] == pytest.approx(expected, abs=1e-5)
    assert abs(expected - F.cross_entropy(logits, run.task.valid.labels).item()) > 1e-3


def test_at_the_end_half_of_each_batch_is_left_as_it_is(data):
    task = recipe(data_augment="elastic", schedule_epochs=2, data_settle=1).task(data)
    whole = task.preprocessing(task.train.images)
    left = []
    for number in range(6):
        images, labels = batch(task, number)
        same = (images[:, None] == whole[None]).flatten(2).all(dim=2)
        left.append((same.any(dim=1).sum().item(), len(images)))
        numbers = same[: len(images) // 2].int().argmax(dim=1)
        if number >= 3:
            assert torch.equal(labels[: len(images) // 2], task.train.labels[numbers])
    assert [kept for kept, _ in left[:3]] == [0, 0, 0]
    assert all(kept == count // 2 for kept, count in left[3:])


def test_a_run_begins_with_weights_that_are_given(data):
    first = engine(data, schedule_epochs=2, run_seed=1)
    first.fit()
    start = str(first.out / "model")
    second = engine(data, "second", model=GCSA | {"start": start})
    assert same(tensors(first.average.module), tensors(second.task.model))
    assert same(tensors(first.average.module), tensors(second.average.module))
    with pytest.raises(ValueError, match=r"has another group than the recipe and the data; give"):
        engine(data, "third", model=GCSA | {"start": start, "group": "C2"})
    second.save()
    (first.out / "model" / "model.safetensors").write_bytes(b"cut short")
    with pytest.raises(ValueError, match=r"run/model is broken .*; copy it again, or give"):
        engine(data, "third", model=GCSA | {"start": start})
    # It goes on from its own checkpoint.
    engine(data, "second", model=GCSA | {"start": start})


def test_a_toy_set_is_learnt_and_the_best_weights_are_kept(data):
    run = engine(data, schedule_epochs=25, run_validate_epochs=5)
    run.fit()
    with (run.out / "log.csv").open(newline="") as file:
        log = list(csv.DictReader(file))
    assert [float(row["epochs"]) for row in log] == [5, 10, 15, 20, 25]
    assert float(log[-1]["train_loss"]) < float(log[0]["train_loss"])
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


def test_a_run_in_64_bits_is_scored_in_64_bits(data):
    run = engine(data, run_precision="64-true", schedule_epochs=1)
    run.fit()
    model, preprocessing = load_classifier(data / "run" / "model")
    assert next(model.parameters()).dtype == torch.float64
    valid = load_classification(data, "valid")
    score = evaluate(model, valid, preprocessing)[0]
    assert round(score.loss, 5) == run.rows[-1]["valid_loss"]


def test_a_run_of_one_epoch_learns_whatever_the_warm_up(data):
    run = engine(data, schedule_epochs=1, schedule_warmup=0.9)
    before = tensors(run.task.model)
    run.fit()
    assert run.examples == 40
    assert not same(before, tensors(run.task.model))


def test_a_recipe_keeps_the_last_weights_or_the_best(data, monkeypatch):
    folders = {}
    for keep in ("best", "last"):
        run = engine(data, keep, run_keep=keep, schedule_epochs=4)
        losses = iter((0.3, 0.1, 0.2, 0.4))
        monkeypatch.setattr(run.task, "validate", lambda model, x=losses: {"score": -next(x)})
        run.fit()
        folders[keep] = run.out / "model"
        assert run.kept is run.rows[-1 if keep == "last" else 1]
    last, best = (tensors(load_classifier(folders[keep])[0]) for keep in ("last", "best"))
    assert same(last, tensors(run.average.module))
    assert not same(last, best)


def test_a_plain_vit_differs_at_the_turns_and_its_average_does_not(data):
    task = recipe(PLAIN_VIT).task(data)
    scores = evaluate(task.model, task.valid, task.preprocessing, (0, 90))
    assert scores[90].difference > 1e-3
    scores = evaluate(task.model, task.valid, task.preprocessing, (0, 90, 180), average=4)
    assert all(score.difference < 1e-5 for score in scores.values())
    scores = evaluate(task.model, task.valid, task.preprocessing, (0, 90), average=3)
    assert scores[90].difference > 1e-4, "three turns are no whole orbit of a quarter turn"


def test_an_exact_model_is_averaged_over_a_quarter_of_the_turns(data, monkeypatch):
    task, read = recipe().task(data), []

    def counted(model, data, preprocessing, degrees, batch_size):
        read.append(degrees)
        return logits_of(model, data, preprocessing, degrees, batch_size)

    whole = task.model, task.valid, task.preprocessing
    every = [logits_of(*whole, turn) for turn in range(0, 360, 45)]
    monkeypatch.setattr(evaluation, "logits_of", counted)
    loss = evaluate(*whole, average=8)[0].loss
    expected = F.cross_entropy(torch.stack(every).mean(0), task.valid.labels)
    assert loss == pytest.approx(expected.item(), abs=1e-5)
    assert read == [0, 45]


def test_angles_between_quarter_turns_are_turned_bilinearly(data):
    run = recipe().task(data)
    images, third = run.preprocessing(run.valid.images), 120 * math.pi / 180
    run.model.eval()
    with torch.no_grad():
        expected = run.model(turned(images, torch.full((len(images),), third)))
    logits = logits_of(run.model, run.valid, run.preprocessing, 120)
    torch.testing.assert_close(logits, expected, atol=1e-4, rtol=1e-4)


@pytest.mark.parametrize("augment", ["none", "turns", "angles", "elastic"])
def test_a_killed_run_ends_as_one_that_was_not(data, augment, monkeypatch):
    whole = engine(data, "whole", data_augment=augment)
    whole.fit()

    class Killed(Exception):
        pass

    killed = engine(data, "killed", data_augment=augment)
    steps = []

    def kill(model, learning_rate):
        steps.append(learning_rate)
        if len(steps) == 5:
            raise Killed

    monkeypatch.setattr(killed.task, "after_step", kill)
    with pytest.raises(Killed):
        killed.fit()
    resumed = engine(data, "killed", data_augment=augment)
    assert resumed.examples == 40, "the last checkpoint was at the first validation"
    resumed.fit()
    assert same(tensors(whole.task.model), tensors(resumed.task.model))
    assert same(tensors(whole.average), tensors(resumed.average))
    for name in ("train_loss", "valid_loss", "valid_accuracy"):
        assert [row[name] for row in whole.rows] == [row[name] for row in resumed.rows]
    weights = [r.out / "model" / "model.safetensors" for r in (whole, resumed)]
    assert weights[0].read_bytes() == weights[1].read_bytes()


@pytest.mark.filterwarnings("ignore:The .grad attribute of a Tensor")  # dynamo's own
@pytest.mark.parametrize("option", ["recompute", pytest.param("compile", marks=pytest.mark.slow)])
def test_blocks_that_are_compiled_or_computed_again_learn_the_same(data, option, monkeypatch):
    made = torch.compile
    monkeypatch.setattr(torch, "compile", lambda call: made(call, backend="aot_eager"))
    torch.compiler.reset()
    plain, other = (engine(data, str(on), **{f"run_{option}": on}) for on in (False, True))
    for run in (plain, other):
        run.fit()
    for name, value in tensors(plain.task.model).items():
        now = other.task.model.state_dict()[name]  # AdamW enlarges what rounding changes
        torch.testing.assert_close(now, value, rtol=0, atol=2e-3)
    kept, _ = load_classifier(other.out / "model")
    assert list(kept.state_dict()) == list(tensors(plain.task.model))
    resumed = engine(data, "True", schedule_epochs=4)  # without the option
    assert same(tensors(resumed.task.model), tensors(other.task.model))


def test_a_finished_run_adds_nothing(data):
    engine(data).fit()
    log = (data / "run" / "log.csv").read_text()
    engine(data).fit()
    assert (data / "run" / "log.csv").read_text() == log


def test_a_finished_run_gives_its_weights_again_or_says_that_they_are_gone(data):
    for keep in ("last", "best"):
        run = engine(data, keep, run_keep=keep)
        run.fit()
        kept = (run.out / "model" / "model.safetensors").read_bytes()
        run.rows[0]["score"] = 1.0 if keep == "best" else -9.0
        run.save()
        shutil.rmtree(run.out / "model")
        if keep == "last":
            engine(data, keep, run_keep=keep).fit()
            assert (run.out / "model" / "model.safetensors").read_bytes() == kept
        else:
            with pytest.raises(ValueError, match=r"the weights after 40 examples and is gone; "):
                engine(data, keep, run_keep=keep).fit()


def test_every_image_comes_once_an_epoch_in_an_order_of_its_own(data):
    task = recipe().task(data)
    epochs = [[batch(task, 3 * epoch + i)[0] for i in range(3)] for epoch in range(2)]
    a, b = (torch.cat(epoch).flatten(1).sum(dim=1) for epoch in epochs)
    assert not torch.equal(a, b)
    torch.testing.assert_close(a.sort().values, b.sort().values)


def test_a_checkpoint_of_another_recipe_or_other_data_is_refused(data):
    engine(data).save()
    with pytest.raises(ValueError, match=r"other data: data\.batch_size was 16 and is 8;"):
        engine(data, data_batch_size=8)
    for name, changes, message in (
        ("valid", {"labels": lambda labels: labels[::-1]}, r"labels was \d+ and is \d+"),
        ("train", {"images": lambda images: images // 2}, r"preprocessing\.mean was .*\.std was "),
    ):
        with np.load(data / f"{name}.npz") as arrays:
            own = dict(arrays)
        changed = own | {key: change(own[key]) for key, change in changes.items()}
        np.savez(data / f"{name}.npz", **changed)
        with pytest.raises(ValueError, match=message):
            engine(data)
        np.savez(data / f"{name}.npz", **own)


def test_a_subset_is_drawn_by_the_seed(data):
    first, again, other = (
        recipe(data_train_samples=8, run_seed=seed).task(data).train for seed in (0, 0, 1)
    )
    assert len(first) == 8
    assert torch.equal(first.images, again.images)
    assert not torch.equal(first.images, other.images)
    with pytest.raises(ValueError, match=r"data\.train_samples=41, but the set has 40"):
        recipe(data_train_samples=41).task(data)


def test_images_are_standardised_by_the_training_set(data):
    train = load_classification(data, "train")
    preprocessing = Preprocessing.of(train)
    assert preprocessing.size == tuple(train.images.shape[2:])
    assert Preprocessing.of(train, fit=8).size is None
    values = preprocessing(train.images)
    assert values.mean().abs() < 1e-5
    assert values.std(correction=0) == pytest.approx(1, abs=1e-5)


def test_images_of_many_sizes_are_fitted_in_training_and_the_model_says_so(tmp_path):
    for number, split in enumerate(("train", "train", "train", "valid", "valid")):
        for label, level in (("dark", 40), ("light", 200)):
            folder = tmp_path / split / label
            folder.mkdir(parents=True, exist_ok=True)
            image = np.full((9 + number, 14, 3), level, np.uint8)
            Image.fromarray(image).save(folder / f"{number}.png")
    run = engine(tmp_path, data_fit=8, model=PLAIN_VIT | {"frame": "C4"}, schedule_epochs=2)
    run.fit()
    model, preprocessing = load_classifier(run.out / "model")
    assert preprocessing.fit == 8
    assert model.config.frame == "C4"
    valid = load_classification(tmp_path, "valid", preprocessing.fit)
    assert evaluate(model, valid, preprocessing, (90, 180))[180].difference == 0


def test_pcam_is_trained_on_without_being_read_whole(tmp_path):
    h5py = pytest.importorskip("h5py", reason="PatchCamelyon is HDF5")
    for split in ("train", "valid"):
        images = np.random.default_rng(0).integers(0, 256, (20, 96, 96, 3), dtype=np.uint8)
        for part, values in (("x", images), ("y", np.arange(20).reshape(-1, 1, 1, 1) % 2)):
            with h5py.File(
                tmp_path / f"camelyonpatch_level_2_split_{split}_{part}.h5", "w"
            ) as file:
                file[part] = values
    run = engine(tmp_path, model=GCSA | {"patch": (32, 32, 0)}, schedule_epochs=1)
    assert not isinstance(run.task.train.images, torch.Tensor)
    run.fit()
    assert load_classifier(run.out / "model")[1].classes == ("normal", "tumour")


def test_data_of_another_kind_is_refused(data):
    run = recipe().task(data)
    other = Preprocessing((0.5,), (0.2,), ("cat", "dog"))
    with pytest.raises(ValueError, match=r"classes 0, 1, .* the model cat, dog"):
        evaluate(run.model, run.valid, other)
    other = Preprocessing((0.5,) * 3, (0.2,) * 3, run.valid.classes)
    with pytest.raises(ValueError, match="1 channels, the model takes 3"):
        evaluate(run.model, run.valid, other)


def test_a_missing_or_broken_classifier_is_named(data):
    with pytest.raises(FileNotFoundError, match=r"has no preprocessing\.json"):
        load_classifier(data)
    engine(data).fit()
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
    run = recipe().task(data)
    run.model.train()
    few, many = (
        logits_of(run.model, run.valid, run.preprocessing, batch_size=size) for size in (3, 64)
    )
    torch.testing.assert_close(few, many)
    assert run.model.training


@pytest.fixture
def photographs(tmp_path):
    """Two classes of photographs of many sizes: red and blue ones."""
    rng = np.random.default_rng(0)
    for split, count in (("train", 24), ("val", 8)):
        for name, channel in (("blue", 2), ("red", 0)):
            (tmp_path / "photos" / split / name).mkdir(parents=True)
            for number in range(count // 2):
                pixels = rng.integers(0, 90, (rng.integers(9, 30), rng.integers(9, 30), 3))
                pixels[..., channel] += 120
                image = Image.fromarray(pixels.astype(np.uint8))
                image.save(tmp_path / "photos" / split / name / f"{number}.png")
    return tmp_path / "photos"


def test_photographs_are_learnt_from_their_files_and_a_killed_run_ends_the_same(photographs):
    options = {"data_crop": 8, "data_mixup": 0.8, "data_cutmix": 1.0, "losses_binary": True}
    options |= {"schedule_epochs": 8, "run_validate_epochs": 4}
    whole = engine(photographs, "whole", **options)
    whole.fit()
    assert whole.rows[-1]["score"] == whole.rows[-1]["valid_accuracy"] == 1.0
    assert whole.rows[-1]["train_loss"] < whole.rows[0]["train_loss"] < 1
    part = engine(photographs, "part", **options | {"schedule_minutes": 1e-9, "run_workers": 1})
    part.fit()
    assert 0 < part.examples < 24 * 8
    model, preprocessing = load_classifier(whole.out / "model")
    assert (preprocessing.crop, preprocessing.classes) == (8, ("blue", "red"))
    assert preprocessing.mean == (0.485, 0.456, 0.406)
    valid = evaluation.load_images(photographs, "valid", crop=preprocessing.crop)
    scores = evaluate(model, valid, preprocessing, (0, 90, 180, 270))
    assert all(s.accuracy == 1.0 and s.difference < 1e-5 for s in scores.values())
    again = engine(photographs, "part", **options)
    assert again.examples == part.examples
    again.fit()
    assert again.examples == whole.examples


def test_views_and_mixtures_depend_on_the_seed_and_the_batch_alone(photographs):
    options = {"data_crop": 8, "data_recolor": True, "data_mixup": 0.8, "data_cutmix": 1.0}
    tasks = [recipe(run_seed=seed, **options).task(photographs) for seed in (0, 0, 1)]
    first, again, other = (batch(task, 1) for task in tasks)
    assert first[0].shape == (8, 3, 8, 8)  # the rest of the first epoch's 24
    assert torch.equal(first[0], again[0])
    assert torch.equal(first[1], again[1])
    assert not torch.equal(first[0], other[0])
    assert first[1].shape == (8, 2)


def test_binary_losses_take_both_of_two_mixed_classes_in_full(photographs):
    task = recipe(data_crop=8, losses_binary=True).task(photographs)
    pixels = torch.randn(3, 3, 8, 8)
    logits = task.model(pixels)
    shares = torch.tensor([[1.0, 0.0], [0.3, 0.7], [0.0, 1.0]])
    loss = task.loss(task.model, {"pixels": pixels, "labels": shares})["loss"]
    expected = F.binary_cross_entropy_with_logits(logits, (shares > 0).float())
    torch.testing.assert_close(loss, expected)
    loss = task.loss(task.model, {"pixels": pixels, "labels": torch.tensor([0, 1, 1])})["loss"]
    own = torch.tensor([[1.0, 0.0], [0.0, 1.0], [0.0, 1.0]])
    torch.testing.assert_close(loss, F.binary_cross_entropy_with_logits(logits, own))


def test_a_subset_of_photographs_stays_in_files(photographs):
    task = recipe(data_crop=8, data_train_samples=5).task(photographs)
    assert (len(task.train), len(task.train.images)) == (5, 5)
    assert not isinstance(task.train.images, torch.Tensor)
