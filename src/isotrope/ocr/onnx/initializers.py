"""Change the type and shape of weights declared in an ONNX graph, without the onnx package.

The file is a tree of protocol buffers: https://protobuf.dev/programming-guides/encoding and
https://github.com/onnx/onnx/blob/main/onnx/onnx.proto.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence

_GRAPH, _INITIALIZER, _NAME = 7, 5, 8
"""Fields of a model, a graph and a tensor."""

_DIMS, _TYPE, _FLOAT = 1, 2, 1
"""Fields of a tensor, and the type that stands for 32 bits."""

_VARINT, _I64, _BYTES, _I32 = 0, 1, 2, 5
"""Kinds of fields."""


def redeclared(model: bytes, shapes: Mapping[str, Sequence[int]]) -> bytes:
    """A model whose named weights are declared as float32 and with these shapes.

    Args:
        model: The contents of an ONNX file.
        shapes: The new shapes, by the names of the initializers.

    Raises:
        ValueError: The model has no initializer of a name.
    """
    left = dict(shapes)
    parts = []
    for number, field, content in _fields(model):
        if number == _GRAPH:
            content = b"".join(_graph_parts(content, left))
            field = _field(_GRAPH, content)
        parts.append(field)
    if left:
        raise ValueError(f"there is no weight {', '.join(left)}")
    return b"".join(parts)


def _graph_parts(graph: bytes, left: dict[str, Sequence[int]]) -> Iterator[bytes]:
    """The fields of a graph; each weight in `left` is replaced and removed there."""
    for number, field, content in _fields(graph):
        if number == _INITIALIZER:
            inner = list(_fields(content))
            name = next((c for n, _, c in inner if n == _NAME), b"").decode()
            if (shape := left.pop(name, None)) is not None:
                kept = [f for n, f, _ in inner if n not in (_DIMS, _TYPE)]
                dims = [_varint(_DIMS << 3 | _VARINT) + _varint(size) for size in shape]
                kind = _varint(_TYPE << 3 | _VARINT) + _varint(_FLOAT)
                field = _field(_INITIALIZER, b"".join([*dims, kind, *kept]))
        yield field


def _fields(message: bytes) -> Iterator[tuple[int, bytes, bytes]]:
    """The fields of a message: number, the whole field, and its content if it has a length."""
    place = 0
    while place < len(message):
        start = place
        key, place = _read_varint(message, place)
        content, kind = b"", key & 7
        if kind == _VARINT:
            _, place = _read_varint(message, place)
        elif kind == _BYTES:
            length, place = _read_varint(message, place)
            content = message[place : place + length]
            place += length
        elif kind in (_I64, _I32):
            place += 8 if kind == _I64 else 4
        else:
            raise ValueError(f"it is no protocol buffer: a field of kind {kind}")
        yield key >> 3, message[start:place], content


def _field(number: int, content: bytes) -> bytes:
    return _varint(number << 3 | _BYTES) + _varint(len(content)) + content


def _read_varint(data: bytes, place: int) -> tuple[int, int]:
    number = shift = 0
    while data[place] & 128:
        number |= (data[place] & 127) << shift
        place, shift = place + 1, shift + 7
    return number | data[place] << shift, place + 1


def _varint(number: int) -> bytes:
    """A number, seven bits per byte, lowest first."""
    digits = []
    while number > 127:
        digits.append(number & 127 | 128)
        number >>= 7
    return bytes([*digits, number])
