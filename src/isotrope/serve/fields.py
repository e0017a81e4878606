"""The fields of a request, checked."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from isotrope.serve.choices import Choices, check_format
from isotrope.serve.job import File, Job, PictureJob
from isotrope.serve.limits import Refusal
from isotrope.serve.openapi import PICTURE_FIELDS, READ_FIELDS

_TRUE, _FALSE = ("1", "true", "on", "yes"), ("", "0", "false", "off", "no")


def read_job(files: list[File], fields: Mapping[str, str], choices: Choices) -> Job:
    """What a request to read files asks for.

    Raises:
        Refusal: A field is not known, or its value.
    """
    _check_names(fields, READ_FIELDS)
    crops = _flag("crops", fields.get("crops", ""))
    format = check_format(fields.get("format") or "json", crops)
    least = _share("min_confidence", fields.get("min_confidence") or "0")
    return Job(files, choices.chosen(fields), format, crops, least)


def picture_job(file: File, fields: Mapping[str, str]) -> PictureJob:
    """What a request for the picture of a page asks for.

    Raises:
        Refusal: A field is not known, or its value.
    """
    _check_names(fields, PICTURE_FIELDS)
    page = fields.get("page") or "1"
    if not (page.isascii() and page.isdecimal() and len(page) < 10):
        raise Refusal(422, f"page={page[:40]!r} must be a number from 1")
    return PictureJob(file.content, int(page))


def _check_names(fields: Mapping[str, str], known: Sequence[str]) -> None:
    for name in fields:
        if name not in known:
            raise Refusal(422, f"no field {name[:40]!r}; there are file, {', '.join(known)}")


def _flag(name: str, value: str) -> bool:
    if value.lower() not in _TRUE + _FALSE:
        raise Refusal(422, f"{name}={value[:40]!r} must be true or false")
    return value.lower() in _TRUE


def _share(name: str, value: str) -> float:
    try:
        number = float(value)
    except ValueError:
        number = -1.0
    if not 0 <= number <= 1:
        raise Refusal(422, f"{name}={value[:40]!r} must be a number from 0 to 1")
    return number
