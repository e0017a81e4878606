"""The recognition loop: Fabric, bf16, resumable, with progress, a log and a curve."""

from __future__ import annotations

import csv
import time
from dataclasses import asdict
from itertools import islice
from pathlib import Path

import torch
import torch.nn.functional as F
from lightning.fabric import Fabric
from torch import Tensor, nn
from torch.optim.swa_utils import AveragedModel, get_ema_multi_avg_fn

from isotrope.data.images import load_image
from isotrope.data.lines import LabelledLines
from isotrope.data.synthetic.text import SyntheticText
from isotrope.io.files import replacing
from isotrope.ocr.gsanet.recognizer import Recognizer
from isotrope.ocr.loading import load_torch
from isotrope.training.alignment import AlignmentLoss
from isotrope.training.batches import Batch, TextBatches
from isotrope.training.config import RecognitionConfig
from isotrope.training.curve import draw_curve
from isotrope.training.line_batches import usable
from isotrope.training.loop import (
    Report,
    decayed,
    keep_model,
    loading,
    refuse_another,
    update,
    write_log,
)
from isotrope.training.spans import RealLines
from isotrope.training.validation import validate
from isotrope.training.variation import with_wrong_tokens

MAY_CHANGE = (
    *("samples", "cooldown", "workers", "real", "real_share", "recut"),
    *("validate_every", "save_every", "validation_words"),
)
"""Fields of a recipe that may differ when a run is resumed: how long, from where, how watched."""


class RecognitionTrainer:
    """Trains a `Recognizer` on streamed text; everything that a resume needs is in its checkpoint.

    Writes to `out`: `checkpoint.pt` (resume), `log.csv` (losses, scores), `curve.png`, `model/`
    (the averaged weights, a `path` for `Reader.from_pretrained` with `engine="gsanet"`). Each file
    replaces its predecessor at one stroke.

    Raises:
        ValueError: a checkpoint in `out` that is broken or of another recipe (but for what
            `MAY_CHANGE`), or real lines of which none can be used.
    """

    def __init__(self, config: RecognitionConfig, out: str | Path) -> None:
        self.config, self.out = config, Path(out)
        self.out.mkdir(parents=True, exist_ok=True)
        self.fabric = Fabric(accelerator="auto", devices=1, precision=config.precision)
        self.fabric.seed_everything(config.seed, verbose=False)
        self.recognizer = Recognizer.from_config(
            config.vit, max_ratio=config.max_ratio, **config.decoder
        )
        if config.start:
            self._begin_with(config.start)
        self.alignment = AlignmentLoss(config.vit.stages[-1].dim, self.recognizer.group.order)
        self.average = AveragedModel(
            self.recognizer, multi_avg_fn=get_ema_multi_avg_fn(config.ema), use_buffers=True
        )
        self.average.to(self.fabric.device)
        both = nn.ModuleDict({"recognizer": self.recognizer, "alignment": self.alignment})
        self.optimizer = torch.optim.AdamW(
            decayed(both, config.weight_decay), lr=config.learning_rate, betas=(0.9, 0.98)
        )
        self.model, self.optimizer = self.fabric.setup(_Losses(both, config), self.optimizer)
        self.real = self._real_lines()
        self.samples, self.next_index, self.seconds = 0, 0, 0.0
        self.checkpoint = self.out / "checkpoint.pt"
        if self.checkpoint.is_file():
            self._load()

    def _begin_with(self, start: str) -> None:
        weights = _loaded(start).state_dict()
        try:
            self.recognizer.load_state_dict(weights)
        except RuntimeError as error:
            reason = str(error).split("\n")[1].strip()
            raise ValueError(
                f"start={start!r} is of another shape than encoder and decoder of the recipe "
                f"({reason}); give weights of the same, or leave start out"
            ) from error

    def _load(self) -> None:
        with loading(self.checkpoint, "recipe"):
            state = self.fabric.load(self.checkpoint)
            refuse_another(_fixed(state["config"]), _fixed(asdict(self.config)))
            self.model.load_state_dict(state["model"])
            self.average.load_state_dict(state["average"])
            self.optimizer.load_state_dict(state["optimizer"])
            self.samples, self.next_index, self.seconds = state["progress"]

    def save(self) -> None:
        """Writes the checkpoint and the averaged model."""
        state = {
            "model": self.model.state_dict(),
            "average": self.average.state_dict(),
            "optimizer": self.optimizer.state_dict(),
            "progress": (self.samples, self.next_index, self.seconds),
            "config": asdict(self.config),
        }
        with replacing(self.checkpoint) as temporary:
            self.fabric.save(temporary, state)
        keep_model(self.average.module, self.out / "model")

    def stream(self) -> TextBatches:
        config, settings = self.config, self.recognizer.config
        synthetic = SyntheticText(
            "train",
            seed=config.seed,
            lines=config.lines,
            difficulty=config.difficulty,
            max_characters=config.max_characters,
        )
        size = (settings.image_height, settings.image_stride, settings.max_ratio)
        return TextBatches(
            synthetic,
            size,
            config.batch_pixels,
            self._real_text(),
            config.real_share,
            config.seed,
            self.next_index,
        )

    def validation_sets(self) -> dict[str, list[tuple[Tensor, str]]]:
        """Rendered words of unseen families, and held-out ones of each real set."""
        config = self.config
        rendered = SyntheticText("valid", seed=config.seed, lines=0.0, difficulty=config.difficulty)
        drawn = islice(rendered, config.validation_words)
        sets = {"rendered": [(load_image(s.image), s.text) for s in drawn]}
        for path, (_, held_out) in self.real.items():
            count = min(len(held_out), config.validation_words)
            sets[path] = [held_out[i] for i in range(count)]
        return sets

    def _real_lines(self) -> dict[str, tuple[LabelledLines, LabelledLines]]:
        """Of each set that can be read the lines to train on, and those held out."""
        return {
            path: usable(LabelledLines(path), self.recognizer, self.config.real_held_out)
            for path in dict.fromkeys(self.config.real)
        }

    def _real_text(self) -> list[RealLines]:
        """What is drawn from: the sets as often as they are named."""
        recut = self.config.recut
        cutter = _loaded(self.config.start).eval() if recut else None
        sets = {path: RealLines(train, recut, cutter) for path, (train, _) in self.real.items()}
        return [sets[path] for path in self.config.real]

    def fit(self, report: Report = lambda row: None) -> None:
        """Trains until `config.samples`; `report` gets a row of numbers after every batch."""
        config = self.config
        if self.samples >= config.samples:
            return
        sets = self.validation_sets()
        batches = iter(self.stream().loader(config.workers))
        rows: list[dict[str, float]] = []
        while self.samples < config.samples:
            before, started = self.samples, time.perf_counter()
            rows.append(self.step(next(batches)))
            self.seconds += time.perf_counter() - started
            report(rows[-1] | {"samples": self.samples, "seconds": self.seconds})
            finished = self.samples >= config.samples
            if finished or before // config.validate_every < self.samples // config.validate_every:
                self._validate(sets, _mean(rows))
                rows.clear()
            # Last: a kill in between is made good by the resumed run, which validates again.
            if finished or before // config.save_every < self.samples // config.save_every:
                self.save()

    def step(self, batch: Batch) -> dict[str, float]:
        """One update; the learning rate and each loss."""
        rate = self.config.learning_rate_at(self.samples)
        for group in self.optimizer.param_groups:
            group["lr"] = rate
        self.model.train()
        labels = self.recognizer.encode_text(batch.texts).to(self.fabric.device)
        losses = self.model(batch.pixels.to(self.fabric.device), labels, batch)
        update(self.fabric, self.model, self.optimizer, losses["loss"])
        self.average.update_parameters(self.recognizer)
        self.samples += len(batch.texts)
        self.next_index = batch.next_index
        return {"rate": rate} | {name: loss.item() for name, loss in losses.items()}

    def _validate(self, sets: dict, row: dict[str, float]) -> None:
        entry = {"samples": self.samples, "hours": round(self.seconds / 3600, 4), **row}
        for name, pairs in sets.items():
            for degrees, score in validate(self.average.module.eval(), pairs).items():
                for key, value in asdict(score).items():
                    entry[f"{name}_{key}_{degrees}"] = round(value, 5)
        log_row(self.out / "log.csv", entry)
        draw_curve(self.out / "log.csv", self.out / "curve.png")


