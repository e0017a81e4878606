"""What is imported when: nothing heavy without need. `lint-imports` holds the floors themselves."""

import subprocess
import sys

import isotrope


def test_importing_isotrope_loads_nothing_heavy():
    code = "import isotrope, sys; print({'torch', 'transformers', 'peft'} & set(sys.modules))"
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout.strip() == "set()"


def test_files_pixels_strings_and_formats_need_no_torch():
    """Nor does loading an image. Every module is imported, whatever is added."""
    code = """
import importlib, pkgutil, sys
import isotrope.io, isotrope.ocr.formats, isotrope.text, numpy
for package in (isotrope.io, isotrope.ocr.formats, isotrope.text):
    for module in pkgutil.walk_packages(package.__path__, package.__name__ + "."):
        importlib.import_module(module.name)
pixels = isotrope.io.images.load_pixels(numpy.zeros((9, 9)))
isotrope.io.resize.prepare_pixels(pixels, 32, 8, 16)
print({"torch", "transformers", "peft"} & set(sys.modules))
"""
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout.strip() == "set()"


def test_the_public_names_are_there():
    for name in isotrope.__all__:
        assert callable(getattr(isotrope, name)), name
