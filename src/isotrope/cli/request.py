"""What `isotrope read` is asked for, whether it reads pages or crops."""

from __future__ import annotations

import os
import sys
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

import typer

from isotrope.cli.errors import Complaints, UsageError
from isotrope.cli.files import check_folder, look

if TYPE_CHECKING:
    from isotrope.jobs.inputs import Inputs
    from isotrope.jobs.survey import Survey


@dataclass(frozen=True)
class Request:
    """The options of `isotrope read` that pages and crops share.

    Args:
        inputs: Files, folders, and `-`.
        files_from: A file that lists more of them, or `-`.
        null: Whether the entries of the list end in NUL.
        format: The name of a format. None: see `with_format`.
        out: Where the texts go. None: standard output.
        show: Where the picture goes. None: nowhere.
        turns: Whether to read at all four turns.
        batch_size: How many images or lines are read at once.
        reader: The arguments of `Reader.from_pretrained`.
        crops: Whether each image is one word or line.
        skip_text: Whether to pass over the pages of PDF files that have text.
        resume: Whether to go on where an earlier run has stopped.
        retry: Whether to read again what failed in an earlier run.
        jobs: Number of processes that read. None: this one reads.
    """

    inputs: Sequence[Path]
    files_from: Path | None
    null: bool
    format: str | None
    out: str | None
    show: str | None
    turns: bool
    batch_size: int
    reader: dict[str, Any]
    crops: bool = False
    skip_text: bool = False
    resume: bool = False
    retry: bool = False
    jobs: int | None = None

    def look(self, complaints: Complaints) -> tuple[Inputs, Survey]:
        """Go through the files once; see `isotrope.cli.files.look`."""
        return look(self.inputs, self.files_from, self.null, complaints, pdf=not self.crops)

    def sources(self, inputs: Inputs) -> Iterable[Path]:
        """All files that are read, with the list of them, to go through any number of times."""
        return _Sources(inputs)

    def with_format(self, suffixes: Mapping[str, str]) -> Request:
        """The request with the name of a format, if it has none.

        The suffix of `--out` says it. Else a folder or a list of files is written as JSON Lines,
        except to a terminal, and except as a file for each input; all else is text.

        Args:
            suffixes: Names of formats by the suffixes of their files.
        """
        if self.format is not None:
            return self
        apart = self.out is not None and not self.crops and is_folder(self.out, self.several)
        if self.out is not None and not apart:
            for suffix, name in suffixes.items():
                if self.out.lower().endswith(suffix):
                    return replace(self, format=name)
        shown = self.out is None and sys.stdout.isatty()
        long = self.files_from is not None or any(map(os.path.isdir, self.inputs))
        return replace(self, format="jsonl" if long and not apart and not shown else "text")

    @property
    def several(self) -> bool:
        """Whether there may be more than one file."""
        named = self.inputs
        return self.files_from is not None or len(named) > 1 or any(map(os.path.isdir, named))

    def fixed(self) -> dict[str, Any]:
        """What the results depend on, for the journal."""
        import isotrope

        reader = {f"--{name}": str(value) for name, value in self.reader.items() if value}
        names = {"--path": "--weights", "--min_confidence": "--min-confidence"}
        return {
            "isotrope": isotrope.__version__,
            "--crops": self.crops,
            "--format": self.format,
            "--turns": self.turns,
            "--skip-text": self.skip_text,
            **{names.get(name, name): value for name, value in reader.items()},
        }

    def report_turns(self, what: str, tally: Mapping[str, int], unit: str) -> None:
        """Print, with `--turns`, how many results are the same at every turn."""
        if self.turns:
            counted = f"{tally['same']} of {tally['results']} {unit}"
            to_stdout = self.format == "text" and self.out is None
            typer.echo(f"same {what} at all four turns: {counted}", err=not to_stdout)

    def check(self) -> None:
        """Reject bad options of the reader now, rather than after seconds of loading.

        Raises:
            ValueError: A folder, its model or the adapter does not exist.
            UsageError: The engine does not take an option.
        """
        check_reader(self.reader)


class _Sources:
    """The paths of inputs."""

    def __init__(self, inputs: Inputs) -> None:
        self._inputs = inputs

    def __iter__(self) -> Iterator[Path]:
        from isotrope.jobs.inputs import Found

        if self._inputs.files_from is not None:
            yield self._inputs.files_from
        yield from (found.path for found in self._inputs if isinstance(found, Found))


def is_folder(out: str, several: bool) -> bool:
    """Whether an output is a folder: it is one, ends in a slash, or has no suffix for `several`."""
    path = Path(out)
    if os.path.isdir(out) or out.endswith(("/", os.sep)):
        return True
    return several and not path.suffix and not path.exists()


def check_reader(given: dict[str, Any]) -> None:
    """Check the arguments of `Reader.from_pretrained`; see `Request.check`."""
    from isotrope.ocr.adapter_names import NONE, parse_adapter
    from isotrope.ocr.detection import DETECTORS
    from isotrope.ocr.finders import FINDERS
    from isotrope.ocr.loading import default_engine, is_adapter

    weights, finder, adapter = given["path"], given["finder"], given["adapter"]
    check_folder("--weights", weights)
    engine = given["engine"] or default_engine(weights)
    _check_taken(engine, given | {"adapter": None if adapter == NONE else adapter})
    if weights is not None and not (weights / "config.json").is_file():
        remedy = "give an adapter as --adapter" if is_adapter(weights) else "check --weights"
        raise ValueError(f"{weights}: no recognizer here (config.json is missing); {remedy}")
    if engine == "trocr" and weights is None:
        raise UsageError("--engine trocr needs --weights, a folder with a TrOCR and its tokenizer")
    if finder not in FINDERS:
        check_folder("--finder", finder)
    detector = given.get("detector")
    if detector not in (None, *DETECTORS) and not os.path.isdir(detector):
        names = ", ".join(DETECTORS)
        raise UsageError(f"--detector {detector}: not known; use {names} or a folder")
    if (translate := given.get("translate")) is not None:
        from isotrope.ocr.translation.names import split_name

        split_name(translate)
    if adapter not in (None, NONE):
        models = {"gsanet": "recognizer", "trocr": "trocr"}
        parse_adapter(adapter, models.get(engine, given["model"] or "small"))


def _check_taken(engine: str, given: dict[str, Any]) -> None:
    """Reject an option that belongs to another engine."""
    from isotrope.ocr.engines import engine_options

    every = ("engine", "finder", "min_confidence", "detector", "translate")  # engine has these
    taken = {*every, *engine_options(engine)}
    for name, value in given.items():
        if value is not None and name not in taken:
            option = "--weights" if name == "path" else f"--{name}"
            raise UsageError(
                f"{option} {value}: the engine {engine} does not take it; leave it out"
            )
