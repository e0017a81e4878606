"""Of each study the newest results stay in benchmarks/results; figures and documents use those."""

import re
from collections import Counter
from pathlib import Path

REPOSITORY = Path(__file__).parents[2]
RESULTS = REPOSITORY / "benchmarks" / "results"


def test_each_study_has_one_file():
    studies = Counter(
        re.sub(r"-20\d\d-\d\d-\d\d\.csv$", "", file.name) for file in RESULTS.iterdir()
    )
    assert studies
    several = {study for study, count in studies.items() if count > 1}
    assert not several, "move the older results to a dated folder of experiments/"


def test_documents_name_results_that_exist():
    pages = [REPOSITORY / "README.md", *(REPOSITORY / "docs").rglob("*.md")]
    named = {
        name
        for page in pages
        for name in re.findall(r"[a-z-]+-20\d\d-\d\d-\d\d\.csv", page.read_text())
    }
    assert len(named) > 5
    assert not {name for name in named if not (RESULTS / name).is_file()}
