"""What was read as a document to save: one file, or a ZIP of several. No torch."""

from __future__ import annotations

import io
import zipfile
from collections.abc import Mapping, Sequence
from pathlib import PurePosixPath
from typing import TYPE_CHECKING, Any

from isotrope.serve.job import Answer
from isotrope.serve.limits import Refusal

if TYPE_CHECKING:
    from isotrope.ocr.document import Page
    from isotrope.ocr.formats.pages import PageFormat

MEDIA_TYPES = {
    ".txt": "text/plain; charset=utf-8",
    ".md": "text/markdown; charset=utf-8",
    ".tsv": "text/tab-separated-values; charset=utf-8",
    ".jsonl": "application/jsonl",
    ".json": "application/json",
    ".hocr": "application/xhtml+xml",
    ".html": "application/xhtml+xml",
    ".xml": "application/xml",
    ".pdf": "application/pdf",
}
"""The media types of files by the last suffix of their names."""

CROP_SUFFIXES = {"text": ".txt", "tsv": ".tsv", "json": ".json", "jsonl": ".jsonl"}
"""The suffixes of files with words and lines, by the name of the format."""


def media_type(suffix: str) -> str:
    """The media type of a file, such as `.page.xml`."""
    return MEDIA_TYPES.get(PurePosixPath("a" + suffix).suffix, "application/octet-stream")


def crops_document(format: str, results: Sequence[tuple[str, Sequence[Any]]]) -> Answer:
    """Write the readings of words and lines.

    Args:
        format: A name in `isotrope.ocr.formats`.
        results: For each file its name and the readings of its images.
    """
    from isotrope.ocr.formats import writer

    rows = [(name, [reading]) for name, readings in results for reading in readings]
    lines = writer(format)(rows, names=len(rows) > 1)
    body = "".join(f"{line}\n" for line in lines).encode("utf-8", "replace")
    suffix = CROP_SUFFIXES.get(format, ".txt")
    return Answer(body, media_type(suffix), _name(results) + suffix, len(rows))


def pages_document(
    format: str, results: Sequence[tuple[str, Sequence[Page]]], contents: Sequence[bytes]
) -> Answer:
    """Write pages.

    Args:
        format: A name in `isotrope.ocr.formats.pages`.
        results: For each file its name and its pages.
        contents: The files themselves, for formats that show them.

    Raises:
        Refusal: The pages do not go into the format, or it needs a package.
    """
    from isotrope.ocr.formats.pages import page_format

    form = page_format(format)
    try:
        files = _files(form, results, contents)
    except (ValueError, ModuleNotFoundError) as error:
        raise Refusal(422, str(error).replace("\n", " ")) from error
    count = sum(len(pages) for _, pages in results)
    name = _name(results)
    if len(files) == 1:
        ((_, body),) = files.items()
        return Answer(body, media_type(form.suffix), name + form.suffix, count)
    packed = io.BytesIO()
    with zipfile.ZipFile(packed, "w", zipfile.ZIP_DEFLATED) as archive:
        for path, body in files.items():
            archive.writestr(path, body)
    return Answer(packed.getvalue(), "application/zip", f"{name}.zip", count)


def _files(
    form: PageFormat,
    results: Sequence[tuple[str, Sequence[Page]]],
    contents: Sequence[bytes],
) -> dict[str, bytes]:
    """The files that hold the pages, by name."""

    sources = {  # by identity: two files may have one name
        id(page): content
        for (_, pages), content in zip(results, contents, strict=True)
        for page in pages
    }

    def written(pages: Sequence[Page]) -> bytes:
        return b"".join(form.write(iter(pages), lambda page: sources[id(page)]))

    if form.holds == "files":
        return {"": written([page for _, pages in results for page in pages])}
    files: dict[str, bytes] = {}
    for name, pages in results:
        if form.holds == "file" or len(pages) == 1:
            files[_free(stem(name), form.suffix, files)] = written(pages)
            continue
        for page in pages:
            files[_free(f"{stem(name)}-{page.number}", form.suffix, files)] = written([page])
    return files


def _name(results: Sequence[tuple[str, Any]]) -> str:
    """The name of the download, without a suffix."""
    return stem(results[0][0]) if len(results) == 1 else "isotrope"


def stem(name: str) -> str:
    """The last part of a client's file name, without its suffix and what could lead elsewhere."""
    last = PurePosixPath(name.replace("\\", "/")).name
    kept = "".join(c for c in last if c.isprintable() and c not in '/\\:*?"<>|').strip(". ")
    return PurePosixPath(kept).stem[:100] if kept else "file"


def _free(name: str, suffix: str, taken: Mapping[str, Any]) -> str:
    """A name that is not taken yet."""
    number, free = 1, name + suffix
    while free in taken:
        number += 1
        free = f"{name} ({number}){suffix}"
    return free
