"""Any published TrOCR: a folder with a transformers VisionEncoderDecoderModel."""

from __future__ import annotations

import json
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np
from PIL import Image

from isotrope.ocr.engines.base import Transcript, required
from isotrope.ocr.engines.torch_device import torch_device
from isotrope.ocr.loading import adapter_folder
from isotrope.ocr.processes import settle

_REMEDY = "pip install 'isotrope[torch]'"


class TrOCR:
    """A TrOCR checkpoint, decoded greedily or with beam search.

    Li et al. 2021, https://arxiv.org/abs/2109.10282. The pixels are prepared here, following
    `preprocessor_config.json`, because transformers' own image processors need torchvision.

    Args:
        model: A `VisionEncoderDecoderModel` in eval mode.
        tokenizer: Its tokenizer.
        preparation: The values of `preprocessor_config.json`; missing ones default to those of the
            published checkpoints.
        beams: Beam width.
    """

    name = "trocr"

    def __init__(
        self, model: Any, tokenizer: Any, preparation: dict | None = None, beams: int = 1
    ) -> None:
        if beams < 1:
            raise ValueError(f"beams={beams} must be 1 or more; 1 is greedy, 4 finds more")
        self.model, self.tokenizer, self.beams = model, tokenizer, beams
        self.preparation = preparation or {}

    @classmethod
    def from_pretrained(
        cls,
        path: str | Path | None = None,
        adapter: str | Path | None = None,
        beams: int = 1,
        threads: int | None = None,
        device: str | None = None,
    ) -> TrOCR:
        """Load an engine from a folder.

        Args:
            path: The folder of a checkpoint with its tokenizer.
            adapter: The folder of a LoRA adapter for that model.
            beams: As in the constructor.
            threads: Has no effect; torch uses the number set by `torch.set_num_threads`.
            device: "cpu", "cuda", "mps", or "auto", the fastest that torch sees. None: the CPU.

        Raises:
            ValueError: There is no such checkpoint at `path`, no matching adapter, or no such
                device.
            ModuleNotFoundError: `isotrope[torch]` is not installed.
        """
        transformers = required("transformers", cls.name, _REMEDY)
        required("torch", cls.name, _REMEDY)
        place = torch_device(device)
        if path is None or not (Path(path) / "config.json").is_file():
            raise ValueError(
                f"engine 'trocr' needs a folder with a TrOCR checkpoint and its tokenizer, and "
                f"path={str(path) if path is not None else None!r} has no config.json"
            )
        try:
            model = transformers.VisionEncoderDecoderModel.from_pretrained(path).eval()
            tokenizer = transformers.AutoTokenizer.from_pretrained(path)
        except Exception as error:  # transformers raises many exceptions for broken files
            reason = f"{type(error).__name__}: {error}".split("\n")[0]
            raise ValueError(f"{path}: no TrOCR that can be loaded ({reason})") from error
        if adapter is not None:
            from isotrope.lora import load_adapter

            model = load_adapter(model, adapter_folder(adapter)).merge_and_unload().eval()
        file = Path(path) / "preprocessor_config.json"
        preparation = json.loads(file.read_text(encoding="utf-8")) if file.is_file() else {}
        return cls(model.to(place), tokenizer, preparation, beams)

    def read(self, lines: Sequence[np.ndarray], batch_size: int = 32) -> list[Transcript]:
        """Read upright lines, as in `Engine.read`.

        The confidence of a line is the geometric mean of the probabilities of its tokens.
        """
        return [
            line
            for start in range(0, len(lines), batch_size)
            for line in self._read_batch(lines[start : start + batch_size])
        ]

    def _read_batch(self, lines: Sequence[np.ndarray]) -> list[Transcript]:
        import torch

        settle(torch)
        pixels = torch.from_numpy(np.stack([self._prepared(line) for line in lines]))
        pixels = pixels.to(self.model.device)
        with torch.inference_mode():
            written = self.model.generate(
                pixels,
                num_beams=self.beams,
                do_sample=False,
                return_dict_in_generate=True,
                output_scores=True,
            )
            log_p = self.model.compute_transition_scores(
                written.sequences,
                written.scores,
                getattr(written, "beam_indices", None),
                normalize_logits=True,
            )
        tokens = written.sequences[:, -log_p.shape[1] :]
        real = (tokens != self.model.generation_config.pad_token_id) & log_p.isfinite()
        mean = (log_p.where(real, 0.0).sum(1) / real.sum(1).clamp(min=1)).exp()
        texts = self.tokenizer.batch_decode(written.sequences, skip_special_tokens=True)
        return [
            Transcript(text.strip(), confidence if text.strip() else 0.0)
            for text, confidence in zip(texts, mean.tolist(), strict=True)
        ]

    def _prepared(self, line: np.ndarray) -> np.ndarray:
        """Prepare a line (H, W, 3) as the encoder was trained to see it: (3, h, w) float32."""
        given = self.preparation
        size = given.get("size", self.model.config.encoder.image_size)
        rows, columns = _sides(size)
        resample = Image.Resampling(given.get("resample", Image.Resampling.BILINEAR))
        sized = np.asarray(Image.fromarray(line).resize((columns, rows), resample), np.float32)
        unit = sized * given.get("rescale_factor", 1 / 255)
        mean, spread = (given.get(f"image_{name}", [0.5] * 3) for name in ("mean", "std"))
        return ((unit - mean) / spread).transpose(2, 0, 1).astype(np.float32)


def _sides(size: int | Sequence[int] | dict[str, int]) -> tuple[int, int]:
    """Return (rows, columns) of a size in any of transformers' notations."""
    if isinstance(size, dict):
        return size["height"], size["width"]
    rows, columns = (size, size) if isinstance(size, int) else size
    return rows, columns
