"""The adapting loop: a LoRA adapter, or all weights, on labelled lines of one hand or script."""

from __future__ import annotations

import time
from collections.abc import Sequence
from dataclasses import asdict, replace
from functools import cached_property
from pathlib import Path

import torch
import torch.nn.functional as F
from lightning.fabric import Fabric
from peft import set_peft_model_state_dict
from safetensors.torch import load_file
from torch import Tensor, nn

from isotrope.data.lines import LabelledLines
from isotrope.data.pages import load_lines
from isotrope.io.files import replacing
from isotrope.lora import adapted_targets, add_adapter, load_adapter, save_adapter, weights_digest
from isotrope.ocr.engines.gsanet import BEAMS
from isotrope.ocr.gsanet.loading import load_recognizer
from isotrope.ocr.gsanet.recognizer import Recognizer
from isotrope.ocr.loading import adapter_folder
from isotrope.training.adaptation_config import AdaptationConfig
from isotrope.training.alignment import columns_loss
from isotrope.training.line_batches import LineBatches, usable
from isotrope.training.loop import (
    Report,
    decayed,
    keep_model,
    loading,
    refuse_another,
    update,
    write_log,
)
from isotrope.training.validation import LineScore, score_lines
from isotrope.training.variation import with_wrong_tokens


class AdaptationTrainer:
    """Adapts a recogniser; all that a resume needs is in its checkpoint. Ends with what was best.

    Writes to `out` the adapter of the lowest character error rate on the held-out lines (what
    `isotrope read --adapter` takes), `README.md` (its card), `log.csv` and `checkpoint.pt`. With
    `config.full` the whole model, to `out/model`. Each file replaces its predecessor at one stroke.

    Args:
        data: as `load_lines` takes it.
        base: a folder of `Recognizer.save_pretrained`; `None`: the shipped weights.

    Raises:
        ValueError: data or a base that cannot be read, too few lines, or a checkpoint in `out`
            that is broken, of another base, other data or another recipe; a `start` that is no
            adapter of this base.
    """

    def __init__(
        self,
        config: AdaptationConfig,
        data: str | Path,
        out: str | Path,
        base: str | Path | None = None,
    ) -> None:
        self.config, self.data, self.out = config, Path(data), Path(out)
        self.out.mkdir(parents=True, exist_ok=True)  # or this would fail after the lines are read
        self.fabric = Fabric(accelerator="auto", devices=1, precision=config.precision)
        self.fabric.seed_everything(config.seed, verbose=False)
        self.base = Path(base) if base is not None else None
        self.recognizer = load_recognizer(self.base)
        self.digest = weights_digest(self.recognizer)
        self.train, self.valid, self.left_out = self._lines()
        self.config = replace(config, epochs=config.epochs_for(len(self.train)))
        settings = self.recognizer.config
        size = (settings.image_height, settings.image_stride, settings.max_ratio)
        self.batches = LineBatches(
            self.train, size, config.batch_pixels, config.seed, config.turned
        )
        self.adapted = self._adapted()
        learning = nn.ParameterList(p for p in self.adapted.parameters() if p.requires_grad)
        optimizer = torch.optim.AdamW(
            decayed(learning, config.weight_decay), lr=config.learning_rate, betas=(0.9, 0.98)
        )
        loss = _TextLoss(self.adapted, self.recognizer, config)
        self.model, self.optimizer = self.fabric.setup(loss, optimizer)
        self.epoch, self.seconds, self.rows = 0, 0.0, []
        self.checkpoint = self.out / "checkpoint.pt"
        if self.checkpoint.is_file():
            self._load()

    def _lines(self) -> tuple[LabelledLines, LabelledLines, int]:
        """Those to train on, as many as the recipe says, those held out, and how many are bad."""
        given = load_lines(self.data)
        train, valid = usable(given, self.recognizer, self.config.held_out)
        left_out = len(given) - len(train) - len(valid)
        if self.config.lines is not None:
            order = torch.randperm(
                len(train), generator=torch.Generator().manual_seed(self.config.seed)
            )
            chosen = set(order[: self.config.lines].tolist())
            train = train.keep(lambda number, _: number in chosen)
        return train, valid, left_out

    def _adapted(self) -> nn.Module:
        config = self.config
        if config.full:
            return self.recognizer.requires_grad_(True)
        if config.start is not None:
            return self._started(config.start)
        return add_adapter(
            self.recognizer, config.targets, rank=config.rank, alpha=config.alpha, dora=config.dora
        )

    def _started(self, start: str) -> nn.Module:
        """The model with an adapter that has learned before, and that now says what it is."""
        adapted = load_adapter(self.recognizer, adapter_folder(start, "recognizer"))
        adapted.set_adapter("default")  # to learn, which a loaded one does not
        trained = ((name, p) for name, p in adapted.named_parameters() if p.requires_grad)
        self.begun = {name: parameter.detach().clone() for name, parameter in trained}
        own = adapted.peft_config["default"]
        same = {"rank": own.r, "alpha": own.lora_alpha, "dora": own.use_dora}
        targets = adapted_targets(self.recognizer) or f"the layers of {start}"
        self.config = replace(self.config, targets=targets, **same)
        return adapted

    @property
    def best(self) -> dict[str, float]:
        """The row of the log with the lowest character error rate."""
        return min(self.rows, key=lambda row: row["cer"])

    @property
    def finished(self) -> bool:
        """Whether all epochs are over, or none of the last `patience` was better."""
        config = self.config
        if self.epoch >= config.epochs:
            return True
        longest = config.patience * config.validate_every
        return bool(self.rows) and self.epoch - self.best["epoch"] >= longest

    def fit(self, report: Report = lambda row: None) -> None:
        """Trains until `finished`; `report` gets a row of numbers after every batch."""
        config = self.config
        if not self.rows:
            self._validate(float("nan"))  # before any training
        while not self.finished:
            started, losses = time.perf_counter(), []
            torch.manual_seed(hash((config.seed, self.epoch)))  # dropout, also after a resume
            batches = self.batches.batches(self.epoch)
            for place, numbers in enumerate(batches):
                losses.append(self.step(numbers, self.epoch * len(batches) + place, len(batches)))
                seen = self.epoch * len(self.train) + sum(map(len, batches[: place + 1]))
                report({"samples": seen, "loss": losses[-1]})
            self.seconds += time.perf_counter() - started
            self.epoch += 1
            if self.epoch % config.validate_every == 0 or self.epoch >= config.epochs:
                self._validate(sum(losses) / len(losses))
        self._halve()
        self._restore()
        write_log(self.out / "log.csv", self.rows)  # a kill may have come before the last one

    def step(self, numbers: list[int], step: int, steps_per_epoch: int) -> float:
        """One update on the lines of these numbers; the loss."""
        for group in self.optimizer.param_groups:
            group["lr"] = self.config.learning_rate_at(step, steps_per_epoch)
        self.model.train()
        pixels, texts = self.batches(numbers, self.epoch)
        labels = self.recognizer.encode_text(texts).to(self.fabric.device)
        loss = self.model(pixels.to(self.fabric.device), labels)
        update(self.fabric, self.model, self.optimizer, loss)
        return loss.item()

    @cached_property
    def before(self) -> LineScore:
        """Of the held-out lines without any adapter."""
        if self.config.start is None:
            return LineScore(self.rows[0]["cer"], self.rows[0]["wer"], 1.0)
        with self.adapted.disable_adapter():
            return self.score()[0]

    def score(self, turns: Sequence[int] = (0,)) -> dict[int, LineScore]:
        """Of the held-out lines at each turn, in degrees, read as a reader with an adapter does."""
        return score_lines(self.recognizer.eval(), self.valid, turns, BEAMS)

    def _halve(self) -> None:
        """Tries the mean of the adapter that was gone on from and of what it has become.

        A soup, Wortsman et al. 2022: of two that learned the same it is often better than both.
        """
        if self.config.start is None or any(row.get("halved") for row in self.rows):
            return
        with torch.no_grad():
            for name, parameter in self._learned().items():
                parameter.lerp_(self.begun[name].to(parameter), 0.5)
        self._validate(float("nan"), halved=1)

    def _validate(self, loss: float, **more: int) -> None:
        """Scores the held-out lines, keeps what is best, and writes log and checkpoint."""
        score = self.score()[0]
        row = {"epoch": self.epoch, "hours": round(self.seconds / 3600, 4), "loss": round(loss, 5)}
        row |= more
        self.rows.append(row | {"cer": round(score.cer, 5), "wer": round(score.wer, 5)})
        if self.best is self.rows[-1]:
            self._keep()
        with replacing(self.checkpoint) as temporary:
            self.fabric.save(temporary, self._state())
        write_log(self.out / "log.csv", self.rows)

    def _keep(self) -> None:
        if self.config.full:
            keep_model(self.recognizer, self.out / "model")
        else:
            save_adapter(self.adapted, self.out)

    def _restore(self) -> None:
        """What was kept is put back into the model."""
        if self.config.full:
            tensors = load_file(self.out / "model" / "model.safetensors")
            self.recognizer.load_state_dict(tensors, strict=False)  # tied weights are kept once
        else:
            tensors = load_file(self.out / "adapter_model.safetensors")
            set_peft_model_state_dict(self.adapted, tensors)

    def _learned(self) -> dict[str, Tensor]:
        return {name: p for name, p in self.adapted.named_parameters() if p.requires_grad}

    def _state(self) -> dict:
        return {
            "learned": {name: p.detach() for name, p in self._learned().items()},
            "optimizer": self.optimizer.state_dict(),
            "progress": (self.epoch, self.seconds, self.rows),
            "recipe": self._recipe(),
        }

    def _recipe(self) -> dict:
        """What a run is: another recipe, other data or another base cannot go on with it."""
        parts = {"lines": self.train, "held-out lines": self.valid}
        texts = {name: [text for _, text in part.items] for name, part in parts.items()}
        return asdict(self.config) | texts | {"base": self.digest}

    def _load(self) -> None:
        with loading(self.checkpoint, "recipe, base or data"):
            state = self.fabric.load(self.checkpoint)
            refuse_another(state["recipe"], self._recipe())
            self.optimizer.load_state_dict(state["optimizer"])
            self.epoch, self.seconds, self.rows = state["progress"]
            with torch.no_grad():
                for name, parameter in self._learned().items():
                    parameter.copy_(state["learned"][name])


class _TextLoss(nn.Module):
    """Cross-entropy of the text and CTC of its columns, as the one module that Fabric wraps."""

    def __init__(self, model: nn.Module, recognizer: Recognizer, config: AdaptationConfig) -> None:
        super().__init__()
        self.model, self.recognizer, self.config = model, recognizer, config

    def forward(self, pixels: Tensor, labels: Tensor) -> Tensor:
        written = self.recognizer.prepare_decoder_input_ids_from_labels(labels)
        vocabulary = self.recognizer.config.decoder.vocab_size
        written = with_wrong_tokens(written, self.config.noise, vocabulary)
        out = self.model(pixel_values=pixels, decoder_input_ids=written)
        text = F.cross_entropy(
            out.logits.float().flatten(0, 1),
            labels.flatten(),
            label_smoothing=self.config.label_smoothing,
        )
        # Of turned lines nobody says which way the columns run.
        if self.recognizer.columns is None or self.config.turned:
            return text
        characters = self.recognizer.columns(out.encoder_last_hidden_state)
        columns = columns_loss(
            characters, labels, self.recognizer.grid(pixels), self.recognizer.space
        )
        return text + self.config.ctc_weight * columns
