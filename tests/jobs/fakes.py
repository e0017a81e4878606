"""Work for other processes, which import it from here."""

import os
import signal
import time
from dataclasses import dataclass
from pathlib import Path

from isotrope.jobs.work import Event, Loaded


@dataclass(frozen=True)
class FakeWork:
    """Gives the names of files; those with certain words in them do worse.

    Args:
        folder: Where it notes what it has done.
        size: Of its tasks.
        ending: How loading ends: "", "error" or "kill".
    """

    folder: Path
    size: int = 4
    ending: str = ""

    def load(self, threads=None):
        (self.folder / f"pid-{os.getpid()}").write_text(str(threads))
        if self.ending == "error":
            raise ModuleNotFoundError("No module named 'skia'", name="skia")
        if self.ending == "kill":
            os.kill(os.getpid(), signal.SIGKILL)
        return Loaded(self.read, self.size)

    def read(self, items):
        for index, item in enumerate(items):
            name = item.path.name
            for page in range(300 if "book" in name else 1):
                if page == 100 and "once" in name:
                    time.sleep(0.1)  # the pages before are sent
                if page == 150 or "book" not in name:
                    self._suffer(name)
                yield Event(index, "result", f"{name} {page}")
            yield Event(index, "end")

    def _suffer(self, name):
        if "slow" in name:
            time.sleep(0.2)
        if "error" in name:
            raise ValueError(f"{name}: the engine is broken")
        if "once" in name and not (self.folder / name).exists():
            (self.folder / name).touch()
            os.kill(os.getpid(), signal.SIGKILL)
        if "deadly" in name:
            with (self.folder / name).open("a") as file:
                file.write("x")
            os.kill(os.getpid(), signal.SIGKILL)
