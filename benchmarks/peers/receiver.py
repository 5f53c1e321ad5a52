"""A minimal OTLP receiver in Python, of the official packages: parse, append to a file.

`python -m benchmarks.peers.receiver FILE` prints where it listens, as the agent does.
"""

import asyncio
import socket
import sys
from pathlib import Path
from typing import Any

import grpc
import grpc.aio
import uvicorn
from opentelemetry.proto.collector.trace.v1 import trace_service_pb2, trace_service_pb2_grpc

ExportRequest = trace_service_pb2.ExportTraceServiceRequest
ExportResponse = trace_service_pb2.ExportTraceServiceResponse


class Sink:
    def __init__(self, path: Path) -> None:
        self.file = path.open("wb", buffering=0)
        self.spans = 0

    def keep(self, request: Any) -> None:
        self.spans += sum(len(scope.spans) for r in request.resource_spans for scope in r.scope_spans)
        self.file.write(request.SerializeToString())


class Service(trace_service_pb2_grpc.TraceServiceServicer):
    def __init__(self, sink: Sink) -> None:
        self.sink = sink

    async def Export(self, request: Any, context: Any) -> Any:  # noqa: N802 - the protocol's name
        self.sink.keep(request)
        return ExportResponse()


def application(sink: Sink) -> Any:
    async def app(scope: Any, receive: Any, send: Any) -> None:
        body = b""
        more = True
        while more:
            message = await receive()
            body += message.get("body", b"")
            more = message.get("more_body", False)
        sink.keep(ExportRequest.FromString(body))
        await send({"type": "http.response.start", "status": 200, "headers": [(b"content-length", b"0")]})
        await send({"type": "http.response.body", "body": b""})

    return app


async def serve(path: Path) -> None:
    sink = Sink(path)
    listening = socket.create_server(("127.0.0.1", 0))
    http = uvicorn.Server(
        uvicorn.Config(application(sink), lifespan="off", log_level="warning", access_log=False)
    )
    server = grpc.aio.server(options=[("grpc.max_receive_message_length", 64 << 20)])
    trace_service_pb2_grpc.add_TraceServiceServicer_to_server(Service(sink), server)  # type: ignore[no-untyped-call]
    port = server.add_insecure_port("127.0.0.1:0")
    await server.start()
    print(f"listening OTLP/HTTP http://127.0.0.1:{listening.getsockname()[1]}")
    print(f"listening OTLP/gRPC 127.0.0.1:{port}")
    print(f"keeping {path}", flush=True)
    await http.serve(sockets=[listening])
    await server.stop(1)


def main() -> None:
    try:
        import uvloop
    except ImportError:
        asyncio.run(serve(Path(sys.argv[1])))
    else:
        uvloop.run(serve(Path(sys.argv[1])))


if __name__ == "__main__":
    main()
