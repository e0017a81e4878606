"""Readers in other processes: forked, spawned, pickled, copied."""

import copy
import multiprocessing
import os
import pickle
import subprocess
import sys
from concurrent.futures import ProcessPoolExecutor
from pathlib import Path

import numpy as np
import pytest

from isotrope.ocr.engines.isotrope import Isotrope
from isotrope.ocr.orientation.finder import OrientationFinder
from isotrope.ocr.processes import PerProcess
from isotrope.ocr.reader import Reader

IMAGES = [np.random.default_rng(n).integers(0, 255, (32, 96, 3), np.uint8) for n in range(3)]


@pytest.fixture(scope="module")
def reader(weights):
    engine = Isotrope.from_pretrained(weights / "small", threads=2)
    return Reader(engine, OrientationFinder(weights / "finder", threads=2))


def test_a_spawned_pool_reads(reader):
    with ProcessPoolExecutor(1, multiprocessing.get_context("spawn")) as pool:
        assert pool.submit(reader.read, IMAGES).result(timeout=60) == reader.read(IMAGES)


def test_a_pickle_and_a_copy_read(reader):
    expected = reader.read(IMAGES)
    pickled = pickle.dumps(reader)
    assert len(pickled) < 10_000  # paths and options, no weights
    for other in (pickle.loads(pickled), copy.copy(reader), copy.deepcopy(reader)):
        assert other.read(IMAGES) == expected
    assert copy.deepcopy(reader).engine.session.session is reader.engine.session.session


FORK = """
import os, sys, time
import numpy as np
from isotrope import Reader
{make}
reader.read(images)
child = os.fork()
if child == 0:
    print([reading.text for reading in reader.read(images)], flush=True)
    del reader  # closes what is not left to the parent
    os._exit(0)
deadline = time.monotonic() + 120
while time.monotonic() < deadline:
    if os.waitpid(child, os.WNOHANG)[0]:
        break
    time.sleep(0.05)
else:
    os.kill(child, 9)
    sys.exit("the child hangs")
print([reading.text for reading in reader.read(images)])
"""
SAMPLES = sorted((Path(__file__).parents[2] / "samples").glob("*.png"))
IMAGES_OF_CODE = f"images = {[str(path) for path in SAMPLES[:2]]!r}\n"
MAKE = {
    "isotrope": "reader = Reader.from_pretrained(threads=2)",
    "adapter": "reader = Reader.from_pretrained(threads=2, adapter='fraktur')",
    "gsanet": """
import torch
torch.set_num_threads(2)
reader = Reader.from_pretrained(engine='gsanet', runtime='torch')
""",
}


@pytest.mark.skipif(not hasattr(os, "fork"), reason="no fork here")
@pytest.mark.parametrize("engine", MAKE)
def test_a_forked_child_reads_and_ends(engine):
    code = FORK.format(make=IMAGES_OF_CODE + MAKE[engine])
    done = subprocess.run(
        [sys.executable, "-W", "ignore", "-c", code], capture_output=True, text=True, timeout=300
    )
    assert done.returncode == 0, done.stderr
    child, parent = done.stdout.splitlines()
    assert child == parent != str([""] * 2)


class Opened:
    """Counts how often it was made."""

    made = 0

    def __init__(self):
        Opened.made += 1


def test_a_resource_is_made_on_first_use_and_once_in_a_process():
    holder = PerProcess(Opened)
    assert Opened.made == 0
    assert holder.get() is holder.get()
    again = pickle.loads(pickle.dumps(holder))
    assert Opened.made == 1
    assert again.get() is again.get() is not holder.get()
    assert Opened.made == 2
