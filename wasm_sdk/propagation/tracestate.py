"""The grammar of the `tracestate` header. Source: W3C Trace Context level 2, section 3.3."""

import re
from collections.abc import Iterable, Sequence

MAX_MEMBERS = 32

# Level 2 lets a key start with a digit and hold "@" anywhere but first.
_KEY = r"[a-z0-9][a-z0-9_\-*/@]{0,255}"
# The last character is not a space: trailing spaces belong to the header's optional white space.
_VALUE = r"[\x20-\x2b\x2d-\x3c\x3e-\x7e]{0,255}[\x21-\x2b\x2d-\x3c\x3e-\x7e]"
_MEMBER = re.compile(rf"({_KEY})=({_VALUE})")
_KEY_ONLY = re.compile(_KEY)
_VALUE_ONLY = re.compile(_VALUE)

Members = tuple[tuple[str, str], ...]


def parse(headers: Iterable[str]) -> Members | None:
    """The members of all `tracestate` headers of a request together, in order.

    Empty members are skipped and of equal keys the first is kept; `None` means that the headers break the
    grammar or hold more than 32 members, and that the whole state is to be discarded.
    """
    members: dict[str, str] = {}
    count = 0
    for header in headers:
        for member in header.split(","):
            member = member.strip(" \t")
            if not member:
                continue
            match = _MEMBER.fullmatch(member)
            count += 1
            if match is None or count > MAX_MEMBERS:
                return None
            members.setdefault(match[1], match[2])
    return tuple(members.items())


def serialize(members: Iterable[tuple[str, str]]) -> str:
    """The header's value for members that are valid."""
    return ",".join(f"{key}={value}" for key, value in members)


def is_valid(key: object, value: object) -> bool:
    """Whether a pair may stand in a tracestate."""
    return (
        isinstance(key, str)
        and isinstance(value, str)
        and _KEY_ONLY.fullmatch(key) is not None
        and _VALUE_ONLY.fullmatch(value) is not None
    )


def updated(members: Sequence[tuple[str, str]], key: str, value: str | None) -> Members:
    """`members` with `key` set to `value` and moved to the front, or removed for `None`.

    When there would be more than 32, the last ones go: they are the longest unchanged.
    """
    rest = [pair for pair in members if pair[0] != key]
    if value is None:
        return tuple(rest)
    return ((key, value), *rest[: MAX_MEMBERS - 1])
