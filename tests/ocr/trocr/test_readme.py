"""The README's rotation-proof TrOCR, run with a small random one in the published one's place."""

import re
from contextlib import chdir
from pathlib import Path

ROOT = Path(__file__).parents[3]


def test_five_lines_of_the_readme_read_a_page(trocr, tmp_path, capsys):
    text = (ROOT / "README.md").read_text(encoding="utf-8")
    (block,) = (b for b in re.findall(r"```python\n(.*?)```", text, re.DOTALL) if "trocr" in b)
    code = [line for line in block.splitlines() if line]
    assert len(code) == 5
    (tmp_path / "trocr-base-handwritten").symlink_to(trocr())
    (tmp_path / "samples").symlink_to(ROOT / "samples")
    with chdir(tmp_path):
        exec(block, {})
    assert len(capsys.readouterr().out.splitlines()) > 5
