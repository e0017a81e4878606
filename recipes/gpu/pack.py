"""Packs what training on a machine without a network needs, beside this repository, in one folder.

    python recipes/gpu/pack.py finder --data DATA --run runs/finder

Three parts, since all together may be more than one journey takes: `out/gpu/env` holds wheels and
fonts and is the same for every model; `out/gpu/data` the training images; `out/gpu/run` what the
run's first step needs, and its last checkpoint. Prints which of them go together. Exits with status
1 where a part and the repository are above the limit.
"""

from __future__ import annotations

import argparse
import os
import shutil
import subprocess
import sys
from pathlib import Path

HERE = Path(__file__).resolve().parent
ROOT = HERE.parents[1]
sys.path.insert(0, str(HERE))

MIB = 1 << 20


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__.split("\n")[0])
    parser.add_argument("kind", help="a recipe of recipes/: finder, reader-small, detector, ...")
    parser.add_argument("--data", type=Path, required=True, help="the folder of the recipe's sets")
    parser.add_argument("--run", type=Path, help="go on from its checkpoint; none: from the start")
    parser.add_argument("--out", type=Path, default=ROOT / "out/gpu")
    parser.add_argument("--python", default="3.12", help="the other machine's")
    parser.add_argument("--fonts", type=float, default=9.0, help="MiB of them, packed")
    parser.add_argument("--quality", type=int, default=40, help="of images, as WebP counts")
    parser.add_argument("--limit", type=float, default=64.0, help="MiB that one journey takes")
    given = parser.parse_args()
    environment, data, run = parts = [given.out / name for name in ("env", "data", "run")]

    # Before isotrope is imported: what a run makes before its first step goes into the cache.
    home = Path(os.environ.get("XDG_CACHE_HOME") or Path.home() / ".cache") / "isotrope"
    from pack_data import pack_data
    from pack_fonts import pack_fonts
    from pack_wheels import pack_wheels

    if not (environment / "wheels").is_dir():
        pack_wheels(environment / "wheels", HERE / "wheels.txt", given.python)
    if not (environment / "fonts.tar.xz").is_file():
        pack_fonts(environment / "fonts.tar.xz", round(given.fonts * MIB))
    for part in (data, run):
        shutil.rmtree(part, ignore_errors=True)
    pack_data(ROOT / f"recipes/{given.kind}.toml", given.data, data, given.quality)
    first_steps(given.kind, data, run, home)
    if given.run and (checkpoint := given.run / "checkpoint.pt").is_file():
        import torch

        state = torch.load(checkpoint, map_location="cpu", weights_only=True)
        # Half of the file; moments of small batches say little of the gradients of large ones.
        del state["optimizer"]
        torch.save(state, run / "checkpoint.pt")
    return report(parts, given.limit)


def first_steps(kind: str, data: Path, run: Path, home: Path) -> None:
    """Makes the task once, so that the cache holds all of it, and takes that part along."""
    from isotrope.training.recipe_file import load_recipe
    from isotrope.training.tasks.detection_recipe import DetectionRecipe
    from isotrope.training.tasks.orientation_recipe import OrientationRecipe
    from isotrope.training.tasks.recognition_recipe import RecognitionRecipe

    size = "small" if kind == "reader-small" else "tiny"
    recipe, cached = {
        "finder": (OrientationRecipe, (f"published-{size}", "turns")),
        "detector": (DetectionRecipe, ("published-detector",)),
    }.get(kind.split("-")[0], (RecognitionRecipe, (f"published-{size}", f"case-{size}")))
    wanted = load_recipe(recipe, ROOT / f"recipes/{kind}.toml", {})
    wanted.task(data)
    if teacher := getattr(wanted.losses, "teacher", None):
        (run / "teacher").mkdir()
        for name in ("config.json", "model.safetensors"):
            shutil.copy(Path(teacher) / name, run / "teacher" / name)
    cache = run / "cache/isotrope"
    cache.mkdir(parents=True, exist_ok=True)
    for name in cached:
        for path in home.glob(f"{name}-*"):
            copy = shutil.copytree if path.is_dir() else shutil.copy
            copy(path, cache / path.name)


def report(parts: list[Path], limit: float) -> int:
    """Prints the size of each part and the journeys; 1 if one is too large for any."""
    tracked = subprocess.run(
        ["git", "ls-files", "-z", "--cached", "--others", "--exclude-standard"],
        cwd=ROOT,
        capture_output=True,
        check=True,
    ).stdout.split(b"\0")
    files = [ROOT / os.fsdecode(name) for name in tracked if name]
    repository = sum(f.stat().st_size for f in files if f.is_file()) / MIB
    print(f"{repository:7.1f} MiB  the repository, which travels each time")
    journeys, loads = [], []
    for part in parts:
        for path in sorted(part.iterdir()):
            print(f"{_size(path):7.1f} MiB  {path.relative_to(part.parent)}")
        size = _size(part)
        if journeys and loads[-1] + size <= limit:
            journeys[-1].append(part.name)
            loads[-1] += size
        else:
            journeys.append([part.name])
            loads.append(repository + size)
    for names, load in zip(journeys, loads, strict=True):
        print(f"{load:7.1f} of {limit:g} MiB: a journey with {', '.join(names)}")
    return int(max(loads) > limit)


def _size(path: Path) -> float:
    files = [path] if path.is_file() else [p for p in path.rglob("*") if p.is_file()]
    return sum(p.stat().st_size for p in files) / MIB


if __name__ == "__main__":
    sys.exit(main())
