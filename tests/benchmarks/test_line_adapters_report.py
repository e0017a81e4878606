"""The tables of the comparison of adapters."""

import pytest

pytest.importorskip("lightning", reason="the benchmark it reports on trains")

from line_adapters import KEPT, OTHERS
from line_adapters_report import accuracy, forgotten, parts, sizes


def row(name, method, lines, cer, **more):
    kept = {f"{kept}_cer": "" for kept in (*KEPT, *OTHERS)}
    found = {"set": name, "method": method, "train_lines": str(lines), "cer": str(cer)}
    rates = {"wer": str(2 * cer), "cer_without_case": str(cer / 2), "valid_lines": "40"}
    return kept | found | rates | more


ROWS = [
    row("fraktur", "none", 0, 0.02, uw3_cer="0.001"),
    row("fraktur", "ppocr", 0, 0.08),
    row("fraktur", "lora", 100, 0.015),
    row("fraktur", "shipped", "all", 0.005),
    row("fraktur", "full", 1903, 0.004, uw3_cer="0.05", hands_cer="0.5"),
    row("receipts", "none", 0, 0.02),
]


def test_each_set_is_a_line_and_what_is_missing_a_dash():
    lines = accuracy(ROWS).splitlines()
    assert lines[2:] == [
        "| `fraktur` | 40 | 8.0% | 2.0% | **0.5%** | 1.0% |",
        "| `receipts`, case left out | 40 | – | 1.0% | **–** | – |",
    ]


def test_sources_of_a_set_stand_apart():
    rows = [
        row("typescript", "none", 0, 0.02, parts='{"fr": [30, 0.01, 0], "en": [10, 0.05, 0]}'),
        row("typescript", "shipped", 1, 0.01, parts='{"fr": [30, 0.005, 0], "en": [10, 0.02, 0]}'),
        row("fraktur", "shipped", 1, 0.01, parts='{"only": [40, 0.01, 0]}'),
    ]
    assert parts(rows).splitlines()[2:] == [
        "| `typescript` | fr | 30 | – | 1.0% | 0.5% |",
        "| `typescript` | en | 10 | – | 5.0% | 2.0% |",
    ]


def test_sizes_stand_side_by_side():
    lines = sizes(ROWS).splitlines()
    assert lines[2:] == [
        "| `fraktur` | an adapter | 1.5% | – | 0.5% |",
        "| `fraktur` | all weights | – | – | 0.4% |",
    ]


def test_what_is_forgotten_is_beside_what_was_known():
    lines = forgotten(ROWS).splitlines()
    assert lines[2].startswith("| none | 0.1% | – |")
    assert lines[3].startswith("| `fraktur`, 1903 | 5.0% | – | – | – | 50.0% |")
    assert len(lines) == 4
