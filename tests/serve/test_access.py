"""Who may ask."""

import pytest

from isotrope.serve.access import LOCAL, Access, is_local
from isotrope.serve.limits import Refusal

from .conftest import CROP, serving

TOKEN = "0123456789abcdef"


def status(access, method="POST", path="/v1/read", **headers):
    try:
        access.check(method, path, {"host": "localhost:8000"} | headers)
    except Refusal as refusal:
        return refusal.status
    return 200


@pytest.mark.parametrize("host", ["localhost", "LOCALHOST:1", "127.0.0.1:8000", "[::1]:8000"])
def test_this_machine_is_asked_by_its_own_names(host):
    assert status(Access(LOCAL), host=host) == 200


@pytest.mark.parametrize("host", ["evil.com", "", "localhost.evil.com", "127.0.0.1.nip.io", "[::1"])
def test_another_name_for_this_machine_is_refused(host):
    assert status(Access(LOCAL), host=host) == 403
    assert status(Access(LOCAL), "GET", "/", host=host) == 403
    assert status(Access(None), host=host) == 200


def test_a_name_can_be_allowed():
    access = Access(LOCAL | {"ocr.example.org"})
    assert status(access, host="ocr.example.org") == 200
    assert status(access, origin="https://ocr.example.org") == 200  # a proxy has changed the host
    assert status(access, origin="https://evil.com") == 403


@pytest.mark.parametrize(
    ("origin", "expected"),
    [
        ("http://localhost:8000", 200),
        ("http://localhost:3000", 403),
        ("http://evil.com", 403),
        ("null", 403),
        ("http://[", 403),
    ],
)
def test_only_the_own_page_may_send_files(origin, expected):
    assert status(Access(LOCAL), origin=origin) == expected
    assert status(Access(None), origin=origin) == expected


@pytest.mark.parametrize(
    ("given", "expected"),
    [
        (f"Bearer {TOKEN}", 200),
        (f"bearer {TOKEN}", 200),
        (f"Bearer {TOKEN}0", 401),
        (f"Basic {TOKEN}", 401),
        ("Bearer", 401),
        ("Bearer \xe9", 401),
        ("", 401),
    ],
)
def test_a_token_opens(given, expected):
    assert status(Access(LOCAL, TOKEN), authorization=given) == expected


def test_the_page_and_the_health_need_no_token():
    access = Access(LOCAL, TOKEN)
    for path in ("/", "/static/main.js", "/healthz"):
        assert status(access, "GET", path) == 200
    for path in ("/metrics", "/v1/options", "/openapi.json", "/static"):
        assert status(access, "GET", path) == 401


@pytest.mark.parametrize("host", ["localhost", "127.0.0.1", "127.3.2.1", "::1"])
def test_addresses_that_only_this_machine_reaches(host):
    assert is_local(host)


@pytest.mark.parametrize("host", ["0.0.0.0", "::", "10.0.0.1", "example.org", ""])
def test_addresses_that_others_may_reach(host):
    assert not is_local(host)


def test_a_server_with_a_token_asks_for_it():
    with serving(token=TOKEN) as server:
        reply = server.read(CROP, crops="true")
        assert (reply.status, reply.headers["www-authenticate"]) == (401, "Bearer")
        assert set(reply.json) == {"error"}
        server.headers["Authorization"] = f"Bearer {TOKEN}"
        assert server.read(CROP, crops="true").status == 200
        assert server.read(CROP, headers={"Origin": "http://evil.com"}).status == 403
        assert server.get("/", Host="evil.com").status == 403
