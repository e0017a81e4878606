"""Install the wheel alone in a new environment, and measure its size and the time to a page.

    python benchmarks/install.py [--wheel FILE] [--passes 5]

Builds the wheel, unless one is given, makes a virtual environment with `python -m venv`, and runs
`pip install WHEEL` in it. The rows of benchmarks/results/install-DATE.csv are the sizes of the
wheel and of each package, in MB of 10^6 bytes: the files that pip unpacks, and the bytecode that it
compiles from them (pip and setuptools themselves do not count); then the median time from the start
of `isotrope read PAGE` to its end, wall clock and of the CPU, and that of `isotrope --help`.
"""

from __future__ import annotations

import argparse
import os
import resource
import shutil
import statistics
import subprocess
import sys
import tempfile
import time
import venv
from collections import Counter
from collections.abc import Sequence
from pathlib import Path

from measuring import write_csv

REPOSITORY = Path(__file__).parents[1]
PAGE = REPOSITORY / "samples/pages/weather-garden.png"
ENVIRONMENT = {name: value for name, value in os.environ.items() if name != "PYTHONPATH"}
"""Without the packages that the caller adds, which pip would take for installed ones."""

UNBUILT = "__pycache__", "*.egg-info"
TOOLS = ("pip", "setuptools", "pkg_resources", "_distutils_hack", "distutils-precedence")


def built(folder: Path) -> Path:
    """Build the wheel of the working tree, from a copy: setuptools keeps what it built before."""
    source = folder / "source"
    source.mkdir(parents=True)
    for name in ("pyproject.toml", "README.md", "LICENSE"):
        shutil.copy(REPOSITORY / name, source)
    shutil.copytree(REPOSITORY / "src", source / "src", ignore=shutil.ignore_patterns(*UNBUILT))
    command = [sys.executable, "-m", "pip", "wheel", "--quiet", "--no-deps", "-w", folder, source]
    subprocess.run(command, check=True)
    (wheel,) = folder.glob("isotrope-*.whl")
    return wheel


def installed(wheel: Path, folder: Path) -> Path:
    """Install a wheel in a new environment in `folder`, and return its site-packages."""
    venv.create(folder, with_pip=True)
    subprocess.run([folder / "bin/pip", "install", "--quiet", wheel], check=True, env=ENVIRONMENT)
    code = "import sysconfig; print(sysconfig.get_path('purelib'))"
    command = [folder / "bin/python", "-c", code]
    done = subprocess.run(command, check=True, capture_output=True, text=True, env=ENVIRONMENT)
    return Path(done.stdout.strip())


def sizes(packages: Path) -> tuple[Counter[str], Counter[str]]:
    """Bytes of files and of bytecode by top-level name, without the tools of the environment."""
    files: Counter[str] = Counter()
    bytecode: Counter[str] = Counter()
    for file in packages.rglob("*"):
        name = file.relative_to(packages).parts[0].partition("-")[0].partition(".")[0]
        if file.is_file() and not name.startswith(TOOLS):
            (bytecode if file.suffix == ".pyc" else files)[name] += file.stat().st_size
    return files, bytecode


def seconds(command: list[str], passes: int) -> tuple[float, float]:
    """Median wall-clock and CPU time of a command, after one pass to warm the disk's cache."""
    walls, cpus = [], []
    for _ in range(passes + 1):
        before, started = resource.getrusage(resource.RUSAGE_CHILDREN), time.perf_counter()
        subprocess.run(command, check=True, capture_output=True, env=ENVIRONMENT)
        walls.append(time.perf_counter() - started)
        after = resource.getrusage(resource.RUSAGE_CHILDREN)
        cpus.append(after.ru_utime + after.ru_stime - before.ru_utime - before.ru_stime)
    return statistics.median(walls[1:]), statistics.median(cpus[1:])


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.split("\n")[0])
    parser.add_argument("--wheel", type=Path, help="built before; its name stays as it is")
    parser.add_argument("--passes", type=int, default=5)
    arguments = parser.parse_args()
    with tempfile.TemporaryDirectory() as scratch:
        wheel = arguments.wheel or built(Path(scratch) / "wheel")
        size = wheel.stat().st_size
        environment = Path(scratch) / "environment"
        files, bytecode = sizes(installed(wheel, environment))
        program = str(environment / "bin/isotrope")
        page = seconds([program, "read", str(PAGE)], arguments.passes)
        help_ = seconds([program, "--help"], arguments.passes)
    rows = [
        _row("wheel", size),
        _row("installed", sum(files.values()), sum(bytecode.values())),
        _row("isotrope read PAGE", times=page),
        _row("isotrope --help", times=help_),
        *(
            _row(name, files[name], bytecode[name])
            for name, _ in (files + bytecode).most_common()
            if files[name] + bytecode[name] >= 5e5
        ),
    ]
    for row in rows:
        print(*(str(value).rjust(12) for value in row.values()))
    print(write_csv("install", rows))


def _row(what: str, files: int = 0, bytecode: int = 0, times: Sequence[float] = ()) -> dict:
    megabytes = [f"{size / 1e6:.1f}" if size else "" for size in (files, bytecode)]
    wall, cpu = (f"{time:.2f}" for time in times) if times else ("", "")
    sizes = dict(zip(("mb", "bytecode_mb"), megabytes, strict=True))
    return {"what": what, **sizes, "seconds": wall, "cpu_seconds": cpu}


if __name__ == "__main__":
    main()
