"""The body of a request: taken into memory piece by piece, within limits of size and time."""

from __future__ import annotations

import asyncio
import sys
from collections.abc import AsyncGenerator
from typing import TYPE_CHECKING

from starlette.datastructures import FormData, UploadFile
from starlette.formparsers import MultiPartException, MultiPartParser

from isotrope.serve.job import File
from isotrope.serve.limits import Refusal, Share

if TYPE_CHECKING:
    from starlette.requests import Request

GRACE = 10.0
"""Seconds that a body may take however small it is."""

RATE = 16 << 10
"""Bytes a second at which a body must come at the least, on average, after `GRACE`."""

_FIELDS = 20  # the most that a form may have, besides files
_FIELD = 4096  # bytes of one

Form = tuple[list[File], dict[str, str]]
"""The files of a request and its fields."""


class _InMemory(MultiPartParser):
    spool_max_size = sys.maxsize  # nothing goes to disk


async def read_form(request: Request, most: int, share: Share, files: int) -> Form:
    """The files and fields of a request.

    They come as `multipart/form-data`, in fields named `file`; or the body is one image or PDF, and
    the fields are in the query.

    Args:
        request: Not yet read.
        most: Bytes of the body.
        share: What it takes of the memory for all bodies.
        files: How many there may be.

    Raises:
        Refusal: It is too large or too slow, of another type, broken, or has no files.
    """
    kind = request.headers.get("content-type", "").partition(";")[0].strip().lower()
    given: list[tuple[str, str]] = list(request.query_params.multi_items())
    if kind == "multipart/form-data":
        form = await _parsed(request, most, share, files)
        read = [item for _, item in form.multi_items() if isinstance(item, UploadFile)]
        for name, value in form.multi_items():
            if isinstance(value, UploadFile) != (name == "file"):
                raise Refusal(422, _strange(name, isinstance(value, UploadFile)))
            if isinstance(value, str):
                given.append((name, value))
        found = [File(item.filename or "file", await item.read()) for item in read]
        await form.close()
    elif kind.startswith("image/") or kind == "application/pdf":
        chunks = [chunk async for chunk in _chunks(request, most, share)]
        found = [File("file", b"".join(chunks))]
    else:
        raise Refusal(
            415,
            f"content type {kind[:60]!r}; send multipart/form-data with a field `file`, or an "
            "image/* or application/pdf",
        )
    if not found:
        raise Refusal(422, "no file; send one or more in the field `file`")
    return found, dict(given)


async def _parsed(request: Request, most: int, share: Share, files: int) -> FormData:
    parser = _InMemory(
        request.headers,
        _chunks(request, most, share),
        max_files=files,
        max_fields=_FIELDS,
        max_part_size=_FIELD,
    )
    try:
        return await parser.parse()
    except MultiPartException as error:
        if error.message.startswith("Too many files"):
            raise Refusal(413, f"more than {files} files; send them in parts") from error
        problem = error.message.rstrip(".")
        raise Refusal(400, f"a form that cannot be read ({problem}); send it again") from error


async def _chunks(request: Request, most: int, share: Share) -> AsyncGenerator[bytes, None]:
    """The body in pieces, as they come."""
    declared = request.headers.get("content-length", "")
    if declared.isdecimal() and int(declared) > most:
        raise _too_large(most)
    clock, stream = asyncio.get_running_loop().time, request.stream()
    began, got = clock(), 0
    while True:
        try:
            async with asyncio.timeout_at(began + GRACE + got / RATE):
                chunk = await anext(stream, None)
        except TimeoutError:
            raise Refusal(
                408, f"too slow: {got} bytes came in {clock() - began:.0f} s; send it again"
            ) from None
        if chunk is None:
            return
        got += len(chunk)
        if got > most:
            raise _too_large(most)
        share.take(len(chunk))
        yield chunk


def _too_large(most: int) -> Refusal:
    return Refusal(413, f"more than {most} bytes, the most at once; send fewer or smaller files")


def _strange(name: str, is_file: bool) -> str:
    if name == "file":
        return "the field `file` has no file name; send it as a file"
    if is_file:
        return f"a file in the field {name[:40]!r}; send files in `file`"
    return f"no field {name[:40]!r}"
