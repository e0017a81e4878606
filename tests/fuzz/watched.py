"""Try a target on files in a process that may crash, hang, or run out of memory."""

from __future__ import annotations

import multiprocessing
import os
import resource
import signal
import sys
import tempfile
import traceback
import warnings
from collections import Counter
from dataclasses import dataclass
from multiprocessing.connection import Connection
from pathlib import Path
from pkgutil import resolve_name

CHANGES = ("os.mkdir", "os.rename", "os.remove", "os.rmdir", "os.symlink", "os.link", "os.truncate")
PROGRAMS = ("subprocess.Popen", "os.system", "os.exec", "os.posix_spawn", "socket.connect")


@dataclass(frozen=True)
class Outcome:
    """What came of a file.

    Args:
        problem: "crash", "hang", "error", "wrote", "noise", or "" if all is well.
        detail: The signal, the traceback, the path that was written, or what was printed.
        words: How many pages were read and how many were refused.
    """

    problem: str
    detail: str
    words: Counter[str]


class Watched:
    """A process that tries files one by one, and is replaced when it dies or hangs.

    Args:
        target: A function of a path that yields words, such as "targets:decode".
        folder: The only folder in which files may be written.
        seconds: Longest time without a new page: of the processor, or 20 times that by the clock.
        memory: Address space of the process, bytes.
    """

    def __init__(self, target: str, folder: Path, seconds: float = 10, memory: int = 4 << 30):
        self.target, self.folder, self.seconds, self.memory = target, folder, seconds, memory
        self._start()

    def __enter__(self) -> Watched:
        return self

    def __exit__(self, *_: object) -> None:
        self._process.kill()
        self._process.join()

    def attempt(self, path: Path) -> Outcome:
        """Try one file."""
        self._pipe.send(path)
        words: Counter[str] = Counter()
        try:
            while self._waited():
                said = self._pipe.recv()
                if isinstance(said, tuple):
                    return Outcome(*said, words)
                words[said] += 1
        except EOFError:
            self._process.join()
            code = self._process.exitcode or 0
            outcome = Outcome("crash", signal.Signals(-code).name if code < 0 else str(code), words)
        else:
            outcome = Outcome("hang", f"over {self.seconds:g} s", words)
            self._process.kill()
            self._process.join()
        self._start()
        return outcome

    def _waited(self) -> bool:
        """Wait for a word; False if it takes too long, in the process's own time where known."""
        used, waited = _cpu_seconds(self._process.pid), 0
        while not self._pipe.poll(1):
            waited += 1
            now = _cpu_seconds(self._process.pid)
            busy = waited if used is None or now is None else now - used
            if busy > self.seconds or waited > 20 * self.seconds:
                return False
        return True

    def _start(self) -> None:
        context = multiprocessing.get_context("spawn")
        self._pipe, end = context.Pipe()
        arguments = (end, self.target, self.folder, self.memory)
        self._process = context.Process(target=_serve, args=arguments, daemon=True)
        self._process.start()
        end.close()
        if self._pipe.poll(120):
            self._pipe.recv()


def _cpu_seconds(process: int | None) -> float | None:
    """What a process has used, so that a busy machine looks no different; None if not known."""
    try:
        fields = Path(f"/proc/{process}/stat").read_text().rpartition(")")[2].split()
    except OSError:
        return None
    return (int(fields[11]) + int(fields[12])) / os.sysconf("SC_CLK_TCK")


def _serve(pipe: Connection, target: str, folder: Path, memory: int) -> None:
    from isotrope.io.opening import silence_decoders

    silence_decoders()
    warnings.filterwarnings("ignore", module="PIL")  # as commands do
    log = tempfile.TemporaryFile(dir=folder)  # noqa: SIM115
    os.dup2(log.fileno(), 2)  # libraries in C print their complaints
    resource.setrlimit(resource.RLIMIT_CORE, (0, 0))
    resource.setrlimit(resource.RLIMIT_AS, (memory, memory))
    written: list[str] = []
    sys.addaudithook(lambda event, args: _audit(event, args, folder, written))
    attempt = resolve_name(target)
    pipe.send("ready")
    while True:
        path = pipe.recv()
        log.seek(0)
        log.truncate()
        written.clear()
        try:
            for word in attempt(path):
                pipe.send(word)
        except Exception:
            pipe.send(("error", traceback.format_exc()))
            continue
        sys.stderr.flush()
        log.seek(0)
        noise = log.read().decode("utf-8", "replace")
        if written:
            pipe.send(("wrote", "\n".join(written)))
        else:
            pipe.send(("noise" if noise else "", noise))


def _audit(event: str, args: tuple, folder: Path, written: list[str]) -> None:
    """Note what is written outside of the folder, and programs and connections."""
    if event == "open":
        path, _, flags = args
        writes = flags & (os.O_WRONLY | os.O_RDWR | os.O_CREAT | os.O_TRUNC)
        if not writes or not isinstance(path, (str, bytes)):
            return
        paths = [path]
    elif event in CHANGES:
        paths = [arg for arg in args if isinstance(arg, (str, bytes))]
    elif event in PROGRAMS:
        if "isotrope.io.pdf_worker" not in str(args):
            written.append(f"{event} {args}")
        return
    else:
        return
    for path in map(os.fsdecode, paths):
        full = os.path.abspath(path)
        if not full.startswith(f"{folder}{os.sep}") and full != os.devnull:
            written.append(f"{event} {full}")
