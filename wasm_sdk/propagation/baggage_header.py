"""The grammar of the `baggage` header. Source: W3C Baggage, "Baggage HTTP Header Format"."""

import re
from collections.abc import Iterable, Iterator
from typing import NamedTuple
from urllib.parse import quote, unquote

MAX_MEMBERS = 180
"""List members read and written at most; the grammar's own bound (64 is what must be kept)."""
MAX_BYTES = 8192
"""Length of all baggage of a request at most."""

_TOKEN = r"[!#$%&'*+\-.^_`|~0-9A-Za-z]+"
_OCTETS = r"[\x21\x23-\x2b\x2d-\x3a\x3c-\x5b\x5d-\x7e]*"
_OWS = r"[ \t]*"
_PROPERTY = rf"{_OWS};{_OWS}{_TOKEN}{_OWS}(?:={_OWS}{_OCTETS}{_OWS})?"
_MEMBER = re.compile(rf"({_TOKEN}){_OWS}={_OWS}({_OCTETS})((?:{_PROPERTY})*){_OWS}")
_TOKEN_ONLY = re.compile(_TOKEN)
# What baggage-octet allows unescaped, beyond the letters and digits that `quote` never escapes; "%" always
# escapes.
_SAFE = "!#$&'()*+-./:<=>?@[]^_`{|}~"


class Member(NamedTuple):
    """One list member: `value` decoded, `properties` as they stand in the header, without the first `;`."""

    key: str
    value: str
    properties: str = ""


def parse(headers: Iterable[str]) -> Iterator[Member]:
    """The valid members of all `baggage` headers of a request, in order, within the limits; never part of
    one.
    """
    size = count = 0
    for header in headers:
        for text in header.split(","):
            text = text.strip(" \t")
            if not text:
                continue
            count += 1
            size += len(text) + (1 if count > 1 else 0)
            if count > MAX_MEMBERS or size > MAX_BYTES:
                return
            if match := _MEMBER.fullmatch(text):
                properties = match[3].strip(" \t").removeprefix(";").strip(" \t")
                yield Member(match[1], unquote(match[2]), properties)


def serialize(members: Iterable[Member]) -> str:
    """The header's value, with values percent-encoded, keeping whole members to the limits.

    A key that is no token cannot be written and is left out with its value.
    """
    parts: list[str] = []
    size = -1
    for member in members:
        if not _TOKEN_ONLY.fullmatch(member.key):
            continue
        text = f"{member.key}={quote(member.value, safe=_SAFE)}"
        if member.properties:
            text = f"{text};{member.properties}"
        if len(parts) == MAX_MEMBERS or size + 1 + len(text) > MAX_BYTES:
            continue
        size += 1 + len(text)
        parts.append(text)
    return ",".join(parts)
