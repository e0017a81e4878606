"""A run over made-up files, whose results are their names."""

import json
from contextlib import closing
from pathlib import Path

import pytest

from isotrope.jobs.appended import Appended, continued, journal_of, length_of
from isotrope.jobs.journal import Journal
from isotrope.jobs.run import Run, Stop, answers_here
from isotrope.jobs.work import Event, Item, Loaded


class Report:
    """Keeps what it hears."""

    def __init__(self):
        self.problems, self.warnings = [], []

    def add(self, problem):
        self.problems.append(str(problem))

    def warn(self, problem):
        self.warnings.append(str(problem))


class MadeUp:
    """A run over files of the given names, in tasks; those with an x in their name fail."""

    bad = "x"

    def __init__(self, target, names, size=3):
        self.target, self.names, self.size = target, names, size
        self.report, self.asked = Report(), []

    def read(self, items):
        for index, item in enumerate(items):
            self.asked.append(item.path.name)
            if self.bad in item.path.name:
                yield Event(index, "problem", f"{item.path}: bad")
            else:
                yield Event(index, "result", item.path.name)
            yield Event(index, "end")

    def pieces(self, results):
        """An array with a comma before all names but the first: what is written depends on it."""
        before = b"["
        for result in results:
            yield before + json.dumps(result).encode() + b"\n"
            before = b","
        yield b"]\n"

    def run(self, resume=False, retry=False, until=None):
        """Run to the end, or until so many files are read, as if by a kill."""
        self.asked = []
        journal = Journal(
            journal_of(self.target), {"--format": "json"}, resume, length_of(self.target)
        )
        with closing(journal), closing(Appended(self.target, journal)) as output:
            self.made = run = Run(self.report, Stop(), journal, output)
            todo = (
                Item(Path(name), Path(name))
                for name in self.names
                if not journal.handled(Path(name), 0, retry)
            )
            run.answers = answers_here(Loaded(self.read, self.size), todo)
            results = (result for _, several in run for result in several)
            stand_in = "" if run.tally["results"] else None
            for piece in continued(self.pieces, stand_in, results):
                if run.results or not output.finished:
                    output.write(piece)
                if until is not None and run.read + run.failed >= until:
                    output.flush()
                    return
            output.finish()


@pytest.fixture
def made_up(tmp_path, monkeypatch):
    """Makes a run over files of the given names."""
    monkeypatch.chdir(tmp_path)
    monkeypatch.setattr("isotrope.jobs.run.OFTEN", 0.0)
    return lambda *names, size=3: MadeUp(tmp_path / "out.json", names, size)
