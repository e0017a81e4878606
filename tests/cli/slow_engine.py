"""The command `isotrope` with an engine that reads the gray of an image in two milliseconds.

It is a file of its own, because processes of `--jobs` import it again.
"""

import os
import time

from isotrope import cli
from isotrope.ocr.engines.base import Transcript
from isotrope.ocr.reader import Reader

SECONDS = float(os.environ.get("SLOW_ENGINE_SECONDS", "0.002"))


class SlowEngine:
    name, equivariant = "slow", True

    def read(self, lines, batch_size=32):
        time.sleep(SECONDS * len(lines))
        grays = (line[0, :2, 0].tolist() for line in lines)
        return [Transcript(str(256 * high + low), 1.0) for high, low in grays]


Reader.from_pretrained = staticmethod(lambda **_: Reader(SlowEngine()))

if __name__ == "__main__":
    cli.main()
