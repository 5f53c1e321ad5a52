import logging
from typing import Any

import pytest

from host_agent.ingest.cors import LOOPBACK_ORIGINS, OriginPolicy, check_pattern
from wasm_sdk.otlp import Signal, encode_json

PAGE = "http://localhost:8080"
STRANGER = "https://evil.example"


@pytest.mark.parametrize(
    ("pattern", "allowed", "refused"),
    [
        ("https://shop.example", ["https://shop.example", "https://SHOP.example"], ["http://shop.example"]),
        ("https://shop.example", [], ["https://shop.example:444", "https://shop.example.evil.com"]),
        ("http://localhost:*", ["http://localhost", "http://localhost:3000"], ["http://localhost:x"]),
        ("http://localhost:*", [], ["http://localhost.evil.com:80", "http://evil.com/http://localhost:1"]),
        ("https://*.example.com", ["https://a.example.com", "https://a.b.example.com"], []),
        ("https://*.example.com", [], ["https://example.com", "https://evil.com/.example.com"]),
        ("https://*.example.com:*", ["https://a.example.com:8443"], ["https://a.example.com:1:2"]),
        ("http://[::1]:*", ["http://[::1]:80"], ["http://[::2]:80"]),
        ("null", ["null"], ["http://null"]),
        ("*", ["null", STRANGER], []),
        ("capacitor://localhost", ["capacitor://localhost"], ["https://localhost"]),
    ],
)
def test_patterns_match_what_they_say(pattern: str, allowed: list[str], refused: list[str]) -> None:
    policy = OriginPolicy([pattern])
    assert [origin for origin in allowed if not policy.allows(origin)] == []
    assert [origin for origin in refused if policy.allows(origin)] == []


def test_the_pages_of_this_machine_are_allowed_by_default() -> None:
    policy = OriginPolicy(LOOPBACK_ORIGINS)
    assert policy.allows(PAGE)
    assert policy.allows("http://127.0.0.1")
    assert not policy.allows("null")
    assert not policy.allows(STRANGER)


@pytest.mark.parametrize(
    "pattern",
    ["", "shop.example", "https://shop.example/", "https://a.*.com", "https://*", "http://a:b", "**"],
)
def test_what_is_no_pattern_is_refused(pattern: str) -> None:
    with pytest.raises(ValueError, match=r"origin|'\*' may"):
        check_pattern(pattern)


async def test_a_preflight_of_an_allowed_page_passes(door: Any) -> None:
    response = await door.client.options(
        f"{door.url}/v1/traces",
        headers={
            "origin": PAGE,
            "access-control-request-method": "POST",
            "access-control-request-headers": "content-type,content-encoding",
            "access-control-request-private-network": "true",
        },
    )
    assert response.status_code == 204
    headers = response.headers
    assert headers["access-control-allow-origin"] == PAGE
    assert "POST" in headers["access-control-allow-methods"]
    assert headers["access-control-allow-headers"] == "content-type,content-encoding"
    assert headers["access-control-allow-private-network"] == "true"
    assert int(headers["access-control-max-age"]) == 7200
    assert "Origin" in headers["vary"]
    assert "access-control-allow-credentials" not in headers


async def test_a_preflight_without_further_wishes_gets_none(door: Any) -> None:
    response = await door.client.options(f"{door.url}/v1/logs", headers={"origin": PAGE})
    assert response.status_code == 204
    assert "access-control-allow-headers" not in response.headers
    assert "access-control-allow-private-network" not in response.headers
    plain = await door.client.options(f"{door.url}/v1/logs")
    assert (plain.status_code, plain.headers["allow"]) == (204, "POST, OPTIONS")


@pytest.mark.parametrize("method", ["OPTIONS", "POST"])
async def test_another_page_is_refused_with_a_clear_reason(
    door: Any, method: str, caplog: pytest.LogCaptureFixture
) -> None:
    with caplog.at_level(logging.WARNING):
        for _ in range(3):
            response = await door.client.request(
                method,
                f"{door.url}/v1/traces",
                headers={"origin": STRANGER, "content-type": "application/json"},
                content=b"{}",
            )
    assert response.status_code == 403
    message = response.json()["message"]
    assert STRANGER in message
    assert "http.cors.allowed_origins" in message
    assert "access-control-allow-origin" not in response.headers
    assert response.headers["vary"] == "Origin"
    assert caplog.text.count(STRANGER) == 1
    assert door.records() == []


async def test_an_export_of_an_allowed_page_can_read_its_answer(door: Any, requests: Any) -> None:
    body = encode_json(Signal.TRACES, requests[Signal.TRACES]).encode()
    response = await door.post("traces", body, "application/json", origin=PAGE)
    assert response.status_code == 200
    assert response.headers["access-control-allow-origin"] == PAGE
    assert response.headers["access-control-expose-headers"] == "Retry-After"
    assert response.headers["vary"] == "Origin"
    refused = await door.post("traces", b"{", "application/json", origin=PAGE)
    assert (refused.status_code, refused.headers["access-control-allow-origin"]) == (400, PAGE)


async def test_a_beacon_is_json_without_a_header_that_says_so(door: Any, requests: Any, bodies: Any) -> None:
    body = encode_json(Signal.TRACES, requests[Signal.TRACES]).encode()
    response = await door.post("traces", body, "text/plain;charset=UTF-8", origin=PAGE)
    assert (response.status_code, response.content) == (200, b"{}")
    assert door.records()[0].data() == bodies[Signal.TRACES]


async def test_a_beacon_of_another_page_is_refused(door: Any) -> None:
    for headers in ({"origin": STRANGER}, {"origin": "null"}):
        response = await door.post("traces", b"{}", "text/plain;charset=UTF-8", **headers)
        assert response.status_code == 403
    assert (await door.post("traces", b"{}", "text/plain")).status_code == 415


async def test_a_hostile_origin_cannot_write_into_answers_or_logs(
    door: Any, caplog: pytest.LogCaptureFixture
) -> None:
    with caplog.at_level(logging.WARNING):
        response = await door.post(
            "traces", b"{}", "application/json", origin="http://x\tINFO all is well\x7f"
        )
    assert response.status_code in (400, 403)
    assert "\t" not in caplog.text


async def test_many_refused_origins_do_not_fill_memory(open_door: Any) -> None:
    door = await open_door(origins=())
    for n in range(120):
        await door.post("traces", b"{}", "application/json", origin=f"https://{n}.example")
    response = await door.post("traces", b"{}", "application/json", origin=PAGE)
    assert "(allowed: none)" in response.json()["message"]
