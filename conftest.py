"""Every block of Python and shell in README, CONTRIBUTING and docs is a test.

A block that takes long or needs data follows `<!-- skip: next -->`. The blocks of a document share
their names and a scratch folder, in which `samples`, `recipes` and `benchmarks` can be read.
pytest-xdist keeps them on one worker (`--dist loadscope`).
"""

from __future__ import annotations

import os
import subprocess
import sys
import tempfile
from contextlib import chdir
from pathlib import Path

from hypothesis import settings
from sybil import Example, Sybil
from sybil.evaluators.python import PythonEvaluator
from sybil.parsers.markdown import CodeBlockParser, SkipParser

REPOSITORY = Path(__file__).parent
DOCUMENTS = ("README.md", "CONTRIBUTING.md", "docs/**/*.md")
LINKED = ("benchmarks", "docs", "examples", "recipes", "samples")

# An example that takes long on a busy machine shows nothing.
settings.register_profile("isotrope", settings(), deadline=None)
settings.load_profile("isotrope")

run_python = PythonEvaluator()


def python(example: Example) -> str | None:
    """Run a block of Python in the document's folder."""
    with chdir(example.namespace["_folder"].name):
        return run_python(example)


def shell(example: Example) -> str | None:
    """Run a block of shell, stopping at its first error; what it wrote if it fails."""
    path = os.pathsep.join((str(Path(sys.executable).parent), os.environ["PATH"]))
    done = subprocess.run(
        ["bash", "-euo", "pipefail", "-c", example.parsed],
        cwd=example.namespace["_folder"].name,
        env=os.environ | {"PATH": path},
        capture_output=True,
        text=True,
    )
    return f"exit status {done.returncode}\n{done.stdout}{done.stderr}" if done.returncode else None


def make_folder(namespace: dict) -> None:
    """Give a document a scratch folder beside links to what its blocks read."""
    namespace["_folder"] = tempfile.TemporaryDirectory()
    for name in LINKED:
        (Path(namespace["_folder"].name) / name).symlink_to(REPOSITORY / name)


def remove_folder(namespace: dict) -> None:
    namespace["_folder"].cleanup()


pytest_collect_file = Sybil(
    parsers=[
        CodeBlockParser(language="python", evaluator=python),
        CodeBlockParser(language="sh", evaluator=shell),
        SkipParser(),
    ],
    patterns=DOCUMENTS,
    setup=make_folder,
    teardown=remove_folder,
).pytest()
