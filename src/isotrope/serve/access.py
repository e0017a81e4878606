"""Who may ask: under which name, from which page, and with which token."""

from __future__ import annotations

import hmac
from collections.abc import Mapping
from dataclasses import dataclass
from ipaddress import ip_address
from urllib.parse import urlsplit

from isotrope.serve.limits import Refusal

LOCAL = frozenset(("localhost", "127.0.0.1", "::1"))
"""The names of this machine for itself."""

SHORTEST = 16
"""Characters that a token has at least."""

_OPEN = ("/", "/healthz")
"""What answers without a token, as `/static/` does: the page, which asks for the token itself, and
what says nothing of anyone's files."""

_READING = ("GET", "HEAD", "OPTIONS")


@dataclass(frozen=True)
class Access:
    """Who may ask.

    A web page of another site must not use a server that only listens to its own machine. It could
    do so by having its own name resolve to this machine (DNS rebinding), which the `Host` header
    gives away, or by sending a form here, which `Origin` gives away.

    Args:
        hosts: The names under which it is reached. None: any.
        token: What clients must know. None: nothing.
    """

    hosts: frozenset[str] | None = LOCAL
    token: str | None = None

    def check(self, method: str, path: str, headers: Mapping[str, str]) -> None:
        """Let a request pass.

        Args:
            method: Such as GET.
            path: What is asked for.
            headers: By their names in lower case.

        Raises:
            Refusal: It may not.
        """
        host = headers.get("host", "")
        if self.hosts is not None and _name(f"//{host}") not in self.hosts:
            raise Refusal(
                403, f"asked as {host[:60]!r}; use localhost, or start it with --allow-host NAME"
            )
        origin = headers.get("origin")
        if method not in _READING and origin is not None and not self._is_own(origin, host):
            raise Refusal(403, f"asked by a page of {origin[:60]!r}; use the page of this server")
        if self.token is not None and path not in _OPEN and not path.startswith("/static/"):
            scheme, _, given = headers.get("authorization", "").partition(" ")
            same = hmac.compare_digest(given.strip().encode(), self.token.encode())
            if not (same and scheme.lower() == "bearer"):
                raise Refusal(401, "needs the server's token; send it as Authorization: Bearer")

    def _is_own(self, origin: str, host: str) -> bool:
        """Whether a page is of this server, also if a proxy has changed the `Host`."""
        if origin.partition("://")[2] == host:
            return True
        return self.hosts is not None and _name(origin) in self.hosts - LOCAL


def is_local(host: str) -> bool:
    """Whether an address to listen on can only be reached from this machine."""
    if host == "localhost":
        return True
    try:
        return ip_address(host).is_loopback
    except ValueError:
        return False


def _name(url: str) -> str | None:
    try:
        return urlsplit(url).hostname
    except ValueError:
        return None
