"""What must not bring a server down: large, slow, many and hostile requests, and dying workers."""

import os
import resource
import signal
import socket
import time
import zlib
from concurrent.futures import ThreadPoolExecutor
from contextlib import closing, contextmanager
from dataclasses import replace

import pytest

from isotrope.serve import body, connection
from isotrope.serve.limits import Limits

from .conftest import CROP, TEXT, image, multipart, serving, until


@pytest.fixture(scope="module")
def strict():
    """A server that takes on little."""
    with serving(Limits(bytes=200_000, pages=3, pixels=500_000, seconds=40, queue=2)) as server:
        yield server


def text_of(server):
    """The text of a crop, which shows that the server reads; asked again while it is busy."""
    for _ in range(20):
        if (reply := server.read(CROP, crops="true")).status != 503:
            break
        time.sleep(1)
    assert reply.status == 200, reply.body
    return reply.json["files"][0]["pages"][0]["text"]


@contextmanager
def stopped(server):
    """A server whose one worker does nothing until this ends, or is continued before."""
    (worker,) = server.queue._workers.values()
    assert worker.lives
    os.kill(worker.pid, signal.SIGSTOP)
    try:
        yield worker.pid
    finally:
        if worker.lives:
            os.kill(worker.pid, signal.SIGCONT)


