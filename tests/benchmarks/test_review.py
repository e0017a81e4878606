"""The simulation of correcting: which lines a method takes, and the figure."""

import csv

import pytest

import review
import review_figure
from isotrope.training.review.choosing import ReadLine

READ = [ReadLine(f"line {n * n}", float(n), 1.0, 4.0) for n in range(50)]


class Pool:
    """Fifty read lines, the later ones the more doubtful."""

    name, lines, read_by_base = "set", READ, READ


@pytest.mark.parametrize("method", ["review", "random", "drawn"])
def test_more_corrections_go_on_from_fewer(method):
    few, more = (review.chosen(review.Run(Pool(), method, 1, n), [10, 30]) for n in (10, 30))
    assert more[:10] == few
    assert len(set(more)) == 30


def test_methods_differ_in_the_doubt_of_what_they_take():
    doubt = {
        method: sum(
            sum(review.chosen(review.Run(Pool(), method, seed, 10), [10])) for seed in range(20)
        )
        for method in ("review", "random", "drawn")
    }
    assert doubt["review"] > doubt["drawn"] > doubt["random"]


def test_seeds_differ():
    first, second = (review.chosen(review.Run(Pool(), "random", s, 10), [10]) for s in (0, 1))
    assert first != second


def test_the_figure_is_drawn_from_results(tmp_path, monkeypatch):
    rows = [
        {"set": name, "method": method, "seed": seed}
        | {"corrected": count, "wrong": 9 * count, "cer": 0.3 - count / 500}
        for name in ("a", "b")
        for method, seed, count in [
            *(("review", 0, 0), ("review", 0, 25), ("review", 0, 50)),
            *(("random", 0, 25), ("random", 1, 25), ("random", 0, 50)),
        ]
    ]
    table = tmp_path / "review.csv"
    with table.open("w", newline="") as file:
        writer = csv.DictWriter(file, rows[0])
        writer.writeheader()
        writer.writerows(rows)
    with table.open(newline="") as file:
        read = list(csv.DictReader(file))
    monkeypatch.setattr(review_figure, "newest", lambda study: read)
    monkeypatch.setattr(review_figure, "PATH", tmp_path / "review.png")
    review_figure.draw()
    assert (tmp_path / "review.png").stat().st_size > 5_000
