#!/usr/bin/env bash
# Installs what pack.py packed on this machine, beside what it has: torch is never replaced.
# Leaves $ISOTROPE_SITE with the packages and $ISOTROPE_CACHE with the fonts, and imports all of it.
set -euo pipefail
cd "$(dirname "$0")/../.."
site=${ISOTROPE_SITE:-/tmp/isotrope/site} cache=${ISOTROPE_CACHE:-/tmp/isotrope/cache}
mkdir -p "$site" "$cache/isotrope/fonts"
lacking=$(python3 - out/gpu/env/wheels/*.whl <<'PYTHON'
import sys
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path

for wheel in sys.argv[1:]:
    try:
        version(Path(wheel).name.split("-")[0])
    except PackageNotFoundError:
        print(wheel)
PYTHON
)
# shellcheck disable=SC2086  # names of wheels have no spaces
python3 -m pip install --quiet --no-index --no-deps --no-compile --upgrade --target "$site" $lacking
tar -xJf out/gpu/env/fonts.tar.xz -C "$cache/isotrope/fonts"
PYTHONPATH=src:$site XDG_CACHE_HOME=$cache python3 -W ignore - <<'PYTHON'
import os

import torch

import isotrope.training.engine
import isotrope.training.tasks.detection_recipe
import isotrope.training.tasks.orientation_recipe
import isotrope.training.tasks.recognition_recipe
from isotrope.data.synthetic.text import SyntheticText

text = SyntheticText("train", seed=1)
text.sample(0)
kinds = {kind: len(families) for kind, families in text.families.items()}
device = torch.cuda.get_device_name() if torch.cuda.is_available() else "no GPU"
print(f"ready: torch {torch.__version__}, {device}, {os.cpu_count()} cores, families {kinds}")
PYTHON
