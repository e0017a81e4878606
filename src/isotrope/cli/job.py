"""A run of `isotrope read`: from its inputs to its exit status."""

from __future__ import annotations

import signal
from collections import Counter
from collections.abc import Generator, Iterable, Iterator
from contextlib import ExitStack, closing, suppress
from itertools import chain
from pathlib import Path
from typing import TYPE_CHECKING, Any, Protocol, cast

from isotrope.cli.errors import Complaints, UsageError, exit_on_error
from isotrope.cli.outputs import is_stream, started, write_bytes
from isotrope.cli.progress import MANY, ReadProgress, duration

if TYPE_CHECKING:
    from isotrope.cli.request import Request
    from isotrope.io.errors import ImageError
    from isotrope.jobs.appended import Appended
    from isotrope.jobs.inputs import Inputs
    from isotrope.jobs.journal import Journal
    from isotrope.jobs.run import Answer, Run
    from isotrope.jobs.survey import Survey
    from isotrope.jobs.todo import Todo
    from isotrope.jobs.work import Item, Work


class Kind(Protocol):
    """What is read, and how it is written."""

    unit: str
    """What a result is: "pages" or "images"."""
    joined: bool
    """Whether all results go into one output, a file or a stream."""
    repeat: bool
    """Whether a file that is named twice is read twice."""

    @property
    def work(self) -> Work:
        """What is done to the files."""
        ...

    @property
    def folder(self) -> Path | None:
        """The folder of the outputs, if they are not joined."""
        ...

    def prepared(self, item: Item) -> Item:
        """A file with all that the work must know of it."""
        ...

    def pieces(self, results: Iterable[Any]) -> Iterable[bytes]:
        """The joined output in pieces; those of a result come before the next result is taken."""
        ...

    def stand_in(self, tally: Counter[str]) -> Any:
        """A result in place of those that earlier runs have written."""
        ...

    def count(self, result: Any, tally: Counter[str]) -> None:
        """Count a result."""
        ...

    def write(self, item: Item, results: Iterator[Any], run: Run) -> None:
        """Write the results of one file to outputs of its own."""
        ...

    def close(self, run: Run) -> None:
        """Do what is left once all is read."""
        ...


