"""What an event is called and which attributes it carries (OpenTelemetry semantic conventions 1.38)."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

from host_agent.ebpf import arguments
from host_agent.ebpf.layout import EventFlag, Kind
from host_agent.ebpf.machine import syscall_names
from host_agent.ebpf.records import Event, Message
from host_agent.ebpf.text import (
    address,
    clean,
    dns_question,
    paths,
    postgres_statement,
    redis_command,
    sockaddr,
    statement_shape,
    until_nul,
)

_RCODES = {1: "FORMERR", 2: "SERVFAIL", 3: "NXDOMAIN", 4: "NOTIMP", 5: "REFUSED"}
_Description = tuple[str, dict[str, Any]]


@dataclass(frozen=True, slots=True)
class FunctionName:
    """A probed function: its name, the file that holds it, and what stopped it."""

    name: str
    file: str
    mechanism: str


def rcode(code: int) -> str:
    """A DNS response code by name."""
    return _RCODES.get(code, str(code))


def text(message: Message) -> str:
    """A message's only string."""
    return clean(until_nul(message.raw))


def describe(
    kind: Kind, event: Event, message: Message | None, names: dict[int, FunctionName]
) -> _Description:
    """The span's name and attributes."""
    if kind in (Kind.FUNCTION, Kind.KERNEL_FUNCTION, Kind.USDT, Kind.ALLOCATION):
        return _function(kind, event, message, names)
    if message is None:
        return _PLAIN.get(kind, _syscall)(event, None)
    return _PLAIN.get(kind, _syscall)(event, message)


def _syscall(event: Event, message: Message | None) -> _Description:
    number = event.probe
    name = syscall_names().get(number, f"syscall {number}")
    strings: list[str] = []
    if message is not None:
        address_given = event.flags & EventFlag.SOCKADDR
        strings = [sockaddr(message.raw)] if address_given else paths(message)
    attributes: dict[str, Any] = {"linux.syscall.name": name, "linux.syscall.result": event.result}
    attributes |= arguments.decode(number, event.args, strings, "linux.syscall.argument.")
    return name, attributes


def _file(event: Event, message: Message | None) -> _Description:
    assert message is not None
    name = syscall_names().get(event.args[5], "file")
    found = paths(message)
    result = event.result
    attributes: dict[str, Any] = {"linux.syscall.name": name}
    if found:
        attributes["file.path"] = found[0]
    if len(found) > 1:
        attributes["file.target_path"] = found[1]
    if name.lstrip("p").startswith(("read", "write", "sendfile")) and result >= 0:
        attributes["file.io.bytes"] = result
        attributes["disk.io.direction"] = "read" if "read" in name else "write"
    return name, attributes


def _endpoints(message: Message, *, server: bool) -> dict[str, Any]:
    ends = message.ends
    local, remote = address(ends.local), address(ends.remote)
    attributes: dict[str, Any] = {}
    if remote:
        attributes["network.peer.address"] = remote
        attributes["network.peer.port"] = ends.remote_port
        attributes["network.local.address"] = local
        attributes["network.local.port"] = ends.local_port
        attributes["network.transport"] = "udp" if ends.protocol == 17 else "tcp"
        attributes["client.address" if server else "server.address"] = remote
        attributes["server.port"] = int(ends.local_port if server else ends.remote_port)
        if server:
            attributes["server.address"] = local
    return attributes


def _http(event: Event, message: Message, *, server: bool) -> _Description:
    method, _, path = clean(message.raw).partition(" ")
    attributes: dict[str, Any] = {
        "http.request.method": method,
        "url.path": path,
        "url.scheme": "https" if event.flags & EventFlag.TLS else "http",
        "network.protocol.name": "http",
        **_endpoints(message, server=server),
    }
    if status := event.result:
        attributes["http.response.status_code"] = status
    attributes["http.response.size"] = event.args[1]
    return method, attributes


