"""The frame around spans, log records and metrics."""

from opentelemetry.proto.collector.trace.v1.trace_service_pb2 import ExportTraceServiceRequest
from opentelemetry.proto.trace.v1.trace_pb2 import ResourceSpans, ScopeSpans

from host_agent.store.envelope import close_envelope, open_envelope


def test_what_is_taken_apart_goes_together_again() -> None:
    request = ExportTraceServiceRequest()
    for service in ("a", "b"):
        group: ResourceSpans = request.resource_spans.add(schema_url=f"https://{service}.example")
        group.resource.attributes.add(key="service.name").value.string_value = service
        for scope_name in ("x", "y"):
            scope: ScopeSpans = group.scope_spans.add(schema_url="https://scope.example")
            scope.scope.name = scope_name
            scope.spans.add(name="1")
            scope.spans.add(name="2")
    rows = [
        (resource, scope, item)
        for resource, scope, items in open_envelope(request.SerializeToString())
        for item in items
    ]
    assert len(rows) == 8
    assert ExportTraceServiceRequest.FromString(close_envelope(rows)) == request


def test_fields_of_a_resource_that_stand_behind_its_spans_belong_to_them_all() -> None:
    group = ResourceSpans(scope_spans=[ScopeSpans(spans=[{"name": "first"}])])
    tail = ResourceSpans(schema_url="https://late.example").SerializeToString()
    body = group.SerializeToString() + tail
    data = b"\x0a" + bytes([len(body)]) + body
    ((resource, scope, items),) = open_envelope(data)
    assert (resource, scope, len(items)) == (tail, b"", 1)


def test_nothing_is_nothing() -> None:
    assert list(open_envelope(b"")) == []
    assert close_envelope([]) == b""
