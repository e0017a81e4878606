"""The scans of JPEG files, each of which takes a pass over the whole image."""

from __future__ import annotations

import re

_MARKER = re.compile(rb"\xff+([^\x00\xff\xd0-\xd7])", re.DOTALL)  # not within a scan's data
_START_OF_SCAN, _END = 0xDA, 0xD9
_ALONE = (0x01, 0xD8, _END)  # markers without a length


def scans(content: bytes, most: int) -> int:
    """Count the scans of a JPEG up to its end, but no further than `most` + 1.

    A progressive file has about ten.
    """
    count, place = 0, 0
    while count <= most and (found := _MARKER.search(content, place)):
        marker, place = found[1][0], found.end()
        if marker == _END:
            break
        count += marker == _START_OF_SCAN
        if marker not in _ALONE:
            place += int.from_bytes(content[place : place + 2], "big")
    return count