def _sql(event: Event, message: Message | None) -> _Description:
    assert message is not None
    shape = statement_shape(postgres_statement(message.raw))
    operation = shape.split(" ", 1)[0].upper()
    return operation or "postgresql", {
        "db.system.name": "postgresql",
        "db.operation.name": operation,
        "db.query.text": shape,
        **_endpoints(message, server=False),
    }


def _redis(event: Event, message: Message | None) -> _Description:
    assert message is not None
    command = redis_command(message.raw)
    return command or "redis", {
        "db.system.name": "redis",
        "db.operation.name": command,
        **_endpoints(message, server=False),
    }


def _dns(event: Event, message: Message | None) -> _Description:
    assert message is not None
    question = dns_question(message.raw)
    return "DNS query", {
        "dns.question.name": question,
        "dns.response_code": rcode(event.result) if event.result else "NOERROR",
        **_endpoints(message, server=False),
    }


def _traffic(name: str) -> Callable[[Event, Message | None], _Description]:
    def describe_traffic(event: Event, message: Message | None) -> _Description:
        assert message is not None
        attributes = _endpoints(message, server=name == "tcp.accept")
        if name in ("tcp.send", "tcp.receive") and event.result >= 0:
            attributes["network.io.bytes"] = event.result
            attributes["network.io.direction"] = "transmit" if name == "tcp.send" else "receive"
        return name, attributes

    return describe_traffic


def _connection(event: Event, message: Message | None) -> _Description:
    assert message is not None
    sent, received, out, inbound, retransmits, rtt = event.args
    return "tcp.connection", {
        **_endpoints(message, server=message.ends.role == 2),
        "tcp.bytes_sent": sent,
        "tcp.bytes_received": received,
        "tcp.segments_sent": out,
        "tcp.segments_received": inbound,
        "tcp.retransmits": retransmits,
        "tcp.rtt_us": rtt,
    }


def _page_fault(event: Event, _: Message | None) -> _Description:
    return "page fault", {
        "linux.memory.address": hex(event.args[0]),
        "linux.memory.fault": "write" if event.args[1] & 2 else "read",
    }


def _out_of_memory(event: Event, message: Message | None) -> _Description:
    attributes: dict[str, Any] = {"linux.memory.oom.victim.pid": event.args[0]}
    if message is not None and (command := text(message)):
        attributes["linux.memory.oom.victim.command"] = command
    return "out of memory kill", attributes


def _function(
    kind: Kind, event: Event, message: Message | None, names: dict[int, FunctionName]
) -> _Description:
    known = names.get(event.probe, FunctionName("function", "", ""))
    attributes: dict[str, Any] = {
        "code.function.name": known.name,
        "spanweave.probe.mechanism": known.mechanism,
    }
    if known.file:
        attributes["code.file.path"] = known.file
    if kind is Kind.ALLOCATION:
        attributes["linux.memory.allocated_bytes"] = event.args[0]
        attributes["linux.memory.address"] = hex(event.result)
    elif kind is Kind.USDT:
        attributes |= {f"usdt.argument.{i}": a for i, a in enumerate(event.args)}
        if message is not None and message.text_length:
            attributes["usdt.strings"] = paths(message)
    elif known.mechanism != "tracepoint":
        attributes["linux.function.result"] = event.result
    return known.name, attributes


_PLAIN: dict[Kind, Callable[[Event, Message | None], _Description]] = {
    Kind.SYSCALL: _syscall,
    Kind.FILE: _file,
    Kind.CONNECT: _traffic("tcp.connect"),
    Kind.ACCEPT: _traffic("tcp.accept"),
    Kind.SEND: _traffic("tcp.send"),
    Kind.RECEIVE: _traffic("tcp.receive"),
    Kind.CONNECTION: _connection,
    Kind.HTTP_SERVER: lambda e, m: _http(e, m, server=True),  # type: ignore[arg-type]
    Kind.HTTP_CLIENT: lambda e, m: _http(e, m, server=False),  # type: ignore[arg-type]
    Kind.SQL: _sql,
    Kind.REDIS: _redis,
    Kind.DNS: _dns,
    Kind.PAGE_FAULT: _page_fault,
    Kind.OUT_OF_MEMORY: _out_of_memory,
}
