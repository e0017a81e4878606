"""The shell's completion: the script it sources, and what it is then given."""

import os
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

from isotrope.ocr.loading import shipped_adapters, shipped_translators

PROGRAM = Path(sys.executable).with_name("isotrope")
pytestmark = pytest.mark.skipif(not PROGRAM.is_file(), reason="isotrope is not installed here")
ADAPTERS = sorted([*(f.name for f in shipped_adapters("small")), *shipped_translators("small")])


def run(**variables):
    """Call the program as the shell does; completion must be silent on standard error."""
    done = subprocess.run([PROGRAM], env=os.environ | variables, capture_output=True, text=True)
    assert (done.returncode, done.stderr) == (0, "")
    return done.stdout


def offered(words):
    """What bash is offered after these words, of which the last is incomplete."""
    places = {"COMP_WORDS": words, "COMP_CWORD": str(len(words.split(" ")) - 1)}
    return run(_ISOTROPE_COMPLETE="complete_bash", **places).split()


@pytest.mark.parametrize(
    ("words", "expected"),
    [
        ("isotrope re", ["read"]),
        ("isotrope read --engine ", ["isotrope", "gsanet", "rapidocr", "tesseract", "trocr"]),
        ("isotrope read --adapter ", [*ADAPTERS, "auto", "none"]),
        ("isotrope read --adapter ty", ["typescript"]),
        ("isotrope read --adapter /tmp/", []),  # the shell then offers files
        ("isotrope read --detector ", ["pp-ocr", "isotrope"]),
        ("isotrope read --finder o", ["orbit"]),
        ("isotrope read --format t", ["text", "tsv"]),
        ("isotrope read --model ", ["small", "tiny"]),
        ("isotrope read --min-c", ["--min-confidence"]),
    ],
)
def test_what_is_offered(words, expected):
    assert offered(words) == expected


@pytest.mark.parametrize("shell", ["bash", "zsh", "fish"])
def test_each_shell_has_a_script(shell):
    script = run(_ISOTROPE_COMPLETE=f"source_{shell}")
    assert f"complete_{shell}" in script
    if shutil.which(shell):
        subprocess.run([shell, "-n"], input=script, check=True, text=True)


@pytest.mark.skipif(not shutil.which("bash"), reason="needs bash")
def test_bash_completes_a_name_and_falls_back_to_files(tmp_path):
    (tmp_path / "weights").mkdir()
    script = f"""
    {run(_ISOTROPE_COMPLETE="source_bash")}
    COMP_WORDS=(isotrope read --adapter fra) COMP_CWORD=3
    _isotrope_completion isotrope
    echo "${{COMPREPLY[@]}}"
    complete -p isotrope
    """
    path = os.pathsep.join((str(PROGRAM.parent), os.environ["PATH"]))
    done = subprocess.run(
        ["bash"], input=script, env=os.environ | {"PATH": path}, capture_output=True, text=True
    )
    assert done.stdout.splitlines()[0] == "fraktur", done.stderr
    assert "-o default" in done.stdout.splitlines()[1]
