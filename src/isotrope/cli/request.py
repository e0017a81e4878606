"""What `isotrope read` is asked for, whether it reads pages or crops."""

from __future__ import annotations

import os
import warnings
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

from isotrope.cli.errors import Complaints, UsageError
from isotrope.cli.files import Found, check_folder, gather

if TYPE_CHECKING:
    from isotrope.ocr.reader import Reader


@dataclass(frozen=True)
class Request:
    """The options of `isotrope read` that pages and crops share.

    Args:
        inputs: Files, folders, and `-`.
        files_from: A file that lists more of them, or `-`.
        null: Whether the entries of the list end in NUL.
        format: The name of a format.
        out: Where the texts go. None: standard output.
        show: Where the picture goes. None: nowhere.
        turns: Whether to read at all four turns.
        batch_size: How many images or lines are read at once.
        reader: The arguments of `Reader.from_pretrained`.
    """

    inputs: Sequence[Path]
    files_from: Path | None
    null: bool
    format: str
    out: str | None
    show: str | None
    turns: bool
    batch_size: int
    reader: dict[str, Any]

    def files(self, complaints: Complaints, pdf: bool = False) -> list[Found]:
        """Find the files to read; see `gather`."""
        return gather(self.inputs, self.files_from, self.null, complaints, pdf)

    @property
    def several(self) -> bool:
        """Whether there may be more than one file."""
        named = self.inputs
        return self.files_from is not None or len(named) > 1 or any(p.is_dir() for p in named)

    def check(self) -> None:
        """Reject bad options of the reader now, rather than after seconds of loading.

        Raises:
            ValueError: A folder, its model or the adapter does not exist.
            UsageError: The engine does not take an option.
        """
        check_reader(self.reader)

    def load(self) -> Reader:
        """Load the reader, quietly."""
        from isotrope.ocr.reader import Reader

        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            return Reader.from_pretrained(**self.reader)


def check_reader(given: dict[str, Any]) -> None:
    """Check the arguments of `Reader.from_pretrained`; see `Request.check`."""
    from isotrope.ocr.detection import DETECTORS
    from isotrope.ocr.loading import adapter_folder, default_engine

    weights, finder, adapter = given["path"], given["finder"], given["adapter"]
    check_folder("--weights", weights)
    engine = given["engine"] or default_engine(weights)
    _check_taken(engine, given)
    if weights is not None and not (weights / "config.json").is_file():
        raise ValueError(f"{weights}: no recognizer here (config.json is missing); check --weights")
    if engine == "trocr" and weights is None:
        raise UsageError("--engine trocr needs --weights, a folder with a TrOCR and its tokenizer")
    if finder not in ("isotrope", "orbit"):
        check_folder("--finder", finder)
    detector = given.get("detector")
    if detector not in (None, *DETECTORS) and not os.path.isdir(detector):
        names = ", ".join(DETECTORS)
        raise UsageError(f"--detector {detector}: not known; use {names} or a folder")
    if adapter is not None:
        adapter_folder(adapter, "recognizer" if engine == "gsanet" else given["model"] or "small")


def _check_taken(engine: str, given: dict[str, Any]) -> None:
    """Reject an option that belongs to another engine."""
    from isotrope.ocr.engines import engine_options

    every = ("engine", "finder", "min_confidence", "detector")  # engine has these
    taken = {*every, *engine_options(engine)}
    for name, value in given.items():
        if value is not None and name not in taken:
            option = "--weights" if name == "path" else f"--{name}"
            raise UsageError(
                f"{option} {value}: the engine {engine} does not take it; leave it out"
            )
