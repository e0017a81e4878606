"""The documents name what exists: files, modules, and all public names of the library."""

import re
import tomllib
from itertools import chain
from pathlib import Path

import pytest

import isotrope

REPOSITORY = Path(__file__).parents[2]
DOCS = REPOSITORY / "docs"
PAGES = [*DOCS.rglob("*.md"), *(REPOSITORY / name for name in ("README.md", "CONTRIBUTING.md"))]
TO_BE_WRITTEN = {  # by who follows CONTRIBUTING
    "src/isotrope/nn/gate.py",
    "src/isotrope/ocr/formats/csv.py",
    "tests/ocr/formats/test_csv.py",
    "tests/nn/test_gate.py",
}
PATH = re.compile(r"`((?:src|tests|benchmarks|recipes|examples|experiments|docs)/[\w./-]+)`")


@pytest.mark.parametrize("page", PAGES, ids=lambda page: str(page.relative_to(REPOSITORY)))
def test_named_files_exist(page):
    named = PATH.findall(page.read_text())
    assert not {path for path in named if not (REPOSITORY / path).exists()} - TO_BE_WRITTEN


@pytest.mark.parametrize("page", PAGES, ids=lambda page: str(page.relative_to(REPOSITORY)))
def test_links_between_documents_lead_somewhere(page):
    links = re.findall(r"\]\(([^)#]+)(?:#[\w-]+)?\)", page.read_text())
    near = [link for link in links if "://" not in link]
    assert not {link for link in near if not (page.parent / link).exists()}


def test_no_file_names_a_document_that_is_gone():
    globs = ("src/**/*.py", "src/**/*.md", "recipes/**/*.toml", "benchmarks/*.py", "tests/**/*.py")
    files = [file for glob in globs for file in REPOSITORY.glob(glob)]
    named = {
        (str(file.relative_to(REPOSITORY)), name)
        for file in files
        for name in re.findall(r"\bdocs/[\w/-]+\.md\b", file.read_text())
    }
    assert len(named) > 10
    assert not {(file, name) for file, name in named if not (REPOSITORY / name).is_file()}


def test_contributing_says_where_everything_is():
    text = (REPOSITORY / "CONTRIBUTING.md").read_text()
    parts = (path for path in (REPOSITORY / "src/isotrope").iterdir() if path.name[0] not in "_.")
    missing = {path.name for path in parts if f"`src/isotrope/{path.name}" not in text}
    assert not missing - {"py.typed"}


def test_every_equation_of_the_papers_has_its_file():
    rows = re.findall(
        r"^\| (\[.*?\] [^|]*) \|(.*)$", (DOCS / "explanation/mathematics.md").read_text(), re.M
    )
    numbers = {"[GCSA]": set(), "[LoRA-GSA]": set()}
    for head, rest in rows:
        paper, said = head.split(" ", 1)
        if paper in numbers and said[0].isdigit():
            bounds = [int(number) for number in re.findall(r"\d+", said)]
            numbers[paper] |= set(range(bounds[0], bounds[-1] + 1))
        assert PATH.search(rest) or "by construction" in rest, head
    assert numbers["[GCSA]"] == set(range(1, 5))
    assert numbers["[LoRA-GSA]"] == set(range(1, 17))


def test_the_reference_has_every_public_name():
    pages = "".join(page.read_text() for page in (DOCS / "reference").glob("*.md"))
    shown = set(re.findall(r"^::: ([\w.]+)", pages, re.M))
    assert {"isotrope.nn", "isotrope.lora", "isotrope.equivariance"} <= shown
    for name in isotrope.__all__:
        value = getattr(isotrope, name)
        places = value.__module__.split(".")
        homes = {".".join(places[: n + 1]) for n in range(1, len(places))}
        assert (homes | {f"{value.__module__}.{name}"}) & shown, name


def test_the_site_has_every_page():
    text = (REPOSITORY / "mkdocs.yml").read_text()
    listed = set(re.findall(r"- ([\w/-]+\.md)$", text, re.M))
    assert listed == {str(page.relative_to(DOCS)) for page in DOCS.rglob("*.md")}


def test_the_version_has_one_source():
    project = tomllib.loads((REPOSITORY / "pyproject.toml").read_text())
    assert "version" in project["project"]["dynamic"]
    assert project["tool"]["setuptools"]["dynamic"]["version"]["attr"] == "isotrope.__version__"
    for name, pattern in (("CITATION.cff", r"^version: (.*)$"), ("CHANGELOG.md", r"^## (.*)$")):
        found = re.search(pattern, (REPOSITORY / name).read_text(), re.M)
        assert found, name
        assert found[1].split()[0] == isotrope.__version__, name


def test_lowest_constraints_are_those_of_the_package():
    project = tomllib.loads((REPOSITORY / "pyproject.toml").read_text())["project"]
    extras = project["optional-dependencies"]
    wanted = chain(
        project["dependencies"], *(extras[name] for name in ("torch", "train", "onnx", "rapidocr"))
    )
    bounds = (re.match(r"([\w-]+)(?:\[.*\])?>=([\d.]+)", requirement) for requirement in wanted)
    lowest = {f"{bound[1].lower()}=={bound[2]}.*" for bound in bounds if bound}
    lines = (REPOSITORY / "constraints-lowest.txt").read_text().splitlines()
    written = {line for line in lines if not line.startswith("#")}
    assert lowest == written, "write the lower bounds of pyproject.toml into constraints-lowest.txt"
