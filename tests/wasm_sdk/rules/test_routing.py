"""Routes: first or all that match, a default, for decoded items and encoded spans alike."""

import pytest

from wasm_sdk.otlp import encode
from wasm_sdk.otlp.model import (
    InstrumentationScope,
    Resource,
    ResourceSpans,
    ScopeSpans,
    Span,
    Status,
    TracesData,
)
from wasm_sdk.otlp.values import KeyValues
from wasm_sdk.otlp.wire import iter_spans
from wasm_sdk.rules import Condition, EvaluationError, Item
from wasm_sdk.rules.filters import ErrorMode
from wasm_sdk.rules.routing import Matching, Route, Router

ROUTES = [
    ('attributes["gen_ai.operation.name"] == "chat" or status.code == STATUS_CODE_ERROR', ("llm",)),
    ('HasPrefix(attributes["path"], "/pay")', ("audit", "llm")),
    ('resource.attributes["service.name"] == "shop"', ("shop",)),
]


def both(attributes: dict, code: int = 0, service: str = "shop") -> tuple:
    span = Span(b"a" * 16, b"b" * 8, attributes=KeyValues.of(attributes), status=Status(code=code))
    group = ResourceSpans(Resource(KeyValues.of({"service.name": service})), [ScopeSpans(spans=[span])])
    return Item(group.resource, InstrumentationScope(), span), next(
        iter_spans(encode("traces", TracesData([group])))
    )


def router(matching: Matching, **more) -> Router:
    return Router([Route(Condition.parse(c), d) for c, d in ROUTES], ("rest",), matching, **more)


@pytest.mark.parametrize(
    ("given", "first", "every"),
    [
        (both({}, code=2), ("llm",), ("llm", "shop")),
        (both({"path": "/pay"}), ("audit", "llm"), ("audit", "llm", "shop")),
        (both({"gen_ai.operation.name": "chat", "path": "/pay"}), ("llm",), ("llm", "audit", "shop")),
        (both({"path": "/x"}, service="other"), ("rest",), ("rest",)),
        (both({}), ("shop",), ("shop",)),
    ],
)
def test_destinations_of_the_first_or_of_every_route_that_matches(given, first, every) -> None:
    for item in given:
        assert router(Matching.FIRST).route(item) == first
        assert router(Matching.ALL).route(item) == every


def test_routes_count_what_took_them() -> None:
    routes = router(Matching.ALL)
    for given in (both({}, code=2), both({"path": "/x"}, service="other")):
        for item in given:
            routes.route(item)
    assert [route.matched for route in routes.routes] == [2, 0, 2]
    assert routes.unrouted == 2
    assert routes.errors.count == 2, "the first has no path to look at"


def test_a_route_without_condition_takes_everything() -> None:
    for item in both({}):
        assert Router([Route(None, ("a",)), Route(None, ("b",))]).route(item) == ("a",)
        assert Router([]).route(item) == ()


def test_errors_can_be_raised() -> None:
    routes = router(Matching.ALL, error_mode=ErrorMode.PROPAGATE)
    for item in both({}):
        with pytest.raises(EvaluationError, match="HasPrefix"):
            routes.route(item)
    with pytest.raises(ValueError, match="needs a destination"):
        Router([Route(None, ())])
