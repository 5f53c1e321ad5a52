"""Detectors of what should not leave: functions from a text to the text with what they found masked.

What a pattern may look at from one place is bounded, so time grows with the length of the text only.
"""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Callable

    Detector = Callable[[str], str]

MASK = "****"

# The local part is looked for backwards from the @, so that a long run of letters costs nothing.
_AT = re.compile("@")
_LOCAL = re.compile(r"[A-Za-z0-9.!#$%&'*+/=?^_`{|}~-]{1,64}\Z")
_DOMAIN = re.compile(r"(?:[A-Za-z0-9](?:[A-Za-z0-9-]{0,61}[A-Za-z0-9])?\.){1,8}[A-Za-z]{2,24}\b")
_DIGITS = re.compile(r"(?<![0-9])[0-9](?:[ -]?[0-9]){11,18}(?![0-9])")
_BEARER = re.compile(r"(?i)\b((?:bearer|basic|token|apikey)[ =:]{1,3})[A-Za-z0-9._~+/=-]{8,}")
_JWT = re.compile(r"\beyJ[A-Za-z0-9_-]{8,2048}\.[A-Za-z0-9_-]{4,8192}\.[A-Za-z0-9_-]*")
_QUERY = re.compile(r"(\?)([^\s?#\"'<>]+)")


def email(text: str) -> str:
    """E-mail addresses (RFC 5321 local parts without quotes), masked whole."""
    if "@" not in text:
        return text
    out: list[str] = []
    done = 0
    for at in _AT.finditer(text):
        local = _LOCAL.search(text, max(done, at.start() - 64), at.start())
        domain = _DOMAIN.match(text, at.end())
        if local and domain and local.start() >= done:
            out += (text[done : local.start()], MASK)
            done = domain.end()
    return "".join(out) + text[done:]


def card_number(text: str) -> str:
    """Payment card numbers: 12 to 19 digits, spaces or hyphens between, right by Luhn (ISO/IEC 7812-1)."""
    return _DIGITS.sub(lambda m: MASK if luhn(m.group()) else m.group(), text)


def luhn(number: str) -> bool:
    """Whether the digits of a number pass the Luhn check; equal digits throughout do not count."""
    digits = [int(c) for c in number if c.isdigit()]
    if len(set(digits)) < 2:
        return False
    doubled = (d * 2 - 9 if d > 4 else d * 2 for d in digits[-2::-2])
    return (sum(digits[-1::-2]) + sum(doubled)) % 10 == 0


def bearer_token(text: str) -> str:
    """Credentials after Bearer, Basic, token or apikey, and JSON Web Tokens wherever they stand."""
    return _JWT.sub(MASK, _BEARER.sub(rf"\1{MASK}", text))


def url_query(text: str) -> str:
    """The values of a URL's query; the names stay, since they tell which request it was."""
    return _QUERY.sub(lambda m: m[1] + _masked_query(m[2]), text) if "?" in text else text


def _masked_query(query: str) -> str:
    parts = (part.partition("=") for part in query.split("&"))
    return "&".join(f"{name}={MASK}" if equals else MASK for name, equals, _ in parts)


DETECTORS: dict[str, Detector] = {
    "email": email,
    "card_number": card_number,
    "bearer_token": bearer_token,
    "url_query": url_query,
}
