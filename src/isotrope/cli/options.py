"""Options that several commands share, as types of their arguments."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated, Any, Literal, TypeAlias

import typer

from isotrope.cli import completion

_ENGINE = "Engine"
"""The help panel for options that few users need, or that only some engines take."""


def _files(kinds: str) -> Any:
    """The argument that names files, of these kinds, and folders of them."""
    return typer.Argument(
        metavar="FILE_OR_FOLDER",
        readable=False,  # what cannot be read is reported like any other bad file
        show_default=False,
        help=f"{kinds}, or folders of them; - is one of them on standard input.",
    )


Inputs: TypeAlias = Annotated[list[Path] | None, _files("Images, PDF files")]
Images: TypeAlias = Annotated[list[Path] | None, _files("Images")]
FilesFrom: TypeAlias = Annotated[
    Path | None,
    typer.Option(
        metavar="FILE", help="A list of more images and folders, one a line; - is standard input."
    ),
]
Null: TypeAlias = Annotated[
    bool,
    typer.Option("--null", "-0", help="The list is separated by NUL, as by find -print0."),
]
Device: TypeAlias = Annotated[
    Literal["auto", "cpu", "cuda", "mps"] | None,
    typer.Option(
        rich_help_panel=_ENGINE,
        help="Where it runs; auto is the fastest that is there. The CPU if left out.",
    ),
]
BatchSize: TypeAlias = Annotated[
    int,
    typer.Option(
        min=1, metavar="N", rich_help_panel=_ENGINE, help="How many lines are read at once."
    ),
]

Crops: TypeAlias = Annotated[
    bool, typer.Option("--crops", help="Each image is one word or line, not a page.")
]
PageFormat: TypeAlias = Annotated[
    str | None,
    typer.Option(
        metavar="NAME",
        autocompletion=completion.format_names,
        help="How pages are written: text, md, tsv, jsonl, hocr, alto, page, pdf; with --crops "
        "text, tsv, json, jsonl; or one that a plugin adds. If left out, the suffix of --out "
        "decides; else it is jsonl for a folder or list that goes into one output, text on a "
        "terminal and for all else.",
    ),
]
SkipText: TypeAlias = Annotated[
    bool, typer.Option("--skip-text", help="Pass over the pages of a PDF that have text.")
]
Out: TypeAlias = Annotated[
    str | None,
    typer.Option(
        metavar="FILE|FOLDER",
        help="Write to this file, whole or not at all, or a file for each input to this folder.",
    ),
]
Show: TypeAlias = Annotated[
    str | None,
    typer.Option(
        metavar="FILE|FOLDER",
        help="Draw what was read over the pages, as PNG, JPEG, WebP, TIFF or PDF; with --crops, on "
        "one sheet.",
    ),
]
Resume: TypeAlias = Annotated[
    bool,
    typer.Option("--resume", help="Go on where an earlier run with the same --out has stopped."),
]
Retry: TypeAlias = Annotated[
    bool,
    typer.Option("--retry", help="With --resume: read again what failed in an earlier run."),
]
Jobs: TypeAlias = Annotated[
    int | None,
    typer.Option(
        "--jobs",
        "-j",
        min=1,
        metavar="N",
        help="Read in N processes, which share the cores. One that dies is replaced.",
    ),
]
MinConfidence: TypeAlias = Annotated[
    float,
    typer.Option(min=0, max=1, metavar="P", help="Leave out texts of a lower confidence."),
]
Turns: TypeAlias = Annotated[
    bool, typer.Option("--turns", help="Read each page at all four turns and compare.")
]

DetectorName: TypeAlias = Annotated[
    str | None,
    typer.Option(
        metavar="NAME|FOLDER",
        autocompletion=completion.detector_names,
        rich_help_panel=_ENGINE,
        help="Who finds the lines of a page: pp-ocr, isotrope, or a folder of weights.",
    ),
]
EngineName: TypeAlias = Annotated[
    Literal["isotrope", "gsanet", "rapidocr", "tesseract", "trocr"] | None,
    typer.Option(
        metavar="NAME",
        rich_help_panel=_ENGINE,
        help="Who reads: isotrope, gsanet, rapidocr, tesseract or trocr. By the weights if left "
        "out.",
    ),
]
Model: TypeAlias = Annotated[
    Literal["small", "tiny"] | None,
    typer.Option(
        rich_help_panel=_ENGINE,
        help="The accurate or the fast one. For isotrope and rapidocr; small if left out.",
    ),
]
Weights: TypeAlias = Annotated[
    Path | None,
    typer.Option(
        metavar="FOLDER", rich_help_panel=_ENGINE, help="Weights in place of the shipped ones."
    ),
]
Adapter: TypeAlias = Annotated[
    str | None,
    typer.Option(
        metavar="NAME|FOLDER|SUM|auto",
        autocompletion=completion.adapter_names,
        rich_help_panel=_ENGINE,
        help="A LoRA adapter: a shipped one's name, or its folder; a sum of several, such as "
        "0.7*A+0.3*B; auto, the one that suits each page, auto:FOLDER also of those in FOLDER.",
    ),
]
FinderName: TypeAlias = Annotated[
    str,
    typer.Option(
        metavar="NAME|FOLDER",
        autocompletion=completion.finder_names,
        rich_help_panel=_ENGINE,
        help="Who finds which way is up: isotrope, a folder of weights, or orbit, which is the "
        "engine at all four turns.",
    ),
]
Runtime: TypeAlias = Annotated[
    Literal["auto", "torch", "onnx"] | None,
    typer.Option(
        rich_help_panel=_ENGINE,
        help="For gsanet. auto, if left out, is onnx where isotrope export has run.",
    ),
]
Beams: TypeAlias = Annotated[
    int | None,
    typer.Option(
        min=1,
        metavar="N",
        rich_help_panel=_ENGINE,
        help="For gsanet and trocr: how many texts of an image are followed side by side.",
    ),
]
Language: TypeAlias = Annotated[
    str | None,
    typer.Option(
        metavar="CODES",
        rich_help_panel=_ENGINE,
        help="For tesseract: languages, such as deu+fra.",
    ),
]
Translate: TypeAlias = Annotated[
    str | None,
    typer.Option(
        metavar="FOLDER",
        rich_help_panel=_ENGINE,
        help="Translate what is read, with a MarianMT or NLLB of yours: its folder, or "
        "fra_Latn-eng_Latn:FOLDER.",
    ),
]
