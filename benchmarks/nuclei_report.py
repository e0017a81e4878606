"""The table and the picture of docs/results/nuclei.md, from the newest results and trained rows.

    python benchmarks/nuclei_report.py                          # the table, on standard output
    python benchmarks/nuclei_report.py --picture --data NUCLEI  # docs/images/nuclei.png

The picture is drawn with the models of runs/nuclei.
"""

from __future__ import annotations

import argparse
from collections.abc import Sequence
from pathlib import Path
from statistics import mean

import numpy as np
from matplotlib.figure import Figure

from figures import DOCS, grouped
from isotrope.data.instances import LabeledInstances, load_instances
from isotrope.io.files import replacing
from isotrope.models.instances import segment, turned_labels
from isotrope.training.instance_scores import overlaps
from measuring import newest, table
from nuclei import D4, ROWS, SPEED, models

PICTURE = DOCS / "nuclei.png"


def rows_of(lines: Sequence[dict[str, str]], times: dict[str, float]) -> str:
    """A row for each row of the study: means over its seeds, and half the range of the AP.

    Args:
        times: milliseconds of a training step, by the first word of a row's name.
    """
    heads = ("row", "parameters", "ms a step", "seeds", "AP 0.5", "AP 0.5:0.95", "AJI")
    heads += ("AP 0.5 at the other seven", "the same at all eight", "agreement", "maps move by")
    body: list[list[str]] = []
    for (row,), own in grouped(lines, "row").items():

        def column(name: str, own=own) -> list[float]:
            return [float(line[name]) for line in own]

        spread = (max(column("ap50")) - min(column("ap50"))) / 2
        half = f" ± {spread:.3f}" if len(own) > 1 else ""
        time = times.get(row.split("-")[0])
        cells = [
            row,
            f"{int(own[0]['parameters']):,}",
            f"{time:.0f}" if time else "",
            str(len(own)),
        ]
        cells += [f"{mean(column('ap50')):.3f}{half}"]
        cells += [f"{mean(column(name)):.3f}" for name in ("ap", "aji", "ap50_turned")]
        cells += [f"{100 * mean(column('same')):.0f}%", f"{mean(column('agreement')):.3f}"]
        cells += [f"{max(column('moved')):.0e}"]
        body.append(cells)
    return table(heads, body)


def picture(test: Sequence[LabeledInstances], rows: Sequence[str], seed: int) -> None:
    """Draw the instances of an image at four turns, a line for each row, turned back.

    Pixels that are not of the same instance as upright are red.
    """
    each = max(test, key=lambda image: len(np.unique(image.labels)) * (image.labels.size < 80_000))
    figure = Figure(figsize=(11, 2.4 * len(rows)), layout="constrained")
    panels = figure.subplots(len(rows), 5, squeeze=False)
    for line, row in zip(panels, rows, strict=True):
        _, model = next(models(row, seed))
        line[0].imshow(each.pixels.movedim(0, -1).numpy())
        line[0].set_ylabel(row)
        upright = segment(model, each.pixels)
        for turn, panel in enumerate(line[1:]):
            found = turned_labels(D4.inverse(turn), segment(model, D4.act_image(turn, each.pixels)))
            panel.imshow(colored(found, upright))
            panel.set_xlabel(f"{90 * turn} degrees: {found.max()} nuclei")
        for panel in line:
            panel.set(xticks=[], yticks=[])
    with replacing(PICTURE) as temporary:
        figure.savefig(temporary, format="png", dpi=100)


def colored(found: np.ndarray, upright: np.ndarray) -> np.ndarray:
    """Each instance in a gray of its own, and red where it has no equal among the upright ones."""
    shared, union = overlaps(found, upright)
    equal = np.append(True, (shared == union).any(1))
    numbers = np.unique(np.append(found, 0), return_inverse=True)[1][:-1].reshape(found.shape)
    grays = 0.35 + 0.65 * np.random.default_rng(0).random(len(equal))
    grays[0] = 0
    image = np.repeat(grays[numbers][..., None], 3, axis=2)
    image[~equal[numbers]] = (0.9, 0.15, 0.1)
    image[(found == 0) & (upright > 0)] = (0.4, 0, 0)
    return image


def main() -> None:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawTextHelpFormatter
    )
    parser.add_argument("--data", type=Path)
    parser.add_argument("--rows", nargs="*", choices=list(ROWS), default=list(ROWS))
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--picture", action="store_true")
    arguments = parser.parse_args()
    if arguments.picture:
        if arguments.data is None:
            parser.error("--data is needed for the picture")
        picture(load_instances(arguments.data, "valid"), arguments.rows, arguments.seed)
        return
    times = {line["row"]: float(line["ms"]) for line in newest(SPEED)}
    print(rows_of(newest("nuclei"), times))


if __name__ == "__main__":
    main()
