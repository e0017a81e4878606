"""Every public name has a docstring, and what a docstring shows as an example runs.

Public are the classes, functions, methods and properties of every module whose names have no
leading underscore. A method may leave its docstring to the base class that it overrides, and a
test to its name.
"""

from __future__ import annotations

import ast
import doctest
import inspect
from collections.abc import Iterator
from importlib import import_module
from operator import attrgetter
from pathlib import Path
from types import ModuleType

import pytest

SOURCE = Path(__file__).parents[1] / "src"
MODULES = sorted((SOURCE / "isotrope").rglob("*.py"))
INHERITED = {"forward", "extra_repr"}
"""Methods that torch explains; the docstring of the class has their shapes."""

Definition = ast.ClassDef | ast.FunctionDef | ast.AsyncFunctionDef


def name_of(path: Path) -> str:
    parts = path.relative_to(SOURCE).with_suffix("").parts
    return ".".join(parts[:-1] if parts[-1] == "__init__" else parts)


def public(tree: ast.Module | ast.ClassDef, prefix: str) -> Iterator[tuple[str, Definition]]:
    """The public definitions of a module or class, with their names."""
    for node in tree.body:
        if isinstance(node, Definition) and not node.name.startswith(("_", "test_")):
            yield f"{prefix}.{node.name}", node
            if isinstance(node, ast.ClassDef):
                yield from public(node, f"{prefix}.{node.name}")


def is_explained(node: Definition) -> bool:
    """Whether it has a docstring, or none is needed: an overload, or a setter beside its getter."""
    marks = {ast.unparse(mark).rpartition(".")[2] for mark in node.decorator_list}
    return bool(ast.get_docstring(node)) or bool(marks & {"overload", "setter", "override"})


def undocumented(text: str, module: str) -> list[str]:
    """The public names of a module that have no docstring of their own."""
    tree = ast.parse(text)
    missing = [] if ast.get_docstring(tree) or not tree.body else [module]
    return missing + [
        name
        for name, node in public(tree, module)
        if node.name not in INHERITED and not is_explained(node)
    ]


def is_inherited(module: ModuleType, name: str) -> bool:
    """Whether a base class has the docstring of this method."""
    owner, _, method = name.removeprefix(f"{module.__name__}.").rpartition(".")
    return bool(owner) and bool(inspect.getdoc(attrgetter(f"{owner}.{method}")(module)))


def test_a_missing_docstring_is_found():
    text = '"""Module."""\n\nclass A:\n    """A."""\n    def b(self): pass\n\ndef f(): pass\n'
    assert undocumented(text, "m") == ["m.A.b", "m.f"]


@pytest.mark.parametrize("path", MODULES, ids=name_of)
def test_every_public_name_is_documented(path):
    missing = undocumented(path.read_text(), name_of(path))
    if missing:
        module = import_module(name_of(path))
        missing = [name for name in missing if not is_inherited(module, name)]
    assert not missing


EXAMPLES = [path for path in MODULES if ">>>" in path.read_text()]


@pytest.mark.parametrize("path", EXAMPLES, ids=name_of)
def test_examples_in_docstrings_run(path):
    module = import_module(name_of(path))
    failed, tried = doctest.testmod(module, optionflags=doctest.ELLIPSIS)
    assert tried > 0
    assert failed == 0
