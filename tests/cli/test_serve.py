"""`isotrope serve`, as a command: options, signals, and nothing on disk."""

import json
import os
import resource
import signal
import socket
import subprocess
import sys
import time
import urllib.request
from contextlib import contextmanager
from pathlib import Path

import pytest
from typer.testing import CliRunner

from isotrope import cli

CROP = Path(__file__).parents[2] / "samples" / "01-page-title.png"


def run(*options, **variables):
    return CliRunner().invoke(cli.app, ["serve", *options], env=variables)


@pytest.mark.parametrize(
    ("options", "problem"),
    [
        (["--host", "0.0.0.0"], "--host 0.0.0.0: others could reach it; give --token or"),
        (
            ["--token", "short"],
            "--token: 5 characters; it must be at least 16, all ASCII: make",
        ),
        (["--token", "x" * 16, "--no-token"], "--no-token: a token is given; leave one of them"),
        (["--detector", "none"], "--detector none: not known; use pp-ocr, isotrope or a folder"),
        (["--engine", "trocr"], "--engine trocr needs --weights"),
        (["--engines", "isotrope,abc"], "--engines: 'abc' cannot be used here; those that can are"),
        (["--engines", "trocr"], "--engines: 'trocr' cannot be used here; those that can are iso"),
        (["--engines", ""], "one of the arguments is empty; give it a value, or leave it out"),
    ],
)
def test_options_that_make_no_sense(options, problem):
    done = run(*options)
    assert done.exit_code == 2
    assert problem in done.stderr


def test_the_token_may_come_from_the_environment():
    assert "--token: 5 characters" in run(ISOTROPE_TOKEN="short").stderr


def test_an_adapter_that_does_not_exist():
    done = run("--adapter", "nope")
    assert done.exit_code == 1
    assert "nope: no such adapter" in done.stderr


def test_a_port_that_is_in_use():
    with socket.create_server(("127.0.0.1", 0)) as taken:
        done = run("--port", str(taken.getsockname()[1]))
    assert done.exit_code == 1
    assert "cannot be listened on (Address already in use); choose another --host or" in done.stderr


def test_a_missing_package_is_named():
    code = """
import sys
sys.modules["uvicorn"] = None
from isotrope.cli import main
sys.argv = ["isotrope", "serve"]
main()
"""
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True)
    assert (done.returncode, done.stdout) == (1, "")
    assert done.stderr == ("isotrope: this needs uvicorn; pip install 'isotrope[serve]'\n")


@contextmanager
def started(*options, **more):
    """The command, and the address that it prints."""
    command = [sys.executable, "-m", "isotrope", "serve", "--port", "0", "--workers", "1", *options]
    process = subprocess.Popen(command, stderr=subprocess.PIPE, text=True, **more)
    try:
        assert process.stderr is not None
        line = process.stderr.readline()
        assert line.startswith("isotrope: serving on http://127.0.0.1:"), line
        yield process, line.split()[3]
    finally:
        process.kill()
        process.communicate()


def post(address, content):
    request = urllib.request.Request(
        f"{address}/v1/read?crops=true&format=text", content, {"Content-Type": "image/png"}
    )
    with urllib.request.urlopen(request, timeout=60) as reply:
        return reply.read().decode()


def no_files():
    """Writing to any file fails from now on; pipes and sockets are none."""
    resource.setrlimit(resource.RLIMIT_FSIZE, (0, 0))


def workers_of(pid):
    """The processes that a server has started to read."""
    listed = [file.read_text().split() for file in Path(f"/proc/{pid}/task").glob("*/children")]
    found = [int(number) for numbers in listed for number in numbers]
    return [n for n in found if "spawn_main" in Path(f"/proc/{n}/cmdline").read_text()]


def test_it_reads_writes_nothing_to_disk_and_ends_well():
    content = CROP.read_bytes()
    with started(preexec_fn=no_files) as (process, address):
        assert post(address, content) == "Region-based segmentation\n"
        assert post(address, content + bytes(3 << 20)) == "Region-based segmentation\n"
        form = b'--x\r\nContent-Disposition: form-data; name="file"; filename="secret"\r\n\r\n'
        body = form + content + bytes(3 << 20) + b"\r\n--x--\r\n"
        kind = {"Content-Type": "multipart/form-data; boundary=x"}
        with urllib.request.urlopen(urllib.request.Request(f"{address}/v1/read", body, kind)) as r:
            assert b"segmentation" in r.read()
        process.send_signal(signal.SIGTERM)
        _, log = process.communicate(timeout=30)
        assert process.returncode == 0
    lines = log.splitlines()
    assert len(lines) == 3
    assert all(" POST /v1/read 200 " in line for line in lines)
    assert "secret" not in log


@pytest.mark.slow
def test_what_is_in_hand_is_finished_when_it_ends():
    content = CROP.read_bytes()
    with started() as (process, address):
        post(address, content)
        (worker,) = workers_of(process.pid)
        os.kill(worker, signal.SIGSTOP)
        host, port = address.removeprefix("http://").split(":")
        with socket.create_connection((host, int(port)), timeout=30) as client:
            client.sendall(
                b"POST /v1/read?crops=1 HTTP/1.1\r\nHost: localhost\r\nContent-Type: image/png\r\n"
                b"Content-Length: %d\r\n\r\n%s" % (len(content), content)
            )
            while not json.load(urllib.request.urlopen(f"{address}/healthz", timeout=30))["busy"]:
                time.sleep(0.02)
            process.send_signal(signal.SIGINT)
            time.sleep(0.5)  # or else it is done before it is to end, which is as well
            os.kill(worker, signal.SIGCONT)
            assert client.recv(1 << 16).startswith(b"HTTP/1.1 200 OK")
        process.communicate(timeout=30)
        assert process.returncode == 130


def test_workers_end_with_a_server_that_is_killed():
    with started() as (process, address):
        post(address, CROP.read_bytes())
        (worker,) = workers_of(process.pid)
        process.kill()
        process.wait()
        end = time.monotonic() + 30
        while is_running(worker):
            assert time.monotonic() < end
            time.sleep(0.05)


def is_running(pid):
    try:
        return Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[0] != "Z"
    except OSError:
        return False


def test_weights_that_cannot_be_loaded_end_it(tmp_path):
    (tmp_path / "config.json").write_text("{}")
    command = [sys.executable, "-m", "isotrope", "serve", "--port", "0"]
    done = subprocess.run(
        [*command, "--weights", str(tmp_path), "--engine", "isotrope"],
        capture_output=True,
        text=True,
        timeout=60,
    )
    assert done.returncode == 1
    first, last = done.stderr.splitlines()
    assert first.startswith("isotrope: serving on")
    assert last.startswith(f"isotrope: {tmp_path}")
