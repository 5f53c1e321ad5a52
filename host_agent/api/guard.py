"""Keeps web pages away from the API: a browser on this machine can reach loopback on behalf of any site.

- The Host header must be `localhost`, an IP address or a configured name: a domain that an attacker points to
127.0.0.1
  (DNS rebinding) is none of them.
- A request that a page of another origin makes is refused, unless that origin is configured. WebSockets have
no
  same-origin policy of their own, so this check is theirs.
"""

import ipaddress
from collections.abc import Iterable
from urllib.parse import urlsplit

from starlette.requests import HTTPConnection
from starlette.types import ASGIApp, Receive, Scope, Send

from host_agent.api.errors import error_response


class Guard:
    """ASGI middleware.

    Args:
        hosts: Names, besides localhost and IP addresses, that the API is reached by.
        origins: Origins (`https://dash.example`) whose pages may use the API.
    """

    def __init__(self, app: ASGIApp, hosts: Iterable[str] = (), origins: Iterable[str] = ()) -> None:
        self._app = app
        self._hosts = frozenset(host.lower() for host in hosts)
        self._origins = frozenset(origin.lower().rstrip("/") for origin in origins)

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] not in ("http", "websocket"):
            await self._app(scope, receive, send)
            return
        refusal = self.refusal(HTTPConnection(scope))
        if refusal is None:
            await self._app(scope, receive, send)
            return
        message, hint = refusal
        if scope["type"] == "http" or "websocket.http.response" in scope.get("extensions", {}):
            await error_response(403, message, hint=hint)(scope, receive, send)
        else:
            await send({"type": "websocket.close", "code": 1008, "reason": message[:120]})

    def refusal(self, connection: HTTPConnection) -> tuple[str, str] | None:
        """Why the request is refused and what to do, or None when it is not."""
        headers = connection.headers
        host = ", ".join(headers.getlist("host"))  # two of them name no host
        name = host_name(host)
        if name is None or not (name in self._hosts or name == "localhost" or is_address(name)):
            return (
                f"the Host header names {host[:100]!r}, which is not a name of this agent",
                "use 127.0.0.1 or localhost, or add the name to api.allowed_hosts in the configuration",
            )
        origin = headers.get("origin")
        if origin is not None and not self._allows(origin, host):
            return (
                f"pages of origin {origin[:100]!r} may not use this API",
                "add the origin to api.allowed_origins in the configuration if it should",
            )
        site = headers.get("sec-fetch-site", "none")
        if (
            origin is None
            and site in ("cross-site", "same-site")
            and headers.get("sec-fetch-mode") != "navigate"
        ):
            return ("a page of another site made this request", "open the API's URL itself, or use a program")
        return None

    def _allows(self, origin: str, host: str) -> bool:
        if origin.lower() in self._origins:
            return True
        return urlsplit(origin).netloc.lower() == host.lower() and origin.startswith(("http://", "https://"))


def host_name(host: str) -> str | None:
    """The name in a Host header, in lower case, without port and brackets; None when it is malformed."""
    try:
        parts = urlsplit(f"//{host}")
        parts.port  # noqa: B018 - raises when it is no number
    except ValueError:
        return None
    name = parts.hostname
    return name if name and not parts.path and not parts.username else None


def is_address(name: str) -> bool:
    try:
        ipaddress.ip_address(name)
    except ValueError:
        return False
    return True
