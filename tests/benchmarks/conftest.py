"""The benchmarks import each other from their folder, as scripts run from it do."""

import sys
from pathlib import Path

sys.path.append(str(Path(__file__).parents[2] / "benchmarks"))
