#!/usr/bin/env bash
# Puts together what train.sh left, so that `isotrope train` goes on from it here or elsewhere.
#
#   bash recipes/gpu/join.sh FOLDER runs/KIND
set -euo pipefail
from=$(realpath "$1") run=$2
cd "$(dirname "$0")/../.."
mkdir -p "$run/model"
if [ -f "$from/checkpoint.0" ]; then
  cat "$from"/checkpoint.[0-9] > "$run/checkpoint.new"
  if [ "$(sha256sum < "$run/checkpoint.new")" != "$(cat "$from/checkpoint.sha256")" ]; then
    echo "$from: a part of the checkpoint is missing or broken; fetch all of them again" >&2
    exit 1
  fi
  [ ! -f "$run/checkpoint.pt" ] || mv "$run/checkpoint.pt" "$run/checkpoint.before.pt"
  mv "$run/checkpoint.new" "$run/checkpoint.pt"
fi
[ ! -f "$from/log.csv" ] || cp "$from/log.csv" "$run/log.csv"
if [ -f "$from/model.safetensors" ]; then
  cp "$from/model.safetensors" "$from/config.json" "$run/model/"
  chmod u+w "$run/model/"*
  # The graph for onnxruntime, which did not travel.
  PYTHONPATH=src "${PYTHON:-python3}" -W ignore - "$run/model" <<'PYTHON'
import json
import sys
from pathlib import Path

folder = Path(sys.argv[1])
config = json.loads((folder / "config.json").read_text())
if "charset" in config:
    from isotrope.ocr.recognition.store import load_model, save_model

    save_model(load_model(folder), folder)
elif "neck_kernel" in config:
    from isotrope.ocr.detection.db.store import load_detector, save_detector

    save_detector(load_detector(folder), folder)
elif "group" in config:
    from isotrope.ocr.detection.linenet.store import load_line_net, save_line_net

    save_line_net(load_line_net(folder), folder)
else:
    from isotrope.ocr.orientation.store import load_finder, save_finder

    save_finder(load_finder(folder), folder)
PYTHON
fi
ls -l "$run" "$run/model"
