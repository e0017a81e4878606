"""The suite in docs/how-to/check-layer.md passes, with its negative control."""

from pathlib import Path

PAGE = Path(__file__).parents[2] / "docs" / "how-to" / "check-layer.md"
BLOCKS = [part.partition("```")[0] for part in PAGE.read_text().split("```python\n")[1:]]
NAMES: dict[str, type] = {}
exec(next(block for block in BLOCKS if "EquivariantLayerTests" in block), NAMES)

TestMyLayer = NAMES["TestMyLayer"]
