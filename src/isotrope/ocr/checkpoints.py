"""What a checkpoint lacks."""

from __future__ import annotations

from collections.abc import Callable


def misfits(report: dict, ignored: Callable[[str], bool] = lambda key: False, most: int = 3) -> str:
    """Name a few tensors of each kind that transformers skipped; empty if all fit.

    Args:
        report: The `output_loading_info` of `from_pretrained`.
        ignored: Whether a tensor may be missing or left over.
        most: Number of tensors of a kind that are named.
    """
    kinds = {
        "missing": report["missing_keys"],
        "unexpected": report["unexpected_keys"],
        "of another shape": (key for key, *_ in report["mismatched_keys"]),
    }
    problems = []
    for kind, keys in kinds.items():
        if names := sorted(key for key in keys if not ignored(key)):
            more = f" and {len(names) - most} more" if len(names) > most else ""
            problems.append(f"{kind}: {', '.join(names[:most])}{more}")
    return "; ".join(problems)