def bomb(width, height):
    """A PNG of a few bytes that says it is large."""

    def chunk(kind, data):
        whole = kind + data
        return len(data).to_bytes(4, "big") + whole + zlib.crc32(whole).to_bytes(4, "big")

    head = width.to_bytes(4, "big") + height.to_bytes(4, "big") + bytes((1, 0, 0, 0, 0))
    rows = zlib.compress(bytes(min((width // 8 + 1) * height, 4 << 20)))
    return b"\x89PNG\r\n\x1a\n" + chunk(b"IHDR", head) + chunk(b"IDAT", rows) + chunk(b"IEND", b"")


@pytest.mark.parametrize("path", ["/v1/read", "/v1/picture"])
@pytest.mark.parametrize("side", [800, 30_000, 1_000_000])
def test_a_decompression_bomb_is_not_decoded(strict, side, path):
    reply = strict.read(("bomb.png", bomb(side, side)), path=path)
    assert reply.status == 422
    assert reply.json["error"].startswith("has more than 500000 px")
    assert text_of(strict) == TEXT


def test_too_many_pages_are_not_read(strict):
    reply = strict.read(("a.tif", image(format="TIFF", pages=4)))
    assert (reply.status, reply.json["error"]) == (
        413,
        "4 pages; at most 3 at once: send it in parts",
    )
    two = image(format="TIFF", pages=2)
    assert strict.read(("a.tif", two), ("b.tif", two)).status == 413
    assert strict.read(*[("a.png", image())] * 4).status == 413
    assert strict.read(*[("a.png", image())] * 3).status == 200


def test_a_body_that_says_it_is_too_large_is_not_read(strict):
    with closing(begun(strict, 2 << 30)) as client:
        reply = client.getresponse()
        assert reply.status == 413
        assert b"more than 200000 bytes" in reply.read()


def begun(server, length):
    """A client that has sent the head of a request."""
    client = server.connect()
    client.putrequest("POST", "/v1/read")
    client.putheader("Content-Type", "image/png")
    client.putheader("Content-Length", str(length))
    client.endheaders()
    return client


@pytest.mark.parametrize("kind", ["image/png", "multipart/form-data; boundary=x"])
def test_a_body_is_counted_while_it_comes(strict, kind):
    """One that does not say how long it is. Sent as one part of a form, or as it is."""
    head = b'--x\r\nContent-Disposition: form-data; name="file"; filename="a"\r\n\r\n'
    memory = peak()
    sent = 0
    with socket.create_connection(("127.0.0.1", strict.port), timeout=20) as client:
        client.sendall(
            f"POST /v1/read HTTP/1.1\r\nHost: localhost\r\nContent-Type: {kind}\r\n"
            "Transfer-Encoding: chunked\r\n\r\n".encode()
        )
        zeros = bytes(1 << 16)
        client.sendall(b"%x\r\n%s\r\n" % (len(head), head))
        try:
            while sent < 2 << 30:  # it ends long before
                client.sendall(b"10000\r\n" + zeros + b"\r\n")
                sent += len(zeros)
                client.setblocking(False)
                try:
                    answer = client.recv(4096)
                except BlockingIOError:
                    continue
                finally:
                    client.settimeout(20)
                break
        except OSError:
            answer = client.recv(4096)
    assert answer.startswith(b"HTTP/1.1 413 ")
    assert peak() - memory < 64 << 10  # KiB
    assert text_of(strict) == TEXT


def test_a_client_that_sends_on_after_the_answer_is_cut_off(strict, monkeypatch):
    monkeypatch.setattr(connection, "DRAINED", 0.3)
    with closing(begun(strict, 2 << 30)) as client:
        client.sock.settimeout(20)
        with pytest.raises((ConnectionResetError, BrokenPipeError)):
            send_on(client.sock, bytes(1 << 10))


def peak():
    """The most memory that this process, which is the server's, has had, KiB."""
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss


def test_the_uploads_of_all_requests_share_the_memory(strict):
    """Four times the largest body: a fifth that comes at the same time is turned away."""
    content = image((400, 400)) + bytes(190_000)
    half = content[:-5]
    clients = [begun(strict, len(content)) for _ in range(5)]
    try:
        for client in clients[:4]:
            client.send(half)
        until(lambda: upload_bytes(strict) > 4 * 185_000)
        clients[4].send(half)
        reply = clients[4].getresponse()
        assert (reply.status, reply.getheader("retry-after")) == (503, "5")
    finally:
        for client in clients:
            client.close()
    until(lambda: upload_bytes(strict) == 0)


def counted(server, name):
    """A number of the server's metrics."""
    lines = server.get("/metrics").body.decode().splitlines()
    return next(float(line.split()[1]) for line in lines if line.startswith(f"{name} "))


def upload_bytes(server):
    return counted(server, "isotrope_upload_bytes")


def restarts(server):
    return counted(server, "isotrope_worker_restarts_total")


def test_a_hundred_slow_clients_do_not_block_it(strict, monkeypatch):
    monkeypatch.setattr(body, "GRACE", 1.0)
    content, kind = multipart([CROP], {})
    clients = [slow(strict, content, kind) for _ in range(100)]
    assert text_of(strict) == TEXT
    for client in clients:
        assert client.recv(4096).startswith(b"HTTP/1.1 408 ")
        client.close()


def slow(server, content, kind):
    """A client that sends the beginning of a request, and no more."""
    client = socket.create_connection(("127.0.0.1", server.port), timeout=20)
    head = f"POST /v1/read HTTP/1.1\r\nHost: localhost\r\nContent-Type: {kind}\r\n"
    client.sendall(f"{head}Content-Length: {len(content)}\r\n\r\n".encode() + content[:100])
    return client


def test_a_client_that_never_asks_is_cut_off(strict, monkeypatch):
    monkeypatch.setattr(connection, "HEAD", 0.3)
    for sent in (b"", b"GET / HTTP/1.1\r\nHost:"):
        with socket.create_connection(("127.0.0.1", strict.port), timeout=10) as client:
            client.sendall(sent)
            assert client.recv(100) == b""


@pytest.mark.slow
def test_a_client_that_does_not_take_its_answer_is_cut_off(strict, monkeypatch):
    monkeypatch.setattr(connection, "STUCK", 0.3)
    with socket.socket() as client:
        client.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 4096)
        client.connect(("127.0.0.1", strict.port))
        client.settimeout(20)
        one = b"GET /openapi.json HTTP/1.1\r\nHost: localhost\r\n\r\n"
        with pytest.raises((ConnectionResetError, BrokenPipeError)):
            send_on(client, one)
    assert text_of(strict) == TEXT


def send_on(client, request):
    """Ask again and again, without taking an answer."""
    for _ in range(2000):
        client.sendall(request)
        time.sleep(0.005)


def test_more_connections_than_it_takes_are_turned_away(strict, monkeypatch):
    monkeypatch.setattr(connection, "MOST", 3)
    clients = [socket.create_connection(("127.0.0.1", strict.port), 10) for _ in range(5)]
    until(lambda: len(clients) == 5)
    clients[-1].settimeout(10)
    answer = clients[-1].recv(4096)
    head, _, rest = answer.partition(b"\r\n\r\n")
    assert head.startswith(b"HTTP/1.1 503 ")
    assert b"Retry-After: 5" in head
    assert f"Content-Length: {len(rest)}".encode() in head
    for client in clients:
        client.close()


def test_a_killed_worker_is_replaced(strict):
    with stopped(strict) as pid, ThreadPoolExecutor(1) as pool:
        reply = pool.submit(strict.read, CROP, crops="true")
        until(lambda: strict.queue.busy == 1)
        os.kill(pid, signal.SIGKILL)
        answer = reply.result()
    assert (answer.status, answer.headers["retry-after"]) == (503, "5")
    assert "was ended by SIGKILL, as when memory runs out" in answer.json["error"]
    assert text_of(strict) == TEXT
    assert strict.queue.pids != [pid]


def test_a_worker_that_crashes_is_replaced(strict):
    with stopped(strict) as pid, ThreadPoolExecutor(1) as pool:
        reply = pool.submit(strict.read, CROP, crops="true")
        until(lambda: strict.queue.busy == 1)
        os.kill(pid, signal.SIGSEGV)
        os.kill(pid, signal.SIGCONT)
        answer = reply.result()
    assert answer.status == 500
    assert "was ended by SIGSEGV; its files may be broken" in answer.json["error"]
    assert text_of(strict) == TEXT


def test_a_worker_killed_while_idle_costs_no_request(strict):
    before = restarts(strict)
    (worker,) = strict.queue._workers.values()
    worker.end()
    until(lambda: not worker.lives)
    assert text_of(strict) == TEXT
    assert restarts(strict) == before + 1


def test_a_request_that_takes_too_long_is_ended(strict, monkeypatch):
    setup = strict.queue.setup
    with monkeypatch.context() as patch:
        patch.setattr(strict.queue, "setup", replace(setup, limits=Limits(seconds=1)))
        with stopped(strict):
            reply = strict.read(CROP, crops="true")
    assert reply.status == 504
    assert reply.json["error"].startswith("took longer than 1 s")
    assert text_of(strict) == TEXT


def test_a_request_that_gets_no_turn_in_time_is_turned_away(strict, monkeypatch):
    with ThreadPoolExecutor(1) as pool:
        with stopped(strict):
            first = pool.submit(strict.read, CROP, crops="true")
            until(lambda: strict.queue.busy == 1)
            with monkeypatch.context() as patch:
                setup = replace(strict.queue.setup, limits=Limits(seconds=1))
                patch.setattr(strict.queue, "setup", setup)
                reply = strict.read(CROP)
        assert first.result().status == 200
    assert reply.status == 503
    assert reply.json["error"] == "busy: no turn came within 1 s; send it again later"
    assert reply.headers["retry-after"]


def test_a_full_queue_turns_requests_away_and_forgets_those_who_left(strict):
    content, kind = multipart([CROP], {"crops": "true"})
    clients = [strict.connect() for _ in range(3)]
    try:
        with stopped(strict):
            for count, client in enumerate(clients):
                client.request("POST", "/v1/read", content, {"Content-Type": kind})
                # The first must have left its place before the third comes.
                until(lambda n=count: (strict.queue.busy, strict.queue.waiting) == (1, n))
            reply = strict.read(CROP)
            clients.pop().close()
            until(lambda: strict.queue.waiting == 1)
        assert [client.getresponse().status for client in clients] == [200, 200]
        assert reply.status == 503
        assert 1 <= int(reply.headers["retry-after"]) <= 60
        assert reply.json["error"] == "busy: 2 requests wait for their turn; send it again later"
    finally:
        for client in clients:
            client.close()
    assert text_of(strict) == TEXT


@pytest.mark.slow
def test_of_a_hundred_requests_none_is_lost(served):
    with ThreadPoolExecutor(100) as pool:
        replies = list(pool.map(lambda _: served.read(CROP, crops="true"), range(100)))
    read = [reply for reply in replies if reply.status == 200]
    assert {reply.json["files"][0]["pages"][0]["text"] for reply in read} == {TEXT}
    busy = [reply for reply in replies if reply.status == 503]
    assert len(read) + len(busy) == 100
    assert len(read) >= served.queue.setup.limits.queue
    assert busy
    assert all(1 <= int(reply.headers["retry-after"]) <= 60 for reply in busy)
    assert text_of(served) == TEXT
    assert served.queue.waiting == 0


def test_broken_requests_do_no_harm(strict):
    for sent in (b"\x00\xff" * 100, b"GET\r\n\r\n", b"GET / HTTP/9.9\r\n\r\n", b"A" * 100_000):
        with socket.create_connection(("127.0.0.1", strict.port), timeout=10) as client:
            client.sendall(sent)
            assert client.recv(4096)[:13] in (b"HTTP/1.1 400 ", b"HTTP/1.1 403 ")
    assert text_of(strict) == TEXT


def test_a_client_that_goes_while_it_sends_leaves_nothing_behind(strict, caplog):
    with closing(begun(strict, 100_000)) as client:
        client.send(bytes(50_000))
        until(lambda: upload_bytes(strict) == 50_000)
    until(lambda: upload_bytes(strict) == 0)
    assert not [record for record in caplog.records if record.levelname == "ERROR"]