def _loaded(start: str) -> Recognizer:
    return load_torch(None if start == "shipped" else Path(start))


def _fixed(config: dict) -> dict:
    return {name: value for name, value in config.items() if name not in MAY_CHANGE}


def _mean(rows: list[dict[str, float]]) -> dict[str, float]:
    return {name: sum(row[name] for row in rows) / len(rows) for name in rows[0]}


class _Losses(nn.Module):
    """The recogniser with its training losses, as the one module that Fabric wraps."""

    def __init__(self, parts: nn.ModuleDict, config: RecognitionConfig) -> None:
        super().__init__()
        self.parts = parts
        self.stride, self.noise = config.vit.stride, config.noise
        self.weights = {
            "dense": config.dense_weight,
            "order": config.order_weight,
            "look": config.look_weight,
            "ctc": config.ctc_weight,
        }

    def forward(self, pixels: Tensor, labels: Tensor, batch: Batch) -> dict[str, Tensor]:
        recognizer = self.parts["recognizer"]
        tokens = recognizer.encoder(pixel_values=pixels).last_hidden_state
        written = recognizer.prepare_decoder_input_ids_from_labels(labels)
        written = with_wrong_tokens(written, self.noise, recognizer.config.decoder.vocab_size)
        out = recognizer.decoder(
            input_ids=written, encoder_hidden_states=tokens, output_attentions=True, use_cache=False
        )
        text = F.cross_entropy(out.logits.float().flatten(0, 1), labels.flatten())
        looks, characters = out.cross_attentions[-1], recognizer.columns(tokens)
        extra = self.parts["alignment"](tokens, characters, looks, labels, batch, self.stride)
        total = text + sum(weight * extra[name] for name, weight in self.weights.items())
        return {"loss": total, "text": text, **extra}


def log_row(path: Path, row: dict[str, float]) -> None:
    """Adds a row to a CSV in the place of those of as many samples or more, lost by a kill.

    A column that the file does not have yet is added to all its rows.
    """
    rows = []
    if path.is_file():
        with path.open(newline="") as file:
            rows = [r for r in csv.DictReader(file) if int(r["samples"]) < row["samples"]]
    write_log(path, [*rows, row])
