"""What the server counts, as Prometheus reads it."""

from __future__ import annotations

from prometheus_client import CollectorRegistry, Counter, Gauge, Histogram, generate_latest
from prometheus_client.exposition import CONTENT_TYPE_LATEST
from prometheus_client.gc_collector import GCCollector
from prometheus_client.process_collector import ProcessCollector

from isotrope.serve.limits import Budget
from isotrope.serve.queue import WorkQueue

_SECONDS = (0.025, 0.05, 0.1, 0.15, 0.25, 0.5, 1, 2.5, 5, 10, 30, 60, 120, 300)


class Metrics:
    """Counts of one server."""

    media_type = CONTENT_TYPE_LATEST

    def __init__(self) -> None:
        self._registry = registry = CollectorRegistry()
        ProcessCollector(registry=registry)
        GCCollector(registry=registry)
        self._requests = Counter(
            "isotrope_requests", "Requests answered", ["path", "status"], registry=registry
        )
        self._seconds = Histogram(
            "isotrope_request_seconds",
            "Seconds from the head of a request to the end of its answer",
            ["path"],
            buckets=_SECONDS,
            registry=registry,
        )
        self._pages = Counter(
            "isotrope_pages", "Pages, words and lines read", ["kind"], registry=registry
        )
        self.restarts = Counter(
            "isotrope_worker_restarts", "Workers started in place of others", registry=registry
        )
        for kind in ("page", "crop"):
            self._pages.labels(kind)

    def watch(self, queue: WorkQueue, budget: Budget) -> None:
        """Show the state of the queue, as it is when asked."""
        for name, text, value in (
            ("queue_length", "Requests that wait for their turn", lambda: queue.waiting),
            ("queue_limit", "Requests that may wait", lambda: queue.setup.limits.queue),
            ("workers_ready", "Workers with a reader loaded", lambda: queue.ready),
            ("workers_busy", "Workers that are reading", lambda: queue.busy),
            ("upload_bytes", "Bytes held of requests", lambda: budget.held),
        ):
            Gauge(f"isotrope_{name}", text, registry=self._registry).set_function(value)

    def answered(self, path: str, status: int, seconds: float) -> None:
        """Count an answer."""
        self._requests.labels(path, str(status)).inc()
        self._seconds.labels(path).observe(seconds)

    def read(self, pages: int, crops: bool) -> None:
        """Count what was read."""
        self._pages.labels("crop" if crops else "page").inc(pages)

    def text(self) -> bytes:
        """All counts, in Prometheus' text format."""
        return generate_latest(self._registry)
