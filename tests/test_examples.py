"""The examples run, and show what they say."""

import subprocess
import sys
from pathlib import Path

APPENDIX = Path(__file__).parents[1] / "examples" / "appendix.py"


def test_the_appendix_shows_which_encoding_holds(tmp_path):
    picture = tmp_path / "appendix.png"
    command = [sys.executable, str(APPENDIX), "--out", str(picture), "--depth", "2"]
    lines = subprocess.run(command, capture_output=True, text=True, check=True).stdout.splitlines()
    errors = {line.split(":")[0]: [float(e) for e in line.split(":")[1].split()] for line in lines}
    assert len(errors) == 4
    for name, values in errors.items():
        assert len(values) == 2
        if "corrected" in name:
            assert max(values) < 1e-10
        else:
            assert min(values) > 1e-2
    assert picture.stat().st_size > 1000
