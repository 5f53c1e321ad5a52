"""Strings that programs copied out of processes: never trusted, never interpreted."""

from __future__ import annotations

import ipaddress
import re
import socket
import struct

from host_agent.ebpf.layout import EventFlag
from host_agent.ebpf.records import Message


def clean(raw: bytes) -> str:
    """UTF-8 with what is not replaced, and no control characters (a terminal may print it)."""
    text = raw.decode("utf-8", errors="replace")
    return "".join(c if c.isprintable() else "\ufffd" for c in text)


def until_nul(raw: bytes) -> bytes:
    return raw.split(b"\0", 1)[0]


def paths(message: Message) -> list[str]:
    """The one or two paths of a message."""
    raw = message.raw
    split = message.text_split
    if message.event.flags & EventFlag.PATHS_REVERSED:
        names = [clean(name) for name in raw.split(b"\0") if name]
        return ["/" + "/".join(reversed(names))]
    if split:
        return [clean(until_nul(raw[:split])), clean(until_nul(raw[split:]))]
    return [clean(until_nul(raw))] if raw else []


def address(raw: bytes) -> str:
    """An endpoint's 16 bytes; IPv4 in its own notation, empty when it is not set."""
    value = ipaddress.IPv6Address(raw)
    if value == ipaddress.IPv6Address(0):
        return ""
    return str(value.ipv4_mapped or value)


def sockaddr(raw: bytes) -> str:
    """The bytes of a ``struct sockaddr`` as people write it."""
    if len(raw) < 8:
        return ""
    (family,) = struct.unpack_from("=H", raw)
    (port,) = struct.unpack_from(">H", raw, 2)
    if family == socket.AF_INET:
        return f"{ipaddress.IPv4Address(raw[4:8])}:{port}"
    if family == socket.AF_INET6 and len(raw) >= 24:
        return f"[{ipaddress.IPv6Address(raw[8:24])}]:{port}"
    if family == socket.AF_UNIX:
        name = raw[2:]
        return "@" + clean(until_nul(name[1:])) if name[:1] == b"\0" else clean(until_nul(name))
    return f"family {family}"


_LITERALS = re.compile(
    r"""
      '(?:[^']|'')*'?          # strings, also one that was cut off
    | \$(\w*)\$.*?(?:\$\1\$|$) # dollar quotes
    | \b0x[0-9a-fA-F]+\b
    | (?<![\w$"])[+-]?\d+(?:\.\d+)?(?:[eE][+-]?\d+)?\b
    """,
    re.VERBOSE | re.DOTALL,
)
_COMMENTS = re.compile(r"--[^\n]*|/\*.*?(?:\*/|$)", re.DOTALL)


def statement_shape(sql: str) -> str:
    """A statement without its values: literals become ``?``, comments go, spaces collapse."""
    without = _LITERALS.sub("?", _COMMENTS.sub(" ", sql))
    shape = " ".join(without.split())
    return re.sub(r"\(\s*\?(?:\s*,\s*\?)+\s*\)", "(?)", shape)


def postgres_statement(raw: bytes) -> str:
    """The statement of a ``Query`` or ``Parse`` message."""
    body = raw[5:]
    if raw[:1] == b"P":
        _, _, body = body.partition(b"\0")  # the prepared statement's name
    return until_nul(body).decode("utf-8", errors="replace")


def redis_command(raw: bytes) -> str:
    parts = raw.split(b"\r\n")
    return clean(parts[2].strip()).upper() if len(parts) > 2 else ""


def dns_question(raw: bytes) -> str:
    """The name asked for (RFC 1035, section 4.1.2); empty when it is malformed."""
    labels, at = [], 12
    while at < len(raw) and 0 < raw[at] < 64:
        labels.append(clean(raw[at + 1 : at + 1 + raw[at]]))
        at += 1 + raw[at]
    return ".".join(labels)
