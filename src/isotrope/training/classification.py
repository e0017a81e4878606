"""The classification loop: Fabric, bf16, resumable to the bit, with progress, a log and a curve."""

from __future__ import annotations

import time
from dataclasses import asdict
from pathlib import Path
from zlib import crc32

import torch
import torch.nn.functional as F
from lightning.fabric import Fabric
from torch import Tensor
from torch.optim.swa_utils import AveragedModel, get_ema_multi_avg_fn

from isotrope.data.classification import LabelledImages, load_classification
from isotrope.io.files import replacing
from isotrope.models.vit import EquivariantViT
from isotrope.training.augmentation import augmented
from isotrope.training.classification_config import ClassificationConfig
from isotrope.training.evaluation import Preprocessing, evaluate
from isotrope.training.loop import Report, decayed, loading, refuse_another, update, write_log


class ClassificationTrainer:
    """Trains an `EquivariantViT` on labelled images; all that a resume needs is in its checkpoint.

    The order of the images and their turns are drawn from the seed and the step, so that a run
    that was killed ends in the same weights as one that was not.

    Writes to `out`: `checkpoint.pt` (resume), `log.csv` (losses, accuracy), `curve.png`, `model/`
    (the averaged weights that `config.keep` names, what `isotrope eval` takes). Each file replaces
    its predecessor at one stroke.

    Args:
        data: of `load_classification`; its split "train" is trained on, "valid" validated on.

    Raises:
        ValueError, FileNotFoundError: data that cannot be read; a checkpoint in `out` that is
            broken, or of another recipe or other data.
    """

    def __init__(self, config: ClassificationConfig, data: str | Path, out: str | Path) -> None:
        self.config, self.out = config, Path(out)
        self.train, self.valid = (
            load_classification(data, "train"),
            load_classification(data, "valid"),
        )
        self.train = _subset(self.train, config)
        self.preprocessing = Preprocessing.of(self.train)
        self.preprocessing.check(self.valid)
        self.out.mkdir(parents=True, exist_ok=True)
        self.fabric = Fabric(accelerator="auto", devices=1, precision=config.precision)
        self.fabric.seed_everything(config.seed, verbose=False)
        vit = config.vit(self.train.images.shape[1], len(self.train.classes))
        self.average = AveragedModel(
            EquivariantViT(vit), multi_avg_fn=_ramped(config.ema), use_buffers=True
        ).to(self.fabric.device)
        self.checkpoint = self.out / "checkpoint.pt"
        if config.start and not self.checkpoint.is_file():
            self._begin_with(config.start)
        model = EquivariantViT(vit)
        model.load_state_dict(self.average.module.state_dict())
        optimizer = torch.optim.AdamW(
            decayed(model, config.weight_decay),
            lr=config.learning_rate,
            betas=(0.9, 0.98),
            fused=True,  # one call for all weights: a twentieth of a step of a small model
        )
        self.model, self.optimizer = self.fabric.setup(model, optimizer)
        self.steps_per_epoch = -(-len(self.train) // config.batch_size)
        self.steps = config.epochs * self.steps_per_epoch
        self.done, self.seconds = 0, 0.0
        self.losses: list[float] = []  # of the steps since the last validation
        self.rows: list[dict[str, float]] = []  # of log.csv
        if self.checkpoint.is_file():
            self._load()

    def _begin_with(self, start: str) -> None:
        given, own = EquivariantViT.from_pretrained(start), self.average.module
        if given.config != own.config:
            other = (n for n in vars(own.config) if vars(given.config)[n] != vars(own.config)[n])
            raise ValueError(
                f"start={start!r} has another {', '.join(other)} than the recipe and the data; "
                "give weights of the same, or leave start out"
            )
        own.load_state_dict(given.state_dict())

    @property
    def images_seen(self) -> int:
        epochs, steps = divmod(self.done, self.steps_per_epoch)
        return epochs * len(self.train) + steps * self.config.batch_size

    @property
    def images_in_all(self) -> int:
        return self.config.epochs * len(self.train)

    @property
    def kept(self) -> dict[str, float]:
        """The row of the log whose weights `model/` has.

        The last or that of the lowest loss in validation, which is steadier than the accuracy.
        """
        if self.config.keep == "last":
            return self.rows[-1]
        return min(self.rows, key=lambda row: row["valid_loss"])

    def fit(self, report: Report = lambda row: None) -> None:
        """Trains until `config.epochs`; `report` gets a row of numbers after every step."""
        config = self.config
        while self.done < self.steps:
            started = time.perf_counter()
            row = self.step()
            self.seconds += time.perf_counter() - started
            report(row | {"samples": self.images_seen, "seconds": self.seconds})
            epochs, into = divmod(self.done, self.steps_per_epoch)
            due = into == 0 and epochs % config.validate_every == 0
            if due or self.done == self.steps:
                self._validate()
            elif self.done % config.save_every == 0:
                self.save()
        self._write_log()  # where a kill came between the last checkpoint and its log
        if not (self.out / "model").is_dir():
            self._keep_again()

    def step(self) -> dict[str, float]:
        """One update; the learning rate and the loss."""
        config = self.config
        rate = config.learning_rate_at(self.done, self.steps_per_epoch)
        for group in self.optimizer.param_groups:
            group["lr"] = rate
        images, labels = self.batch(self.done)
        self.model.train()
        logits = self.model(images).float()
        loss = F.cross_entropy(logits, labels, label_smoothing=config.label_smoothing)
        update(self.fabric, self.model, self.optimizer, loss)
        self.average.update_parameters(self.model.module)
        self.done += 1
        self.losses.append(loss.item())
        return {"rate": rate, "loss": self.losses[-1]}

    def batch(self, step: int) -> tuple[Tensor, Tensor]:
        """Standardised, turned images `(B, C, H, W)` and labels `(B,)` of a step."""
        config, (epoch, place) = self.config, divmod(step, self.steps_per_epoch)
        order = torch.randperm(len(self.train), generator=_generator(config.seed, 0, epoch))
        numbers = order[place * config.batch_size : (place + 1) * config.batch_size]
        images = self.preprocessing(self.train.images[numbers].to(self.fabric.device))
        # Those that are left as they are come first; the order is random.
        count = len(images) // 2 if epoch >= config.epochs - config.settle else 0
        draws = _generator(config.seed, 1, step)
        drawn = augmented(images[count:], config.augment, draws, config.shift, config.warp)
        return torch.cat([images[:count], drawn]), self.train.labels[numbers].to(self.fabric.device)

    def _validate(self) -> None:
        """Scores the averaged model, keeps it if the recipe says so, and writes all."""
        smoothing = self.config.label_smoothing  # unsmoothed, surer answers would seem worse
        with self.fabric.autocast():
            score = evaluate(
                self.average.module, self.valid, self.preprocessing, label_smoothing=smoothing
            )[0]
        self.rows.append(
            {
                "epoch": self.done // self.steps_per_epoch,
                "samples": self.images_seen,
                "hours": round(self.seconds / 3600, 4),
                "train_loss": round(sum(self.losses) / len(self.losses), 5),
                "valid_loss": round(score.loss, 5),
                "valid_accuracy": round(score.accuracy, 5),
            }
        )
        self.losses = []
        if self.kept is self.rows[-1]:
            self._keep()
        self.save()
        self._write_log()

    def _keep(self) -> None:
        self.average.module.save_pretrained(self.out / "model")
        self.preprocessing.save(self.out / "model")

    def _keep_again(self) -> None:
        """Of a run that has ended and whose `model/` was taken away since."""
        if self.kept is not self.rows[-1]:
            raise ValueError(
                f"{self.out / 'model'} had the weights of epoch {self.kept['epoch']} and is gone; "
                f"bring it back, or remove {self.checkpoint} to train anew"
            )
        self._keep()

    def save(self) -> None:
        """Writes the checkpoint."""
        state = {
            "model": self.model.state_dict(),
            "average": self.average.state_dict(),
            "optimizer": self.optimizer.state_dict(),
            "progress": (self.done, self.seconds, self.losses, self.rows),
            "recipe": self._recipe(),
        }
        with replacing(self.checkpoint) as temporary:
            self.fabric.save(temporary, state)

    def _recipe(self) -> dict:
        """What a run is: another recipe or other data cannot go on with its checkpoint."""
        labels = crc32(self.valid.labels.numpy(), crc32(self.train.labels.numpy()))
        data = {"images": len(self.train), "labels": labels, **asdict(self.preprocessing)}
        return asdict(self.config) | {f"data.{name}": value for name, value in data.items()}

    def _load(self) -> None:
        with loading(self.checkpoint, "recipe or data"):
            state = self.fabric.load(self.checkpoint)
            refuse_another(state["recipe"], self._recipe())
            self.model.load_state_dict(state["model"])
            self.average.load_state_dict(state["average"])
            self.optimizer.load_state_dict(state["optimizer"])
            self.done, self.seconds, self.losses, self.rows = state["progress"]

    def _write_log(self) -> None:
        write_log(self.out / "log.csv", self.rows)
        draw_classification_curve(self.rows, self.out / "curve.png")


def draw_classification_curve(rows: list[dict[str, float]], path: str | Path) -> None:
    """Draws validation accuracy, and both losses, against epochs; `rows` are those of log.csv."""
    from matplotlib.figure import Figure

    figure = Figure(figsize=(9, 3.5), layout="constrained")
    epochs = [row["epoch"] for row in rows]
    for panel, names, label in zip(
        figure.subplots(1, 2),
        (("valid_accuracy",), ("train_loss", "valid_loss")),
        ("validation accuracy", "cross-entropy"),
        strict=True,
    ):
        for name in names:
            panel.plot(epochs, [row[name] for row in rows], marker=".", label=name.split("_")[0])
        panel.set(xlabel="epoch", ylabel=label)
        panel.legend(frameon=False)
    with replacing(path) as temporary:
        figure.savefig(temporary, format="png", dpi=150)


def _subset(data: LabelledImages, config: ClassificationConfig) -> LabelledImages:
    """`train_samples` of the images, drawn by the seed, or all of them."""
    count = config.train_samples
    if count is None:
        return data
    if count > len(data):
        raise ValueError(
            f"train_samples={count}, but the set has {len(data)}; give at most that, or none"
        )
    return data.take(torch.randperm(len(data), generator=_generator(config.seed, 2, 0))[:count])


def _generator(seed: int, purpose: int, number: int) -> torch.Generator:
    """A generator of its own for each purpose (order, turns, subset) and epoch or step."""
    mixed = (seed * 3 + purpose) * 1_000_003 + number
    return torch.Generator().manual_seed(mixed)


def _ramped(decay: float):
    """The mean of few weights at first, so that it does not hold on to the random start."""

    def update(averages, currents, count) -> None:
        now = min(decay, (1 + float(count)) / (10 + float(count)))
        get_ema_multi_avg_fn(now)(averages, currents, count)

    return update
