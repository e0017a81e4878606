"""How `POST /v1/read` is asked, for its description in OpenAPI."""

from __future__ import annotations

from typing import Any

_FIELDS: dict[str, tuple[dict[str, Any], str]] = {
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

READ_FIELDS: list[dict[str, Any]] = [
    {"name": name, "in": "query", "required": False, "schema": schema, "description": text}
    for name, (schema, text) in _FIELDS.items()
]
"""The fields in the query, for a body that is one file."""

_BINARY = {"schema": {"type": "string", "format": "binary"}}

READ_BODY: dict[str, Any] = {
    "required": True,
    "content": {
        "multipart/form-data": {
            "schema": {
                "type": "object",
                "required": ["file"],
                "properties": {
                    "file": {
                        "type": "array",
                        "items": {"type": "string", "format": "binary"},
                        "description": "Images, TIFF files or PDF files, one or more.",
                    },
                    **{
                        name: schema | {"description": text}
                        for name, (schema, text) in _FIELDS.items()
                    },
                },
            }
        },
        "image/*": _BINARY,
        "application/pdf": _BINARY,
    },
}
"""The body: a form, or one file."""
