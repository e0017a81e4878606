"""The command `isotrope` with an engine that reads the gray of an image in two milliseconds.

With SLOW_ENGINE_HOLD, it waits when the journal has as many bytes, until there is a file `go`.

It is a file of its own, because processes of `--jobs` import it again.
"""

import os
import time
from pathlib import Path

from isotrope import cli
from isotrope.ocr.engines.base import Transcript
from isotrope.ocr.reader import Reader

SECONDS = float(os.environ.get("SLOW_ENGINE_SECONDS", "0.002"))
HOLD = int(os.environ.get("SLOW_ENGINE_HOLD", "0"))
JOURNAL, GO = Path("out.jsonl.journal"), Path("go")


class SlowEngine:
    name, equivariant = "slow", True

    def read(self, lines, batch_size=32):
        time.sleep(SECONDS * len(lines))
        while HOLD and JOURNAL.exists() and JOURNAL.stat().st_size >= HOLD and not GO.exists():
            time.sleep(0.002)
        grays = (line[0, :2, 0].tolist() for line in lines)
        return [Transcript(str(256 * high + low), 1.0) for high, low in grays]


Reader.from_pretrained = staticmethod(lambda **_: Reader(SlowEngine()))

if __name__ == "__main__":
    cli.main()
