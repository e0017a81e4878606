"""Keep the memory of a process flat over images of many sizes. No torch."""

from __future__ import annotations

import ctypes
import os
import sys
from functools import cache

LARGE = 4 << 20
"""Blocks from this size, bytes, are given back to the system as soon as they are freed."""

_TOP = 8 * LARGE
"""Free memory at the end of the heap, bytes, from which that is given back too."""

_MMAP_THRESHOLD, _TRIM_THRESHOLD = -3, -1  # parameters of glibc's `mallopt`


@cache
def give_back_large_blocks() -> None:
    """Make glibc give large blocks back to the system; once a process, nothing elsewhere.

    By default, the size from which a block counts as large grows up to 32 MB as blocks are freed.
    The blocks that onnxruntime takes for images of varying sizes then lie in the heap between small
    ones that stay, and a run of many pages ends with three times the memory. Settings in the
    environment (`MALLOC_*`, `GLIBC_TUNABLES`) take precedence.
    """
    if any(name.startswith("MALLOC_") or name == "GLIBC_TUNABLES" for name in os.environ):
        return
    mallopt = getattr(ctypes.CDLL(None), "mallopt", None) if sys.platform == "linux" else None
    if mallopt is not None:
        mallopt(_MMAP_THRESHOLD, LARGE)
        mallopt(_TRIM_THRESHOLD, _TOP)
