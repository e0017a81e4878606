"""Without torch the reader works, and everything else says what to install."""

import subprocess
import sys
from pathlib import Path

import pytest

BLOCK = """
import sys

MISSING = "torch", "transformers", "peft", "safetensors", "matplotlib", "lxml", "shapely"

class Missing:
    def find_spec(self, name, path=None, target=None):
        if name.split(".")[0] in MISSING:
            raise ModuleNotFoundError(f"No module named {name!r}", name=name)

sys.meta_path.insert(0, Missing())
"""


def without_torch(code):
    """Run code where torch and what else the extra installs cannot be imported."""
    return subprocess.run([sys.executable, "-c", BLOCK + code], capture_output=True, text=True)


def test_the_reader_works():
    code = (
        "from isotrope import OrientationFinder, Reader, Reading; print(Reader(len).min_confidence)"
    )
    done = without_torch(code)
    assert (done.stdout, done.returncode) == ("0.0\n", 0)


def test_pages_are_read_and_written():
    page = Path(__file__).parents[1] / "samples/pages/weather-garden.png"
    code = f"""
from isotrope import Reader
from isotrope.ocr.formats.pages import page_format
(page,) = Reader.from_pretrained(model="tiny").read_pages({str(page)!r})
for name in ("alto", "page", "hocr", "tsv", "md"):
    print(len(b"".join(page_format(name).write([page]))) > 500)
"""
    done = without_torch(code)
    assert (done.stdout, done.stderr) == ("True\n" * 5, "")


@pytest.mark.parametrize("name", ["EquivariantViT", "CyclicGroup", "Recognizer", "audit"])
def test_names_of_the_library_say_what_to_install(name):
    done = without_torch(f"from isotrope import {name}")
    last = done.stderr.splitlines()[-1]
    assert last.startswith(f"ModuleNotFoundError: isotrope.{name} needs t")
    assert last.endswith("; pip install 'isotrope[torch]'")


@pytest.mark.parametrize("command", ["audit", "export --engine gsanet", "adapt --data . --out y"])
def test_commands_of_the_library_say_what_to_install(command):
    code = f"sys.argv = ['isotrope', *{command.split()}]; from isotrope.cli import main; main()"
    done = without_torch(code)
    assert done.returncode == 1
    assert done.stdout == ""
    (line,) = done.stderr.splitlines()
    assert line.startswith("isotrope: ")
    assert line.endswith("; pip install 'isotrope[torch]'")
