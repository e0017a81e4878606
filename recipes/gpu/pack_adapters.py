"""Packs what training the shipped adapters on a machine without a network needs, in one folder.

    python recipes/gpu/pack_adapters.py --data DATA

`out/gpu/adapters/env` holds the wheels, and a folder for each adapter its lines: `NAME-train.tar`
and `NAME-valid.tar`, as its recipe chooses, labels and mends them. Prints which of them go
together in one journey. Exits with status 1 where a part and the repository are above the limit.
"""

from __future__ import annotations

import argparse
import io
import shutil
import sys
import tarfile
from pathlib import Path

HERE = Path(__file__).resolve().parent
ROOT = HERE.parents[1]
sys.path.insert(0, str(HERE))

NAMES = ("hands", "receipts", "testaments", "letters", "fraktur", "typescript", "early-print")
"""In the order of the journeys: `testaments` and `letters` start from `hands`."""


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__.split("\n")[0])
    parser.add_argument("names", nargs="*", default=NAMES, help="recipes of recipes/adapters/")
    parser.add_argument("--data", type=Path, required=True, help="the folder of the recipes' sets")
    parser.add_argument("--base", type=Path, help="the model to adapt; none: the shipped small")
    parser.add_argument("--out", type=Path, default=ROOT / "out/gpu/adapters")
    parser.add_argument("--python", default="3.12", help="the other machine's")
    parser.add_argument("--height", type=int, default=64, help="the most of a line, in pixels")
    parser.add_argument("--quality", type=int, default=40, help="of images, as WebP counts")
    parser.add_argument("--lines", type=int, help="at most this many of each part, for a rehearsal")
    parser.add_argument("--limit", type=float, default=64.0, help="MiB that one journey takes")
    given = parser.parse_args()
    from pack import report
    from pack_wheels import pack_wheels

    environment = given.out / "env"
    if not (environment / "wheels").is_dir():
        pack_wheels(environment / "wheels", HERE / "wheels-adapters.txt", given.python)
    parts = [environment]
    if given.base is not None:
        parts.append(given.out / "base")
        shutil.rmtree(parts[-1], ignore_errors=True)
        shutil.copytree(
            given.base,
            parts[-1] / given.base.resolve().name,
            ignore=shutil.ignore_patterns("adapters"),
        )
    for name in given.names:
        parts.append(given.out / name)
        shutil.rmtree(parts[-1], ignore_errors=True)
        parts[-1].mkdir(parents=True)
        for part, lines in zip(
            ("train", "valid"), _lines(name, given.data, given.base), strict=True
        ):
            few = lines if given.lines is None else lines.keep(lambda n, _: n < given.lines)
            path = parts[-1] / f"{name}-{part}.tar"
            packed = pack_lines(few, path, given.height, given.quality)
            print(f"{path.name}: {packed} of {len(few)} lines", flush=True)
    return report(parts, given.limit)


def _lines(name: str, data: Path, base: Path | None):
    """The lines that a recipe trains on, and those that it holds out."""
    from isotrope.training.line_sources import gather
    from isotrope.training.recipe_file import load_recipe
    from isotrope.training.tasks.adaptation_recipe import LineAdaptationRecipe

    recipe = load_recipe(LineAdaptationRecipe, ROOT / f"recipes/adapters/{name}.toml")
    return gather(recipe.data.source, data, recipe.load(base))


def pack_lines(lines, path: Path, height: int, quality: int) -> int:
    """Writes lines as WebP with their labels; returns how many, without those that do not open.

    Of many small images a tar's own headers are a fifth, so that it is compressed as a whole.
    """
    from isotrope.io.images import ImageError

    labels: list[str] = []
    with tarfile.open(path, "w:xz") as tar:
        for number in range(len(lines)):
            try:
                image, text = lines[number]
            except (ValueError, ImageError):  # training would leave it out as well
                continue
            name = f"{number:05}.webp"
            _add(tar, name, _webp(image, height, quality))
            labels.append(f"{name}\t{text}\n")
        _add(tar, "labels.tsv", "".join(labels).encode())
    return len(labels)


def _webp(image, height: int, quality: int) -> bytes:
    """An image `(3, H, W)` in [0, 1], made smaller where it is higher than `height`."""
    from PIL import Image

    from isotrope.training.relabel import as_bytes

    picture = Image.fromarray(as_bytes(image))
    if picture.height > height:
        width = max(1, round(picture.width * height / picture.height))
        picture = picture.resize((width, height), Image.Resampling.LANCZOS)
    content = io.BytesIO()
    picture.save(content, "WEBP", quality=quality, method=3)
    return content.getvalue()


def _add(tar: tarfile.TarFile, name: str, content: bytes) -> None:
    entry = tarfile.TarInfo(name)
    entry.size = len(content)
    tar.addfile(entry, io.BytesIO(content))


if __name__ == "__main__":
    sys.exit(main())
