"""The application: its routes, and their description in OpenAPI."""

from __future__ import annotations

import asyncio
import re
from concurrent.futures import Future
from dataclasses import asdict
from pathlib import Path
from typing import Any
from urllib.parse import quote

from fastapi import FastAPI, Request
from fastapi.responses import FileResponse, JSONResponse, Response
from starlette.exceptions import HTTPException
from starlette.requests import ClientDisconnect
from starlette.staticfiles import StaticFiles
from starlette.types import ASGIApp

import isotrope
from isotrope.serve.access import Access
from isotrope.serve.body import read_form
from isotrope.serve.choices import Choices
from isotrope.serve.fields import picture_job, read_job
from isotrope.serve.guard import Guard, refused
from isotrope.serve.job import Answer, Job, PictureJob
from isotrope.serve.limits import Budget, Refusal
from isotrope.serve.metrics import Metrics
from isotrope.serve.models import Health, Options, Problem, ReadAnswer
from isotrope.serve.openapi import PICTURE, READ
from isotrope.serve.queue import WorkQueue

PAGE = Path(__file__).parent / "page"
"""The web page."""

_BODIES = 4  # times the largest body: what all bodies together may take of the memory
_STATUSES = (400, 401, 403, 408, 413, 415, 422, 500, 503, 504)


def create_app(queue: WorkQueue, choices: Choices, access: Access, metrics: Metrics) -> ASGIApp:
    """Make the application.

    Args:
        queue: Reads. Whoever makes it starts and closes it.
        choices: What requests may choose from.
        access: Who may ask.
        metrics: What is counted.
    """
    app = FastAPI(title="isotrope", version=isotrope.__version__, docs_url=None, redoc_url=None)
    _handle_errors(app)
    _add_reading(app, queue, choices, metrics)
    _add_state(app, queue, metrics)

    @app.api_route("/", methods=["GET", "HEAD"], include_in_schema=False)
    async def page() -> Response:
        return FileResponse(PAGE / "index.html")

    app.mount("/static", StaticFiles(directory=PAGE))
    paths = frozenset(getattr(route, "path", "") for route in app.routes)
    return Guard(app, access, metrics, paths)


def _add_reading(app: FastAPI, queue: WorkQueue, choices: Choices, metrics: Metrics) -> None:
    """The routes that read."""
    limits = queue.setup.limits
    budget = Budget(_BODIES * limits.bytes)
    metrics.watch(queue, budget)

    @app.post(
        "/v1/read",
        responses={200: {"model": ReadAnswer}, **_problems(*_STATUSES)},
        openapi_extra=READ,
    )
    async def read(request: Request) -> Response:
        """Read the text of images and PDF files, whichever way up they lie."""
        with budget.share() as share:
            files, fields = await read_form(request, limits.bytes, share, limits.pages)
            job = read_job(files, fields, choices)
            answer = await _answered(request, queue, job)
        metrics.read(answer.pages, job.crops)
        request.state.read = f" files={len(files)} pages={answer.pages}"
        return _response(answer)

    @app.post(
        "/v1/picture",
        response_class=Response,
        responses={200: {"content": {"image/png": {}}}, **_problems(404, *_STATUSES)},
        openapi_extra=PICTURE,
    )
    async def picture(request: Request) -> Response:
        """The picture of a page as PNG: of a TIFF or PDF file, which browsers do not show.

        The header `Page-Count` says how many pages the file has.
        """
        with budget.share() as share:
            files, fields = await read_form(request, limits.bytes, share, 1)
            return _response(await _answered(request, queue, picture_job(files[0], fields)))

    @app.get("/v1/options", response_model=Options)
    async def options() -> Any:
        """What a request may choose from, and its limits."""
        return choices.to_json() | {"limits": asdict(limits)}


def _add_state(app: FastAPI, queue: WorkQueue, metrics: Metrics) -> None:
    """The routes for those who run the server."""

    @app.get("/healthz", response_model=Health, responses={503: {"model": Health}})
    async def healthz() -> Response:
        """Whether requests are read: 503 until the first reader is loaded."""
        ready = queue.wait(0) and queue.problem is None
        state = {
            "status": "ready" if ready else "starting",
            "version": isotrope.__version__,
            "workers": queue.workers,
            "ready": queue.ready,
            "busy": queue.busy,
            "queue": queue.waiting,
        }
        return JSONResponse(state, 200 if ready else 503, {"Cache-Control": "no-store"})

    @app.get("/metrics", response_class=Response)
    async def counts() -> Response:
        """What was done, for Prometheus."""
        return Response(metrics.text(), media_type=metrics.media_type)


def _problems(*statuses: int) -> dict[int | str, dict[str, Any]]:
    return {status: {"model": Problem} for status in statuses}


def _handle_errors(app: FastAPI) -> None:
    """Every error is an object with one line."""

    @app.exception_handler(Refusal)
    async def refuse(_: Request, refusal: Refusal) -> Response:
        return refused(refusal)

    @app.exception_handler(HTTPException)
    async def http(_: Request, error: HTTPException) -> Response:
        return JSONResponse({"error": str(error.detail)}, error.status_code, error.headers)

    @app.exception_handler(ClientDisconnect)
    async def gone(_: Request, __: ClientDisconnect) -> Response:
        return Response(status_code=499)

    @app.exception_handler(Exception)
    async def failed(_: Request, error: Exception) -> Response:
        return refused(Refusal(500, f"the server failed ({type(error).__name__}); report it"))


async def _answered(request: Request, queue: WorkQueue, job: Job | PictureJob) -> Answer:
    """Wait for the answer, or for the client to go."""
    future: Future[Answer] = queue.put(job)
    answer = asyncio.wrap_future(future)
    gone = asyncio.ensure_future(_gone(request))
    try:
        await asyncio.wait(
            (answer, gone), timeout=queue.setup.limits.seconds, return_when="FIRST_COMPLETED"
        )
        if not answer.done() and gone.done():
            raise ClientDisconnect
        if not answer.done() and future.cancel():  # it never had its turn
            raise queue.busy_with(f"no turn came within {queue.setup.limits.seconds:g} s")
        return await answer
    except asyncio.CancelledError:
        if future.cancelled() or not future.running():
            raise Refusal(503, "the server is stopping; send it again later", 5) from None
        raise
    finally:
        answer.cancel()
        gone.cancel()


async def _gone(request: Request) -> None:
    """Wait until the client has gone."""
    while (await request.receive())["type"] != "http.disconnect":
        pass


def _response(answer: Answer) -> Response:
    headers = {"Cache-Control": "no-store"}
    if answer.name is not None:
        headers["Content-Disposition"] = _attachment(answer.name)
    if answer.of is not None:
        headers["Page-Count"] = str(answer.of)
    return Response(answer.body, media_type=answer.media_type, headers=headers)


def _attachment(name: str) -> str:
    """The header of a file to save: in plain letters too, since curl knows only these."""
    plain = re.sub(r"[^\w. ()-]", "_", name, flags=re.ASCII)
    return f"attachment; filename=\"{plain}\"; filename*=UTF-8''{quote(name)}"
