"""Data flows one way: no module imports from a floor above its own."""

import ast
import subprocess
import sys
from pathlib import Path

import pytest

import isotrope

SOURCE = Path(isotrope.__file__).parent
FLOORS = (
    {"harmonics", "io", "text"},
    {"groups"},
    {"kinds"},
    {"equivariance", "nn"},
    {"models"},
    {"data", "lora"},
    {"ocr"},
    {"training"},
    {"cli"},
)
HEIGHT = {name: height for height, names in enumerate(FLOORS) for name in names}


def imported(path: Path) -> set[str]:
    """The parts of isotrope that a file imports, at its top or within a function."""
    nodes = [n for n in ast.walk(ast.parse(path.read_text())) if isinstance(n, ast.ImportFrom)]
    modules = [n.module.split(".") for n in nodes if n.module]
    return {parts[1] for parts in modules if parts[0] == "isotrope" and len(parts) > 1}


@pytest.mark.parametrize("part", sorted(HEIGHT))
def test_nothing_imports_upward(part):
    place = SOURCE / part
    files = list(place.rglob("*.py")) if place.is_dir() else [place.with_suffix(".py")]
    assert files
    for file in files:
        above = {name for name in imported(file) if HEIGHT[name] > HEIGHT[part]}
        assert not above, f"{file.relative_to(SOURCE)} imports {above}"


def test_importing_isotrope_loads_nothing_heavy():
    code = "import isotrope, sys; print({'torch', 'transformers', 'peft'} & set(sys.modules))"
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout.strip() == "set()"


def test_pixels_and_strings_need_no_torch():
    modules = "isotrope.io.files, isotrope.io.images, isotrope.io.resize, isotrope.text.charset"
    code = (
        f"import {modules}, isotrope.text.metrics, isotrope.text.normalise, numpy, sys; "
        "pixels = isotrope.io.images.load_pixels(numpy.zeros((9, 9))); "
        "isotrope.io.resize.prepare_pixels(pixels, 32, 8, 16); "
        "print({'torch', 'transformers', 'peft'} & set(sys.modules))"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout.strip() == "set()"


def test_the_public_names_are_there():
    for name in isotrope.__all__:
        assert callable(getattr(isotrope, name)), name
