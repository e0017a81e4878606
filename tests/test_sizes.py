"""One idea a file, one screen a function: modules and functions of the package stay short."""

import ast
from pathlib import Path

import isotrope

FILES = sorted(Path(isotrope.__file__).parent.rglob("*.py"))
LONGEST_MODULE, LONGEST_FUNCTION = 300, 60


def test_no_module_is_longer_than_300_lines():
    lengths = {str(file): len(_read(file).splitlines()) for file in FILES}
    assert not {file: n for file, n in lengths.items() if n > LONGEST_MODULE}


def test_no_function_is_longer_than_60_lines():
    long = {
        f"{file.name}: {node.name}": length
        for file in FILES
        for node in ast.walk(ast.parse(_read(file)))
        if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef)
        and (length := node.end_lineno - node.lineno + 1) > LONGEST_FUNCTION
    }
    assert not long


def _read(file: Path) -> str:
    return file.read_text(encoding="utf-8")
