"""The command's entry point."""

import subprocess
import sys

CODE = """
import multiprocessing, sys
from isotrope.__main__ import main

def look(pipe):
    pipe.send("isotrope.cli" in sys.modules)

if __name__ == "__main__":
    import isotrope.cli
    here, there = multiprocessing.Pipe()
    child = multiprocessing.get_context("spawn").Process(target=look, args=(there,))
    child.start()
    print(here.recv())
    child.join()
"""


def test_a_spawned_process_does_not_import_the_command_again(tmp_path):
    path = tmp_path / "isotrope"  # as pip writes it
    path.write_text(CODE)
    said = subprocess.run([sys.executable, path], capture_output=True, text=True, check=True)
    assert said.stdout == "False\n"
