"""`isotrope serve`: a web page and an API that read images and PDF files."""

from __future__ import annotations

import os
from typing import Annotated, TypeAlias

import typer

from isotrope.cli import options
from isotrope.cli.errors import UsageError, exit_on_error
from isotrope.cli.request import check_reader
from isotrope.serve.limits import Limits

Engines: TypeAlias = Annotated[
    str | None,
    typer.Option(
        metavar="NAMES",
        show_default=False,
        help="Engines that clients may choose, as in isotrope,tesseract. If left out, those that "
        "are installed and load quickly: all but gsanet.",
    ),
]
_LIMITS = "Limits of a request"

Host: TypeAlias = Annotated[
    str, typer.Option(metavar="ADDRESS", help="Where to listen; 0.0.0.0 is everywhere.")
]
Port: TypeAlias = Annotated[
    int, typer.Option(min=0, max=65535, metavar="N", help="0 is any that is free.")
]
Token: TypeAlias = Annotated[
    str | None,
    typer.Option(
        envvar="ISOTROPE_TOKEN",
        metavar="TEXT",
        show_default=False,
        help="What clients must know; needed to listen elsewhere than on this machine.",
    ),
]
NoToken: TypeAlias = Annotated[
    bool, typer.Option("--no-token", help="Whoever can reach it may use it.")
]
AllowHost: TypeAlias = Annotated[
    list[str] | None,
    typer.Option(
        metavar="NAME",
        show_default=False,
        help="Another name under which it is reached, as behind a proxy.",
    ),
]
Workers: TypeAlias = Annotated[
    int | None,
    typer.Option(min=1, metavar="N", help="Processes that read, on a core each or more."),
]
MaxBytes: TypeAlias = Annotated[
    int, typer.Option(min=1, metavar="N", rich_help_panel=_LIMITS, help="Of its body.")
]
MaxPages: TypeAlias = Annotated[
    int, typer.Option(min=1, metavar="N", rich_help_panel=_LIMITS, help="Of all its files.")
]
MaxPixels: TypeAlias = Annotated[
    int, typer.Option(min=1, metavar="N", rich_help_panel=_LIMITS, help="Of an image.")
]
MaxSeconds: TypeAlias = Annotated[
    float, typer.Option(min=1, metavar="N", rich_help_panel=_LIMITS, help="To read it.")
]
MaxWaiting: TypeAlias = Annotated[
    int, typer.Option(min=1, metavar="N", rich_help_panel=_LIMITS, help="How many may wait.")
]


def serve(
    host: Host = "127.0.0.1",
    port: Port = 8000,
    token: Token = None,
    no_token: NoToken = False,
    allow_host: AllowHost = None,
    workers: Workers = None,
    max_bytes: MaxBytes = Limits.bytes,
    max_pages: MaxPages = Limits.pages,
    max_pixels: MaxPixels = Limits.pixels,
    max_seconds: MaxSeconds = Limits.seconds,
    queue: MaxWaiting = Limits.queue,
    engine: options.EngineName = None,
    engines: Engines = None,
    model: options.Model = None,
    weights: options.Weights = None,
    adapter: options.Adapter = None,
    detector: options.DetectorName = None,
) -> None:
    """Serve a web page and an API that read images and PDF files.

    Listens on this machine only, unless --host says otherwise. Requests wait in one queue; each is
    read by a process that is ended if it takes too long. Nothing is kept on disk. One line a
    request goes to standard error, without what is in it. The engine, adapter and detector given
    here are used for requests that do not name others; --engines lists which engines they may name.
    SIGTERM and Ctrl-C let the requests in hand finish.
    """
    given = {"path": weights, "adapter": adapter, "engine": engine, "model": model}
    with exit_on_error():
        _check_token(host, token, no_token)
        check_reader({**given, "finder": "isotrope", "detector": detector})
        from isotrope.ocr.loading import default_engine
        from isotrope.serve.job import Choice, Setup
        from isotrope.serve.queue import WorkQueue

        cores = os.cpu_count() or 1
        workers = workers or min(cores, max(2, cores // 2))  # a long request leaves one free
        limits = Limits(max_bytes, max_pages, max_pixels, max_seconds, queue)
        choice = Choice(engine or default_engine(weights), adapter, detector)
        more = {name: value for name, value in (("path", weights), ("model", model)) if value}
        threads = max(cores // workers, min(cores, 2))  # a page alone has two cores
        setup = Setup(choice, limits, more, threads)
        offered = None if engines is None else _offered(engines, choice.engine)
        _serve(WorkQueue(setup, workers), host, port, token, allow_host or [], offered)


def _serve(
    work,
    host: str,
    port: int,
    token: str | None,
    names: list[str],
    engines: list[str] | None,
) -> None:
    from isotrope.serve.access import LOCAL, Access, is_local

    hosts = LOCAL | set(map(str.lower, names)) if is_local(host) or names else None
    _check_installed()
    work.start()  # the workers load their readers while this process loads what it needs
    try:
        from isotrope.serve.app import create_app
        from isotrope.serve.choices import Choices
        from isotrope.serve.metrics import Metrics
        from isotrope.serve.server import address, listen, run

        metrics = Metrics()
        work.on_restart = metrics.restarts.inc
        choices = Choices.of(work.setup.choice, work.setup.reader.get("model"), engines)
        app = create_app(work, choices, Access(hosts, token), metrics)
        with listen(host, port) as sock:
            typer.echo(f"isotrope: serving on {address(sock)} (Ctrl-C to stop)", err=True)
            run(app, work, sock)
    finally:
        work.close()


def _offered(names: str, default: str) -> list[str]:
    """The engines of a list, without repeats; the default one needs no check."""
    from isotrope.serve.choices import usable_engines

    usable = usable_engines()
    offered = list(dict.fromkeys(name.strip() for name in names.split(",")))
    for name in offered:
        if name not in (*usable, default):
            raise UsageError(
                f"--engines: {name!r} cannot be used here; those that can are {', '.join(usable)}"
            )
    return offered


def _check_token(host: str, token: str | None, no_token: bool) -> None:
    from isotrope.serve.access import SHORTEST, is_local

    if token is not None and no_token:
        raise UsageError("--no-token: a token is given; leave one of them out")
    if token is not None and not (len(token) >= SHORTEST and token.isascii()):
        raise UsageError(
            f"--token: {len(token)} characters; it must be at least {SHORTEST}, all ASCII: make "
            "one, as with openssl rand -hex 16"
        )
    if token is None and not no_token and not is_local(host):
        raise UsageError(
            f"--host {host}: others could reach it; give --token or ISOTROPE_TOKEN, or --no-token"
        )


def _check_installed() -> None:
    """Fail before the workers start if a package is missing.

    Raises:
        ModuleNotFoundError: It is.
    """
    from importlib.util import find_spec

    for module in ("fastapi", "uvicorn", "python_multipart", "prometheus_client"):
        if find_spec(module) is None:
            raise ModuleNotFoundError(f"No module named {module!r}", name=module)
