"""Runs in the virtual machine as its only process: loads every object, attaches it, and sees that it tells.

Prints one line of JSON: what loaded, what was refused, and what came out.
"""

from __future__ import annotations

import ctypes
import http.client
import http.server
import json
import mmap
import os
import platform
import struct
import threading
import traceback
from pathlib import Path

from host_agent.ebpf import layout
from host_agent.ebpf.elf import Elf
from host_agent.ebpf.function_links import FunctionLinks
from host_agent.ebpf.machine import syscall_number
from host_agent.ebpf.probe_table import Probe, ProbeTable
from host_agent.ebpf.programs import Programs, explain

OBJECTS = ("dispatch", "process", "syscalls", "network", "files", "memory", "packets")
RING = 1 << 18
TRACEPARENT = "00-" + "ab" * 16 + "-" + "cd" * 8 + "-01"


class Served(http.server.BaseHTTPRequestHandler):
    def do_GET(self) -> None:
        Path("/tmp/served").write_text("x")
        self.send_response(200)
        self.send_header("Content-Length", "2")
        self.end_headers()
        self.wfile.write(b"ok")

    def log_message(self, *_: object) -> None:
        pass


def drain(fd: int, size: int) -> list[bytes]:
    """All records of a ring, read without NumPy (kernel/bpf/ringbuf.c)."""
    page = mmap.PAGESIZE
    consumer = mmap.mmap(fd, page, mmap.MAP_SHARED, mmap.PROT_READ | mmap.PROT_WRITE, offset=0)
    producer = mmap.mmap(fd, page + 2 * RING, mmap.MAP_SHARED, mmap.PROT_READ, offset=page)
    (at,) = struct.unpack_from("=Q", consumer)
    (end,) = struct.unpack_from("=Q", producer)
    found = []
    while at < end:
        start = page + (at & (RING - 1)) + 8
        found.append(producer[start : start + size])
        at += size + 8
    struct.pack_into("=Q", consumer, 0, at)
    return found


def main() -> dict[str, object]:
    programs = Programs({"events": RING, "messages": RING}, {})
    report: dict[str, object] = {"kernel": platform.release()}
    refused: dict[str, str] = {}
    for name in OBJECTS:
        try:
            programs.load(name, {"watching": b"\1"})
            refused |= programs.attach(name)
        except OSError as error:
            refused[name] = explain(error)
    report["loaded"], report["refused"] = programs.loaded, refused
    table = ProbeTable.with_actions()
    table.want_syscall(syscall_number("getppid") or 0, layout.ProbeFlag.EMIT | layout.ProbeFlag.HISTOGRAM, 0)
    for kind in (layout.Kind.HTTP_SERVER, layout.Kind.HTTP_CLIENT, layout.Kind.FILE):
        table.rows[layout.kind_probe(kind)] = Probe(flags=layout.ProbeFlag.EMIT)
    table.rows[1024] = Probe(flags=layout.ProbeFlag.EMIT)
    for number, row in table.rows.items():
        programs.map("probes")[struct.pack("=I", number)] = layout.PROBE_STRUCT.pack(*row.row())
    own = struct.pack("=I", os.getpid())
    programs.map("targets")[own] = layout.TARGET_STRUCT.pack(1, os.getpid())

    server = http.server.ThreadingHTTPServer(("127.0.0.1", 0), Served)
    threading.Thread(target=server.serve_forever, daemon=True).start()
    for _ in range(10):
        os.getppid()
    client = http.client.HTTPConnection("127.0.0.1", server.server_address[1])
    client.request("GET", "/page?q=1", headers={"traceparent": TRACEPARENT})
    client.getresponse().read()
    client.close()
    report["functions"] = functions(programs)
    events = [struct.unpack_from("=QQ16s8s8sIIQHBBI", e) for e in drain(programs.map_fd("events"), 136)]
    messages = [
        (struct.unpack_from("=QQ16s8s8sIIQHBBI", m), m) for m in drain(programs.map_fd("messages"), 504)
    ]
    report["getppid"] = sum(1 for e in events if e[8] == layout.Kind.SYSCALL)
    report["function_calls"] = sum(1 for e in events if e[8] == layout.Kind.FUNCTION)
    spans = {e[8]: e for e, _ in messages}
    client_span = spans.get(layout.Kind.HTTP_CLIENT)
    server_span = spans.get(layout.Kind.HTTP_SERVER)
    report["http"] = bool(client_span and server_span and server_span[2].hex() == "ab" * 16)
    report["server_under_client"] = bool(client_span and server_span and server_span[3] == client_span[4])
    report["files"] = bool(
        server_span and any(e[8] == layout.Kind.FILE and e[3] == server_span[4] for e, _ in messages)
    )
    programs.close()
    return report


def functions(programs: Programs) -> str:
    """Probes getpid of the C library and calls it; says by which mechanism."""
    path = next(
        line.split()[-1] for line in Path("/proc/self/maps").read_text().splitlines() if "libc.so" in line
    )
    elf = Elf.open(Path(path))
    symbol = next(s for s in elf.symbols if s.name == "getpgrp" and s.is_function)
    links = FunctionLinks(programs)
    try:
        _, mechanism = links.attach(
            path, [elf.file_offset(symbol.address) or 0], [1024], os.getpid(), "function"
        )
    except Exception as error:  # noqa: BLE001 - the report says what it was
        return str(error)
    ctypes.CDLL(None).getpgrp()
    links.close()
    return mechanism


try:
    print("REPORT " + json.dumps(main()), flush=True)
except BaseException:  # noqa: BLE001 - nobody else would see it
    traceback.print_exc()
