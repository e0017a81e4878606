"""`isotrope read`: read the text of pages, or of words and lines, whichever way up they are."""

from __future__ import annotations

import typer

from isotrope.cli import options
from isotrope.cli.errors import UsageError, exit_on_error
from isotrope.cli.read_crops import read_crops
from isotrope.cli.read_pages import read_pages
from isotrope.cli.request import Request


def read(
    inputs: options.Inputs = None,
    files_from: options.FilesFrom = None,
    null: options.Null = False,
    crops: options.Crops = False,
    format: options.PageFormat = None,
    out: options.Out = None,
    show: options.Show = None,
    skip_text: options.SkipText = False,
    resume: options.Resume = False,
    retry: options.Retry = False,
    jobs: options.Jobs = None,
    min_confidence: options.MinConfidence = 0.0,
    turns: options.Turns = False,
    detector: options.DetectorName = None,
    engine: options.EngineName = None,
    model: options.Model = None,
    weights: options.Weights = None,
    adapter: options.Adapter = None,
    finder: options.FinderName = "isotrope",
    device: options.Device = None,
    runtime: options.Runtime = None,
    beams: options.Beams = None,
    language: options.Language = None,
    batch_size: options.BatchSize = 32,
    translate: options.Translate = None,
) -> None:
    """Read pages, whichever way up they and their lines are.

    A page is an image, a page of a TIFF, or a page of a PDF. Text is written to standard output in
    reading order, or to --out: a file, or a folder, which gets a file for each input. A file or
    page that cannot be read gets one line on standard error; the others are still read, and the
    exit status is 1.

    With --crops each image is one word or line: the text alone is written for one file,
    FILE<TAB>TEXT for several. An image that may have been read wrongly, such as several lines in
    one crop, gets a line on standard error, which does not change the status.
    """
    given = {
        **{"path": weights, "adapter": adapter, "engine": engine, "model": model},
        **{"finder": finder, "min_confidence": min_confidence, "device": device},
        **{"runtime": runtime, "beams": beams, "language": language, "detector": detector},
        "translate": translate,
    }
    with exit_on_error():
        if crops and skip_text:
            raise UsageError("--skip-text is for pages; leave it out, or --crops")
        if crops and detector is not None:
            raise UsageError(f"--detector {detector} is for pages; leave it out, or --crops")
        if retry and not resume:
            raise UsageError("--retry is about an earlier run; give --resume too")
    named = list(inputs or [])
    request = Request(
        *(named, files_from, null, format, out, show, turns, batch_size, given),
        **{"crops": crops, "skip_text": skip_text, "resume": resume, "retry": retry},
        jobs=jobs,
    )
    raise typer.Exit(read_crops(request) if crops else read_pages(request))
