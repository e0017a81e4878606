"""The shapes in the signatures of groups, equivariance and nn hold: jaxtyping and beartype."""

import subprocess
import sys
from pathlib import Path


def test_every_layer_keeps_the_shapes_of_its_signatures():
    script = Path(__file__).with_name("shapes_script.py")
    done = subprocess.run([sys.executable, script], capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr[-4000:]
    assert done.stdout == "every shape is as its signature says\n"
