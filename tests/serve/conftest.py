"""Servers to ask: in a thread of the test's process, with workers of their own."""

from __future__ import annotations

import http.client
import io
import json
import threading
import time
import uuid
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from isotrope.serve.access import LOCAL, Access
from isotrope.serve.app import create_app
from isotrope.serve.choices import Choices
from isotrope.serve.job import Choice, Setup
from isotrope.serve.limits import Limits
from isotrope.serve.metrics import Metrics
from isotrope.serve.queue import WorkQueue
from isotrope.serve.server import listen, make_server

SAMPLES = Path(__file__).parents[2] / "samples"
CROP = SAMPLES / "01-page-title.png"
TEXT = "Region-based segmentation"


@dataclass
class Reply:
    status: int
    headers: http.client.HTTPMessage
    body: bytes

    @property
    def json(self):
        return json.loads(self.body)


@dataclass
class Served:
    """A server, and how to ask it."""

    port: int
    queue: WorkQueue | None = None
    headers: dict = field(default_factory=dict)

    def connect(self, timeout=60):
        return http.client.HTTPConnection("127.0.0.1", self.port, timeout=timeout)

    def ask(self, method, path, body=None, headers=None):
        connection = self.connect()
        try:
            connection.request(method, path, body, self.headers | (headers or {}))
            reply = connection.getresponse()
            return Reply(reply.status, reply.headers, reply.read())
        finally:
            connection.close()

    def get(self, path, **headers):
        return self.ask("GET", path, headers=headers)

    def read(self, *files, headers=None, path="/v1/read", **fields):
        """Post files, which are paths, or (name, bytes)."""
        body, kind = multipart(files, fields)
        return self.ask("POST", path, body, {"Content-Type": kind} | (headers or {}))


def multipart(files, fields):
    """A form's body and its content type."""
    boundary = uuid.uuid4().hex
    parts = []
    for name, value in fields.items():
        head = f'Content-Disposition: form-data; name="{name}"'
        parts.append((head, str(value).encode()))
    for file in files:
        name, content = file if isinstance(file, tuple) else (file.name, file.read_bytes())
        head = f'Content-Disposition: form-data; name="file"; filename="{name}"'
        parts.append((head, content))
    body = b"".join(
        f"--{boundary}\r\n{head}\r\n\r\n".encode() + value + b"\r\n" for head, value in parts
    )
    return body + f"--{boundary}--\r\n".encode(), f"multipart/form-data; boundary={boundary}"


def image(size=(40, 30), format="PNG", pages=1):
    """The bytes of a blank image, (width, height), or several as pages."""
    made = [Image.fromarray(np.full((size[1], size[0], 3), 255, np.uint8)) for _ in range(pages)]
    file = io.BytesIO()
    more = {"save_all": True, "append_images": made[1:]} if pages > 1 else {}
    made[0].save(file, format, **more)
    return file.getvalue()


def until(condition, seconds=30.0):
    """Wait until something is so."""
    end = time.monotonic() + seconds
    while not condition():
        assert time.monotonic() < end, "did not come to be"
        time.sleep(0.01)


@contextmanager
def serving(limits=None, token=None, hosts=LOCAL, workers=1):
    """A server in a thread."""
    queue = WorkQueue(Setup(Choice("isotrope"), limits or Limits()), workers)
    metrics = Metrics()
    queue.on_restart = metrics.restarts.inc
    queue.start()
    app = create_app(queue, Choices.of(queue.setup.choice), Access(hosts, token), metrics)
    with listen("127.0.0.1", 0) as sock:
        server = make_server(app, queue)
        thread = threading.Thread(target=server.run, args=([sock],))
        thread.start()
        try:
            assert queue.wait(60)
            yield Served(sock.getsockname()[1], queue)
        finally:
            server.should_exit = True
            thread.join()
            queue.close()


@pytest.fixture(scope="session")
def served():
    """A server with the default limits."""
    with serving() as server:
        yield server
