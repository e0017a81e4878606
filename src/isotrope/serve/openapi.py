"""How `POST /v1/read` and `/v1/picture` are asked, for their description in OpenAPI."""

from __future__ import annotations

from typing import Any

_READ: dict[str, tuple[dict[str, Any], str]] = {
    "crops": ({"type": "boolean", "default": False}, "Each image is one word or line."),
    "engine": ({"type": "string"}, "Who reads: one of `engines` in `/v1/options`."),
    "adapter": ({"type": "string"}, "One of `adapters`, or `none`."),
    "detector": ({"type": "string"}, "Who finds the lines of a page: one of `detectors`."),
    "format": (
        {"type": "string", "default": "json"},
        "`json`, or one of `formats` (with `crops`, of `crop_formats`): a document to save; "
        "several come as a ZIP.",
    ),
    "min_confidence": (
        {"type": "number", "minimum": 0, "maximum": 1, "default": 0},
        "Texts of a lower confidence are left out.",
    ),
}

_PICTURE: dict[str, tuple[dict[str, Any], str]] = {
    "page": ({"type": "integer", "minimum": 1, "default": 1}, "Its number in the file."),
}

_BINARY = {"schema": {"type": "string", "format": "binary"}}


def _parameters(fields: dict[str, tuple[dict[str, Any], str]]) -> list[dict[str, Any]]:
    """The fields in the query, for a body that is one file."""
    return [
        {"name": name, "in": "query", "required": False, "schema": schema, "description": text}
        for name, (schema, text) in fields.items()
    ]


def _body(file: dict[str, Any], fields: dict[str, tuple[dict[str, Any], str]]) -> dict[str, Any]:
    """The body: a form, or one file."""
    named = {name: schema | {"description": text} for name, (schema, text) in fields.items()}
    form = {"type": "object", "required": ["file"], "properties": {"file": file, **named}}
    content = {"multipart/form-data": {"schema": form}}
    return {
        "required": True,
        "content": {**content, "image/*": _BINARY, "application/pdf": _BINARY},
    }


_FILE = {"type": "string", "format": "binary"}
_FILES = {
    "type": "array",
    "items": _FILE,
    "description": "Images, TIFF files or PDF files, one or more.",
}

READ_FIELDS = tuple(_READ)
"""The fields of `POST /v1/read`."""

READ = {"requestBody": _body(_FILES, _READ), "parameters": _parameters(_READ)}
"""What `POST /v1/read` takes."""

PICTURE_FIELDS = tuple(_PICTURE)
"""The fields of `POST /v1/picture`."""

PICTURE = {"requestBody": _body(_FILE, _PICTURE), "parameters": _parameters(_PICTURE)}
"""What `POST /v1/picture` takes."""
