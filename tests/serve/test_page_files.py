"""The files of the web page."""

import re
from pathlib import Path

import isotrope.serve

PAGE = Path(isotrope.serve.__file__).parent / "page"


def test_all_modules_are_asked_for_at_once():
    html = (PAGE / "index.html").read_text()
    loaded = re.findall(
        r'<(?:link rel="modulepreload" href|script type="module" src)="(.+?)"', html
    )
    assert sorted(loaded) == sorted(f"static/{path.name}" for path in PAGE.glob("*.js"))
