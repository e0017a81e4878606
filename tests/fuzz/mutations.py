"""Break a file at random: bits, lengths, numbers, chunks, and pieces of other files."""

from __future__ import annotations

import re
import zlib
from collections.abc import Callable, Sequence

import numpy as np

EXTREMES = (0, 1, 0x7F, 0x80, 0xFF, 0x7FFF, 0x8000, 0xFFFF, 0x7FFFFFFF, 0x80000000, 0xFFFFFFFF)
NUMBERS = (b"0", b"-1", b"1", b"nan", b"1e309", b"99999999999", b"0.0000001", b"-2147483648")
Mutation = Callable[[bytearray, Sequence[bytes], np.random.Generator], bytearray]


def mutated(seed: bytes, others: Sequence[bytes], rng: np.random.Generator) -> bytes:
    """Change a file by one to four random mutations; of XML, most leave it well-formed.

    Args:
        seed: A sound file.
        others: Files of the same kind, pieces of which may be put in.
        rng: The same state gives the same file.
    """
    data = bytearray(seed)
    kinds = XML_MUTATIONS if b"<?xml" in seed[:100] and rng.random() < 0.8 else MUTATIONS
    for _ in range(rng.integers(1, 5)):
        data = kinds[rng.integers(len(kinds))](data, others, rng)
    return bytes(data)


def flip_bits(data: bytearray, others: Sequence[bytes], rng: np.random.Generator) -> bytearray:
    """Flip up to eight bits."""
    for place in rng.integers(0, max(1, len(data)), rng.integers(1, 9)):
        if data:
            data[place] ^= 1 << int(rng.integers(8))
    return data


def flip_head(data: bytearray, others: Sequence[bytes], rng: np.random.Generator) -> bytearray:
    """Set up to four bytes among the first 128, where formats keep their headers."""
    for place in rng.integers(0, max(1, min(128, len(data))), rng.integers(1, 5)):
        if data:
            data[place] = rng.integers(256)
    return data


def set_number(data: bytearray, others: Sequence[bytes], rng: np.random.Generator) -> bytearray:
    """Set one, two or four bytes to an extreme number, of either byte order, often in the head."""
    size = int(rng.choice([1, 2, 4]))
    last = len(data) if rng.random() < 0.3 else min(256, len(data))
    place = int(rng.integers(0, max(1, last)))
    value = EXTREMES[rng.integers(len(EXTREMES))] & (256**size - 1)
    data[place : place + size] = value.to_bytes(size, "little" if rng.random() < 0.5 else "big")
    return data


def set_text_number(
    data: bytearray, others: Sequence[bytes], rng: np.random.Generator
) -> bytearray:
    """Write an extreme number in place of one in digits, as in PDF, XML and PPM."""
    found = list(re.finditer(rb"\d+(\.\d+)?", data))
    if found:
        match = found[rng.integers(len(found))]
        data[match.start() : match.end()] = NUMBERS[rng.integers(len(NUMBERS))]
    return data


def set_value(data: bytearray, others: Sequence[bytes], rng: np.random.Generator) -> bytearray:
    """Put another value of the file, or a bad one, in place of one in quotes."""
    found = list(re.finditer(rb'(?<==")[^"<]*(?=")', data))
    if found:
        match, other = (found[rng.integers(len(found))] for _ in range(2))
        values = (other[0], b"", b" , ,", match[0][::-1], match[0] * 100, "\u202e\u0301".encode())
        data[match.start() : match.end()] = values[rng.integers(len(values))]
    return data


def drop_tag(data: bytearray, others: Sequence[bytes], rng: np.random.Generator) -> bytearray:
    """Leave out an element that is empty or holds text alone, or an attribute."""
    pattern = rb"<(\w+)[^<>]*/>|<(\w+)[^<>]*>[^<>]*</\w+>| \w+=\"[^\"<]*\""
    found = list(re.finditer(pattern, data))
    if found:
        match = found[rng.integers(len(found))]
        repeated = match[0] if match[0].startswith(b"<") and rng.random() < 0.3 else b""
        data[match.start() : match.end()] = repeated * 3
    return data


def truncate(data: bytearray, others: Sequence[bytes], rng: np.random.Generator) -> bytearray:
    """Cut off the end."""
    return data[: rng.integers(0, len(data) + 1)]


def delete_chunk(data: bytearray, others: Sequence[bytes], rng: np.random.Generator) -> bytearray:
    """Leave out a piece."""
    start, end = _piece(data, rng)
    del data[start:end]
    return data


def repeat_chunk(data: bytearray, others: Sequence[bytes], rng: np.random.Generator) -> bytearray:
    """Put a piece in again, once or up to 50 times."""
    start, end = _piece(data, rng)
    data[end:end] = data[start:end] * int(rng.choice([1, 2, 50]))
    return data


def overwrite(data: bytearray, others: Sequence[bytes], rng: np.random.Generator) -> bytearray:
    """Put random bytes in place of a piece."""
    start, end = _piece(data, rng)
    data[start:end] = rng.bytes(end - start)
    return data


def splice(data: bytearray, others: Sequence[bytes], rng: np.random.Generator) -> bytearray:
    """Go on with the end of another file."""
    other = others[rng.integers(len(others))]
    return data[: rng.integers(0, len(data) + 1)] + other[rng.integers(0, len(other) + 1) :]


def insert_other(data: bytearray, others: Sequence[bytes], rng: np.random.Generator) -> bytearray:
    """Put a piece of another file in."""
    other = others[rng.integers(len(others))]
    start, end = _piece(other, rng)
    place = rng.integers(0, len(data) + 1)
    data[place:place] = other[start:end]
    return data


def append_junk(data: bytearray, others: Sequence[bytes], rng: np.random.Generator) -> bytearray:
    """Add random bytes, zeros or the file itself at the end."""
    junk = (rng.bytes(int(rng.integers(1, 2000))), bytes(5000), bytes(data[:100_000]))
    return data + junk[rng.integers(3)]


def mend_checksums(data: bytearray, others: Sequence[bytes], rng: np.random.Generator) -> bytearray:
    """Flip a byte within a PNG's chunk and correct its checksum, to get past the first check."""
    if not data.startswith(b"\x89PNG"):
        return flip_bits(data, others, rng)
    chunks, place = [], 8
    while place + 12 <= len(data):
        length = int.from_bytes(data[place : place + 4], "big")
        if place + 12 + length > len(data):
            break
        chunks.append((place, length))
        place += 12 + length
    if chunks:
        place, length = chunks[rng.integers(len(chunks))]
        if length:
            data[place + 8 + rng.integers(length)] = rng.integers(256)
        end = place + 8 + length
        data[end : end + 4] = zlib.crc32(data[place + 4 : end]).to_bytes(4, "big")
    return data


def _piece(data: bytes | bytearray, rng: np.random.Generator) -> tuple[int, int]:
    """A range of up to 1 KiB, or up to an eighth of the file."""
    most = max(1, min(1024, len(data)) if rng.random() < 0.7 else len(data) // 8)
    start = int(rng.integers(0, len(data) + 1))
    return start, min(len(data), start + int(rng.integers(1, most + 1)))


MUTATIONS: tuple[Mutation, ...] = (
    *(flip_bits, flip_head, set_number, set_number, set_text_number, truncate),
    *(delete_chunk, repeat_chunk, overwrite, splice, insert_other, append_junk, mend_checksums),
)
"""Chosen with equal probability."""

XML_MUTATIONS: tuple[Mutation, ...] = (set_text_number, set_value, drop_tag)
