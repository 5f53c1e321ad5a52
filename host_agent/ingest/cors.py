"""Which pages may send telemetry: CORS (Fetch standard, section 3.2) for a write-only endpoint."""

import re
from collections.abc import Iterable, Mapping

LOOPBACK_ORIGINS = (
    "http://localhost:*",
    "http://127.0.0.1:*",
    "http://[::1]:*",
    "https://localhost:*",
    "https://127.0.0.1:*",
    "https://[::1]:*",
)
"""The pages of this machine: what is allowed unless the configuration says otherwise."""

METHODS = "POST, OPTIONS"
_VARY = "Origin, Access-Control-Request-Method, Access-Control-Request-Headers"
_ORIGIN = re.compile(r"[a-z][a-z0-9+.-]*://(?:\[[0-9a-f:.]+\]|[^\s/:?#\[\]]+)(?::(?:\d{1,5}|\*))?")
_HEADER_NAMES = re.compile(r"[A-Za-z0-9!#$%&'*+.^_`|~ ,-]{0,2000}")


def check_pattern(pattern: str) -> str:
    """An origin's pattern in its normal form.

    `https://shop.example`, `http://localhost:*` (any port, and none), `https://*.example.com` (any
    subdomain), `null` (sandboxed pages and local files), `*` (every page).

    Raises:
        ValueError: it is none of these; says why.
    """
    if pattern in ("*", "null"):
        return pattern
    lowered = pattern.lower()
    if not _ORIGIN.fullmatch(lowered):
        raise ValueError(
            f"{pattern[:100]!r} is no origin; write scheme://host or scheme://host:port, no path"
        )
    host = lowered.split("://", 1)[1]
    if "*" in host.removeprefix("*.").removesuffix(":*"):
        raise ValueError(f"{pattern[:100]!r}: '*' may stand for the port or as the first part of the host")
    return lowered


class OriginPolicy:
    """The origins that are allowed, and the headers that tell browsers so.

    Args:
        patterns: As `check_pattern` takes them.
        max_age: Seconds for which browsers may remember a preflight (Chromium: two hours at most).
    """

    def __init__(self, patterns: Iterable[str], max_age: int = 7200) -> None:
        self._patterns = [check_pattern(pattern) for pattern in patterns]
        self._max_age = max_age
        self._allowed = [_expression(pattern) for pattern in self._patterns]

    def allows(self, origin: str) -> bool:
        """Whether pages of that origin may send."""
        lowered = origin.lower()
        return any(expression.fullmatch(lowered) for expression in self._allowed)

    def refusal(self, origin: str) -> str:
        """What to tell a page that may not."""
        listed = ", ".join(self._patterns) or "none"
        return (
            f"pages of origin {printable(origin)} may not send telemetry here (allowed: {listed}); "
            "add the origin to http.cors.allowed_origins in the agent's configuration"
        )

    def headers(self, origin: str | None) -> list[tuple[bytes, bytes]]:
        """The headers of every answer: they name the origin, when there is one and it is allowed."""
        if origin is None or not self.allows(origin):
            return [(b"vary", b"Origin")]
        return [
            (b"vary", b"Origin"),
            (b"access-control-allow-origin", origin.encode("latin-1")),
            (b"access-control-expose-headers", b"Retry-After"),
        ]

    def preflight(self, origin: str, headers: Mapping[str, str]) -> list[tuple[bytes, bytes]]:
        """The answer to the preflight of an allowed origin: it may POST with whatever headers it asks for."""
        answer = [
            (b"access-control-allow-origin", origin.encode("latin-1")),
            (b"access-control-allow-methods", METHODS.encode()),
            (b"access-control-max-age", b"%d" % self._max_age),
        ]
        asked = headers.get("access-control-request-headers", "")
        if asked and _HEADER_NAMES.fullmatch(asked):
            answer.append((b"access-control-allow-headers", asked.encode("latin-1")))
        vary = _VARY
        if "access-control-request-private-network" in headers:
            # A public page that reaches into this machine: Private Network Access asks for consent by name.
            answer.append((b"access-control-allow-private-network", b"true"))
            vary += ", Access-Control-Request-Private-Network"
        return [*answer, (b"vary", vary.encode())]


def printable(origin: str) -> str:
    """The origin as it may be shown and logged."""
    return ascii(origin[:200])


def _expression(pattern: str) -> re.Pattern[str]:
    if pattern == "*":
        return re.compile(".*")
    text = re.escape(pattern)
    if text.endswith(r":\*"):
        text = text.removesuffix(r":\*") + r"(?::\d{1,5})?"
    return re.compile(text.replace(r"\*\.", r"(?:[^\s/:?#]+\.)", 1))