class Job:
    """A run.

    Args:
        request: What the user asked for.
        inputs: The files.
        survey: Of the inputs.
        kind: What is read.
        complaints: Hears of problems.
    """

    def __init__(
        self,
        request: Request,
        inputs: Inputs,
        survey: Survey,
        kind: Kind,
        complaints: Complaints,
    ) -> None:
        self.request, self.inputs, self.survey = request, inputs, survey
        self.kind, self.complaints = kind, complaints
        self.out = Path(request.out) if request.out is not None else None
        self.journal: Journal | None = None
        self.output: Appended | None = None

    def perform(self) -> int:
        """Read and write.

        Returns:
            The exit status.
        """
        from isotrope.jobs.errors import JournalError, ReaderFailed, Stopped, Unwritable
        from isotrope.jobs.run import Run, Stop

        stop, status, stopped = Stop(), 0, False
        with ExitStack() as stack, exit_on_error():
            stack.callback(self._leave)
            try:
                self._open()
            except JournalError as error:
                raise UsageError(str(error)) from error
            except Unwritable as error:
                raise ValueError(f"{error}; free some space") from error
            run = Run(self.complaints, stop, self.journal, self.output)
            todo = self._todo(run)
            progress = ReadProgress(self.survey.count, self.out, self.kind.unit)
            if self.inputs.may_be_several:
                stack.enter_context(stop.listening())
            try:
                with progress, closing(self._reader(run, todo)) as run.answers:
                    written = self._read(run, todo, progress)
                if written:
                    self._finish(run)
            except (Stopped, KeyboardInterrupt) as error:
                status, stopped = 128 + getattr(error, "number", signal.SIGINT), True
            except ReaderFailed as error:
                self.complaints.add(cast("Exception", error.__cause__))
                stopped = True
            except Unwritable as error:
                remedy = "free some space" + (", then --resume goes on" if self.journal else "")
                self.complaints.add(f"{error}; {remedy}")
            if stopped:
                with suppress(Unwritable):  # what is not recorded is read again
                    run.commit()
            self._conclude(run, todo, progress.seconds, stopped)
            failures = self.journal.failures if self.journal else 0
        return status or int(bool(self.complaints.count or failures))

    def _open(self) -> None:
        """Open the journal and the output that grows, if the run has them."""
        from isotrope.io.files import real_file
        from isotrope.jobs.appended import Appended, journal_of, length_of
        from isotrope.jobs.journal import Journal

        request, kind = self.request, self.kind
        joined = self.out if kind.joined else kind.folder
        target = None if joined is None else real_file(joined)
        if target is None and request.resume:
            raise UsageError("--resume needs --out, a file or a folder")
        if target is None or not (self.inputs.may_be_several or request.resume):
            return
        if not kind.joined:
            target.mkdir(parents=True, exist_ok=True)
        length = length_of(target) if kind.joined else None
        self.journal = Journal(journal_of(target), request.fixed(), request.resume, length)
        if kind.joined:
            self.output = Appended(target, self.journal)

    def _todo(self, run: Run) -> Todo:
        from isotrope.jobs.todo import Todo

        def refuse(path: Path, error: ImageError, new: bool) -> None:
            if new:
                self.complaints.add(error)
            run.refuse(path, str(error))

        kind, retry = self.kind, self.request.retry
        return Todo(self.inputs, self.survey, refuse, self.journal, retry, kind.repeat)

    def _reader(self, run: Run, todo: Todo) -> Generator[Answer]:
        """Read the files, here or in other processes."""
        from isotrope.jobs.errors import failing
        from isotrope.jobs.run import answers_here
        from isotrope.jobs.workers import Workers

        items = map(self.kind.prepared, todo)
        if (first := next(items, None)) is None:
            return  # without loading anything
        items = chain([first], items)
        with failing():
            if self.request.jobs is None:
                yield from answers_here(self.kind.work.load(), items)
                return
            with closing(Workers(self.kind.work, self.request.jobs, run.stop.check)) as workers:
                yield from workers.answers(items)

    def _read(self, run: Run, todo: Todo, progress: ReadProgress) -> bool:
        """Read and write everything; return whether it was written."""
        files = progress.following(run, todo)
        if not self.kind.joined:
            for item, results in files:
                self.kind.write(item, self._counted(results, run), run)
            return True
        results = (r for _, several in files for r in self._counted(several, run))
        if self.output is not None:
            self._append(self.output, results, run)
            return True
        with self.complaints.about(self.out):
            begun = started(results)
            if begun or is_stream(self.out):  # keep an earlier run's file if there are no results
                write_bytes(self.kind.pieces(begun or ()), self.out)
            return True
        return False

    def _counted(self, results: Iterator[Any], run: Run) -> Iterator[Any]:
        for result in results:
            self.kind.count(result, run.tally)
            yield result

    def _append(self, output: Appended, results: Iterator[Any], run: Run) -> None:
        from isotrope.jobs.appended import continued

        before = self.kind.stand_in(run.tally) if run.tally["results"] else None
        for piece in continued(self.kind.pieces, before, results):
            if run.results or not output.finished:  # a finished output has its end already
                output.write(piece)

    def _finish(self, run: Run) -> None:
        journal, output = self.journal, self.output
        if output is not None and run.tally["results"]:
            output.finish()
        elif output is not None:  # the output of an earlier run is worth more than nothing
            output.discard()
        nothing = output is not None and not run.tally["results"]
        if journal is not None and (nothing or not self.request.resume):
            journal.remove()
        elif journal is not None and output is None:
            journal.commit((), (), 0, run.tally, 0)
        self.kind.close(run)

    def _conclude(self, run: Run, todo: Todo, seconds: float, stopped: bool) -> None:
        """Say what was read, if that was much or not all, and how to go on."""
        many = self.survey.count >= MANY or self.request.resume
        said = self.journal is not None and self.journal.begun if stopped else many
        if not (said and self.inputs.may_be_several):
            return
        parts = [f"{run.read:,} files read ({run.results:,} {self.kind.unit})"]
        parts += [f"{run.failed:,} failed"] if run.failed else []
        before = self.journal.failures - run.failed if self.journal else 0
        parts += [f"{before:,} failed in earlier runs"] if before > 0 else []
        parts += [f"{todo.skipped:,} passed over"] if todo.skipped else []
        rate = run.results / max(seconds, 1e-9)
        line = f"{', '.join(parts)}; {duration(seconds)}, {rate:.3g} {self.kind.unit} a second"
        if stopped:
            line = f"stopped: {line}; the same command with --resume goes on"
        self.complaints.warn(line)

    def _leave(self) -> None:
        """Close what is open; leave nothing behind if nothing was done."""
        if self.output is not None:
            if self.journal is not None and not self.journal.begun:
                self.output.discard()
            self.output.close()
        if self.journal is not None and not self.journal.closed:
            (self.journal.close if self.journal.begun else self.journal.remove)()
