"""What is imported when: nothing heavy without need. `lint-imports` holds the floors themselves."""

import subprocess
import sys

import isotrope


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
