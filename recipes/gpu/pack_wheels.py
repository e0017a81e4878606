"""Wheels for another machine's Python; wordfreq's without the languages that are never drawn."""

from __future__ import annotations

import re
import subprocess
import sys
import zipfile
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path

from isotrope.data.synthetic.lexicon import OTHER_LANGUAGES

_PLATFORMS = ("2_28_x86_64", "2_27_x86_64", "2_24_x86_64", "2_17_x86_64", "2_12_x86_64")


def pack_wheels(folder: Path, names: Path, python: str) -> None:
    """Downloads the wheels of the packages that a file lists, in the versions installed here."""
    folder.mkdir(parents=True, exist_ok=True)
    packages = [line for line in names.read_text().splitlines() if line and line[0] != "#"]
    pip = [sys.executable, "-m", "pip", "download", "--quiet", "--no-deps"]
    pip += ["--only-binary=:all:", "--implementation=cp", f"--python-version={python}"]
    pip += [f"--platform=manylinux_{p}" for p in _PLATFORMS]
    pip += ["--platform=manylinux2014_x86_64", f"--dest={folder}"]
    subprocess.run([*pip, *map(_pinned, packages)], check=True)
    for wheel in folder.glob("wordfreq-*.whl"):
        _trim(wheel)


def _pinned(name: str) -> str:
    try:
        return f"{name}=={version(name)}"
    except PackageNotFoundError:
        return name


def _trim(wheel: Path) -> None:
    """Leaves out the word lists that `isotrope.data.synthetic.lexicon` does not read."""
    kept = {"large_en", *(f"small_{language}" for language in OTHER_LANGUAGES)}
    smaller = wheel.with_suffix(".tmp")
    with (
        zipfile.ZipFile(wheel) as source,
        zipfile.ZipFile(smaller, "w", zipfile.ZIP_DEFLATED) as to,
    ):
        for entry in source.infolist():
            listed = re.match(r"wordfreq/data/(.+)\.msgpack\.gz", entry.filename)
            if entry.filename.endswith(".dist-info/RECORD"):
                lines = source.read(entry).decode().splitlines(keepends=True)
                found = [re.match(r"wordfreq/data/(.+)\.msgpack\.gz", line) for line in lines]
                lines = [s for s, m in zip(lines, found, strict=True) if not m or m[1] in kept]
                to.writestr(entry, "".join(lines))
            elif not listed or listed[1] in kept:
                to.writestr(entry, source.read(entry))
    smaller.replace(wheel)
