"""A server that knows nothing of OpenTelemetry, seen from the kernel: its requests and the files they read.

As root on Linux: `python -m examples.kernel_requests`. Where no BPF program may be loaded it says why.
"""

import subprocess
import sys
import tempfile
import time
import urllib.request
from pathlib import Path

from host_agent.ebpf.errors import EbpfError
from host_agent.ebpf.tracer import EbpfTracer
from wasm_sdk.otlp import ResourceSpans, Span

SERVER = """
import http.server
server = http.server.HTTPServer(("127.0.0.1", 0), http.server.SimpleHTTPRequestHandler)
print(server.server_port, flush=True)
server.serve_forever()
"""
TRACEPARENT = "00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01"


def main() -> int:
    with tempfile.TemporaryDirectory() as folder:
        Path(folder, "page.html").write_text("<h1>Hello</h1>")
        server = subprocess.Popen(
            [sys.executable, "-c", SERVER],
            cwd=folder,
            stdout=subprocess.PIPE,
            stderr=subprocess.DEVNULL,
            text=True,
        )
        try:
            assert server.stdout is not None
            spans = traced(server.pid, int(server.stdout.readline()))
        except EbpfError as error:
            print(f"no kernel tracing here: {error}", file=sys.stderr)
            return 1
        finally:
            server.kill()
            server.communicate()
    for span in sorted(spans, key=lambda span: span.start_time_unix_nano):
        indent = "" if span.parent_span_id.hex() == TRACEPARENT[36:52] else "  "
        path = str(span.attributes.get("url.path") or span.attributes.get("file.path", ""))
        print(
            f"{indent}{span.name} {path} {(span.end_time_unix_nano - span.start_time_unix_nano) / 1e3:.0f} us"
        )
    return 0


def traced(pid: int, port: int) -> list[Span]:
    """The spans of one request to the server `pid`, within ten seconds."""
    tracer = EbpfTracer()
    tracer.attach_network()
    tracer.attach_file_io()
    tracer.add_target(pid=pid)
    spans: list[Span] = []
    with tracer:
        request = urllib.request.Request(
            f"http://127.0.0.1:{port}/page.html", headers={"traceparent": TRACEPARENT}
        )
        with urllib.request.urlopen(request, timeout=10) as response:
            response.read()
        give_up = time.monotonic() + 10
        while time.monotonic() < give_up and not any(span.name.startswith("GET") for span in spans):
            spans += of_the_request(tracer.collect_spans(timeout=0.2))
        spans += of_the_request(tracer.stop())
    return spans


def of_the_request(groups: list[ResourceSpans]) -> list[Span]:
    spans = [span for group in groups for scope in group.scope_spans for span in scope.spans]
    return [span for span in spans if span.trace_id.hex() == TRACEPARENT[3:35]]


if __name__ == "__main__":
    sys.exit(main())
