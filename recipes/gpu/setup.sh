#!/usr/bin/env bash
# Installs what was packed on this machine, beside what it has: torch is never replaced.
# Leaves $ISOTROPE_SITE with the packages and $ISOTROPE_CACHE with the fonts, and imports all of it.
#
#   bash recipes/gpu/setup.sh [FOLDER]     none given: out/gpu/env; without fonts, only for adapters
set -euo pipefail
cd "$(dirname "$0")/../.."
env=${1:-out/gpu/env}
site=${ISOTROPE_SITE:-/tmp/isotrope/site} cache=${ISOTROPE_CACHE:-/tmp/isotrope/cache}
mkdir -p "$site" "$cache/isotrope/fonts"
lacking=$(python3 - "$env"/wheels/*.whl <<'PYTHON'
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
if [ -n "$lacking" ]; then
  # shellcheck disable=SC2086  # names of wheels have no spaces
  python3 -m pip install --quiet --no-index --no-deps --no-compile --upgrade --target "$site" $lacking
fi
fonts=
if [ -f "$env/fonts.tar.xz" ]; then
  tar -xJf "$env/fonts.tar.xz" -C "$cache/isotrope/fonts"
  fonts=yes
fi
PYTHONPATH=src:$site XDG_CACHE_HOME=$cache FONTS=$fonts python3 -W ignore - <<'PYTHON'
import os

import torch

import isotrope.cli.adapt
import isotrope.training.adaptation
import isotrope.training.report

kinds = {}
if os.environ["FONTS"]:
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
