"""Memory stays flat over pages of many sizes, in a process of its own."""

import os
import subprocess
import sys
from pathlib import Path

import pytest

PAGE = Path(__file__).parents[3] / "samples/pages/weather-garden.png"

READ = """
import sys
import numpy as np
from PIL import Image
from isotrope import Reader

def resident():
    lines = open("/proc/self/status").read().splitlines()
    return sum(int(line.split()[1]) for line in lines if line.startswith("VmRSS")) / 1e3

page = np.asarray(Image.open(sys.argv[1]).convert("RGB"))
reader = Reader.from_pretrained(threads=1, model="tiny")
chance = np.random.default_rng(0)
for number in range(25):
    height, width = chance.integers(150, 400, 2)
    top, left = chance.integers(0, 700, 2)
    list(reader.read_pages([page[top : top + height, left : left + width]]))
    if number in (4, 24):
        print(resident())
"""


@pytest.mark.skipif(sys.platform != "linux", reason="measures in /proc; glibc is what it is about")
def test_memory_stays_flat_over_pages_of_many_sizes():
    environment = {k: v for k, v in os.environ.items() if not k.startswith(("MALLOC_", "GLIBC_"))}
    run = [sys.executable, "-c", READ, str(PAGE)]
    said = subprocess.run(run, env=environment, capture_output=True, text=True, check=True).stdout
    early, late = map(float, said.split())
    assert late - early < 30  # MB; 70 with glibc's own settings
