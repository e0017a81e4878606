"""Export a `Recognizer` as ONNX graphs that run without torch, and audit the result.

`encoder.onnx` maps pixels to tokens and to the keys and values that the decoder attends to;
`decoder.onnx` is one decoding step; `config.json` holds the rest. The turned filters are constants
in the graph, so its symmetry no longer follows from its construction and is measured on every
export.
"""

from __future__ import annotations

import copy
import json
import logging
import warnings
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any, cast

import torch
from torch import Tensor, nn
from torch.export import Dim

from isotrope.equivariance.measure import TOLERANCES, describe
from isotrope.io.files import replacing
from isotrope.nn.conv import TurnedFilter
from isotrope.ocr.gsanet.graph import FORMAT, audit_onnx, layer_names, required
from isotrope.ocr.gsanet.recognizer import Recognizer
from isotrope.ocr.gsanet.step import KeysValues, attention_weights, cross_keys_values, step
from isotrope.text.tokens import BOS, EOS, SPECIAL

TOLERANCE = TOLERANCES[torch.float32]


def export_onnx(recognizer: Recognizer, folder: str | Path) -> dict[int, float]:
    """Write `encoder.onnx`, `decoder.onnx` and `config.json`, in float32.

        encoder: pixels (B, 3, H, W) -> tokens (B, |G|*N, C), cross_keys_i and cross_values_i,
                 characters (B, |G|*N, vocabulary) where there is a head `columns`
        decoder: token (B,), past_*_i (B, heads, T, d), cross_*_i (B, heads, |G|*N, d)
              -> log_p (B, vocabulary), looked (B, |G|), written_*_i (B, heads, T + 1, d)

    for each layer `i` of the decoder; B, H, W and T are free, T is 0 at the first step. `looked` is
    the last layer's cross-attention on each orientation. The files are put in place together, and
    only if the encoder's graph passes `audit_onnx`.

    Returns:
        The equivariance error of the graph under each element of the group.

    Raises:
        ValueError: `folder` contains another kind of model, the graph is not equivariant, or the
            tokens are a tokenizer's word pieces.
        ModuleNotFoundError: `isotrope[onnx]` is not installed.
    """
    for name in ("onnx", "onnxscript", "onnxruntime"):
        required(name)
    if recognizer.config.charset is None:
        raise ValueError(
            "this model writes with a tokenizer, which is not exported; read with runtime='torch'"
        )
    folder = Path(folder)
    _refuse_to_overwrite(folder / "config.json")
    folder.mkdir(parents=True, exist_ok=True)
    recognizer = copy.deepcopy(recognizer).float().cpu().eval()
    with (  # the last entered is put in place first, and the config must be last
        replacing(folder / "config.json") as config,
        replacing(folder / "decoder.onnx") as decoder,
        replacing(folder / "encoder.onnx") as encoder,
    ):
        config.write_text(json.dumps(_config(recognizer), indent=2), encoding="utf-8")
        _export_encoder(recognizer, encoder)
        _export_decoder(recognizer, decoder)
        group, unit = recognizer.group, recognizer.encoder.vit.config.unit
        images = torch.rand(2, 3, 4 * unit, 7 * unit, generator=torch.Generator().manual_seed(0))
        errors = audit_onnx(encoder, images, group)
        worst = max(errors, key=errors.__getitem__)
        if errors[worst] > TOLERANCE:
            raise ValueError(
                f"{folder}: the exported encoder is not equivariant to {group!r}: error "
                f"{errors[worst]:.1e} under {describe(group, worst)}, tolerance {TOLERANCE:.0e}; "
                "nothing was written; isotrope audit says which layer breaks it"
            )
    return errors


class _Encoder(nn.Module):
    """Map pixels to tokens, keys and values for cross-attention, and characters."""

    def __init__(self, recognizer: Recognizer) -> None:
        super().__init__()
        self.encoder, self.decoder = recognizer.encoder, recognizer.decoder
        self.columns = recognizer.columns
        # Otherwise each run would turn the filters again.
        for module in self.encoder.modules():
            if isinstance(module, TurnedFilter):
                module.register_buffer("turned_bank", module.bank().detach().contiguous())
                module.bank = lambda _=None, module=module: module.turned_bank  # pyright: ignore[reportAttributeAccessIssue] # a method of this copy alone

    def forward(self, pixels: Tensor) -> tuple[Tensor | list[KeysValues], ...]:
        (tokens,) = self.encoder(pixels, return_dict=False)
        characters = () if self.columns is None else (self.columns(tokens),)
        return tokens, cross_keys_values(self.decoder, tokens), *characters


