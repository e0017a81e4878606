"""The runs of a study that trains: each in its folder, done once, by one of several processes."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterable
from pathlib import Path

from pydantic import BaseModel

from isotrope.io.files import replacing
from isotrope.jobs.locking import locked
from measuring import made_by

RESULT = "result.json"
Lines = list[dict]
"""Rows of the study's CSV."""


def run_once(folder: Path, recipe: BaseModel, work: Callable[[], Iterable[dict]]) -> Lines:
    """Do a run and keep its lines, unless it is finished or another process has it.

    Args:
        folder: The run's own.
        recipe: All that decides the result; kept beside it.
        work: Trains and tests; goes on in `folder` where it was interrupted.

    Returns:
        The lines, with their provenance; none if the run was not done here.

    Raises:
        ValueError: The run was finished with a different recipe.
    """
    folder.mkdir(parents=True, exist_ok=True)
    if (lock := locked(folder / "lock")) is None:
        return []
    with lock:
        ended, stated = folder / RESULT, recipe.model_dump(mode="json")
        if ended.is_file():
            if json.loads(ended.read_text())["recipe"] != stated:
                raise ValueError(f"{folder} was of another recipe; remove it to run it anew")
            return []
        lines = [line | made_by() for line in work()]
        with replacing(ended) as temporary:
            temporary.write_text(json.dumps({"recipe": stated, "rows": lines}))
        return lines


def finished(study: Path) -> Lines:
    """The lines of all finished runs in a study's folder."""
    ended = sorted(study.glob(f"*/{RESULT}"))
    return [line for path in ended for line in json.loads(path.read_text())["rows"]]
