"""The parts of the fuzzer import each other from their folder, as when it runs by itself."""

import sys
from pathlib import Path

sys.path.append(str(Path(__file__).parent))