class _Step(nn.Module):
    """One decoder step, reduced to the outputs that `Recognizer.read` keeps."""

    def __init__(self, recognizer: Recognizer) -> None:
        super().__init__()
        self.decoder, self.order = recognizer.decoder, recognizer.group.order

    def forward(
        self, token: Tensor, past: list[KeysValues], cross: list[KeysValues]
    ) -> tuple[Tensor, Tensor, list[KeysValues]]:
        place = past[0][0].shape[2]
        logits, query, written = step(self.decoder, token, place, past, cross)
        looked = attention_weights(query, cross[-1][0])[:, 0]
        looked = looked.unflatten(1, (self.order, -1)).sum(dim=2)
        return logits.log_softmax(-1), looked, written


def _export_encoder(recognizer: Recognizer, path: Path) -> None:
    layers, unit = recognizer.config.decoder.decoder_layers, recognizer.encoder.vit.config.unit
    # Sizes must not be 0 or 1, which torch.export treats as constants, and must all differ, or they
    # are treated as the same.
    pixels = torch.rand(2, 3, 3 * unit, 5 * unit)
    free = {0: Dim("batch"), 2: unit * Dim("rows"), 3: unit * Dim("columns")}
    outputs = ["tokens", *layer_names("cross", layers)]
    if recognizer.columns is not None:
        outputs.append("characters")
    _export(_Encoder(recognizer), (pixels,), (free,), ["pixels"], outputs, path)


def _export_decoder(recognizer: Recognizer, path: Path) -> None:
    config, order = recognizer.config.decoder, recognizer.group.order
    layers, heads = config.decoder_layers, config.decoder_attention_heads

    def keys_and_values(length: int) -> list[KeysValues]:
        shape = (2, heads, length, config.d_model // heads)
        return [(torch.rand(shape), torch.rand(shape)) for _ in range(layers)]

    arguments = torch.tensor([BOS, EOS]), keys_and_values(3), keys_and_values(5 * order)
    batch, past, cross = Dim("batch"), Dim("past"), order * Dim("positions")
    free = {0: batch}, *([({0: batch, 2: length},) * 2] * layers for length in (past, cross))
    inputs = ["token", *layer_names("past", layers), *layer_names("cross", layers)]
    outputs = ["log_p", "looked", *layer_names("written", layers)]
    _export(_Step(recognizer), arguments, free, inputs, outputs, path)


@torch.no_grad()  # the exporter fails under inference_mode
def _export(
    module: nn.Module,
    arguments: tuple,
    free: tuple,
    inputs: list[str],
    outputs: list[str],
    path: Path,
) -> None:
    try:
        with _quiet():
            exported = torch.onnx.export(
                module.eval(),
                arguments,
                dynamo=True,
                dynamic_shapes=free,
                input_names=inputs,
                output_names=outputs,
                verbose=False,
            )
    except torch.onnx.OnnxExporterError as error:
        reason = str(error.__cause__ or error).split("\n")[0]
        raise ValueError(f"this model cannot be exported: torch says {reason}") from error
    program = cast("torch.onnx.ONNXProgram", exported)  # always one with dynamo
    for node in program.model.graph.all_nodes():
        node.metadata_props.clear()  # it contains this machine's paths
    program.save(path, external_data=False)


@contextmanager
def _quiet() -> Iterator[None]:
    """Silence the exporter's warnings about torch's own code and about unused torchvision."""
    names = ("torch.onnx._internal.exporter", "onnxscript", "onnx_ir")
    levels = {logger: logger.level for logger in map(logging.getLogger, names)}
    try:
        for logger in levels:
            logger.setLevel(logging.ERROR)
        with warnings.catch_warnings():
            warnings.filterwarnings("ignore", ".*LeafSpec", FutureWarning)
            warnings.filterwarnings("ignore", "# The axis name: ", UserWarning)
            yield
    finally:
        for logger, level in levels.items():
            logger.setLevel(level)


def _config(recognizer: Recognizer) -> dict[str, Any]:
    config, group = recognizer.config, recognizer.group
    tokens = {"begin": BOS, "end": EOS, "space": recognizer.space, "first_character": SPECIAL}
    names = ("charset", "image_height", "image_stride", "max_ratio", "max_characters")
    return {
        "format": FORMAT,
        "group": group.name,
        "orientations": [round(group.angle(g)) for g in group.elements],
        "layers": config.decoder.decoder_layers,
        "tokens": tokens,
        "columns": recognizer.columns is not None,
        "stride": recognizer.encoder.vit.config.stride,
        **{name: getattr(config, name) for name in names},
    }


def _refuse_to_overwrite(config: Path) -> None:
    """Reject a folder with another model's config, such as the one being exported."""
    if config.is_file() and f'"{FORMAT}"' not in config.read_text(encoding="utf-8"):
        raise ValueError(f"{config.parent}: holds another model; export to a folder of its own")
