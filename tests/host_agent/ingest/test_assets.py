from pathlib import Path
from typing import Any

import pytest

WASM = bytes(range(256)) * 4000


@pytest.fixture
def build(tmp_path: Path) -> Path:
    dist = tmp_path / "dist"
    hashed = dist / "assets" / "pyodide-14b54db1c7f2"
    hashed.mkdir(parents=True)
    (dist / "spanweave.js").write_bytes(b"let loader")
    (dist / "spanweave.js.br").write_bytes(b"packed")
    (hashed / "pyodide.asm.wasm").write_bytes(WASM)
    (dist / ".built").write_bytes(b"")
    (tmp_path / "secret.txt").write_bytes(b"secret")
    return dist


@pytest.fixture
async def sdk(open_door: Any, build: Path) -> Any:
    return await open_door(assets=build)


async def test_the_loader_is_served_to_any_page_and_revalidated(sdk: Any) -> None:
    response = await sdk.client.get(f"{sdk.url}/sdk/spanweave.js", headers={"accept-encoding": "gzip"})
    assert (response.status_code, response.content) == (200, b"let loader")
    headers = response.headers
    assert headers["content-type"] == "text/javascript; charset=utf-8"
    assert headers["access-control-allow-origin"] == "*"
    assert headers["cross-origin-resource-policy"] == "cross-origin"
    assert "max-age=300" in headers["cache-control"]
    again = await sdk.client.get(
        f"{sdk.url}/sdk/spanweave.js", headers={"if-none-match": f'"other", W/{headers["etag"]}'}
    )
    assert (again.status_code, again.content, again.headers["etag"]) == (304, b"", headers["etag"])


@pytest.mark.parametrize(
    ("accepted", "packed"),
    [
        ("gzip, br", True),
        ("BR;q=0.5", True),
        ("gzip", False),
        ("br;q=0", False),
        ("br;q=0.0", False),
        ("", False),
    ],
)
async def test_what_was_packed_is_sent_to_those_who_take_it(sdk: Any, accepted: str, packed: bool) -> None:
    async with sdk.client.stream(
        "GET", f"{sdk.url}/sdk/spanweave.js", headers={"accept-encoding": accepted}
    ) as response:
        content = b"".join([part async for part in response.aiter_raw()])
        assert content == (b"packed" if packed else b"let loader")
        assert response.headers.get("content-encoding") == ("br" if packed else None)
        assert response.headers["vary"] == "Accept-Encoding"


async def test_what_is_named_by_its_content_is_kept_for_ever(sdk: Any) -> None:
    url = f"{sdk.url}/sdk/assets/pyodide-14b54db1c7f2/pyodide.asm.wasm"
    response = await sdk.client.get(url)
    assert response.content == WASM
    assert "immutable" in response.headers["cache-control"]
    assert response.headers["content-type"] == "application/wasm"
    head = await sdk.client.head(url)
    assert (head.content, head.headers["content-length"]) == (b"", str(len(WASM)))


@pytest.mark.parametrize(
    "path", ["", "nothing.js", "../secret.txt", "%2e%2e/secret.txt", ".built", "spanweave.js.br"]
)
async def test_nothing_else_is_served(sdk: Any, path: str) -> None:
    host = sdk.url.removeprefix("http://")
    answer = await sdk.raw(
        b"GET /sdk/%s HTTP/1.1\r\nhost: %s\r\nconnection: close\r\n\r\n" % (path.encode(), host.encode())
    )
    assert answer.startswith(b"HTTP/1.1 404 ")
    assert b"secret" not in answer.partition(b"\r\n\r\n")[2].replace(b"secret.txt", b"")


async def test_other_methods_are_refused(sdk: Any) -> None:
    assert (await sdk.client.post(f"{sdk.url}/sdk/spanweave.js")).status_code == 405
    assert (await sdk.client.options(f"{sdk.url}/sdk/spanweave.js")).status_code == 204


async def test_without_a_build_it_says_how_to_make_one(door: Any) -> None:
    response = await door.client.get(f"{door.url}/sdk/spanweave.js")
    assert response.status_code == 404
    assert "npm run build" in response.text


async def test_a_build_replaced_while_the_agent_runs_is_named_as_the_reason(sdk: Any, build: Path) -> None:
    (build / "spanweave.js").unlink()
    answer = await sdk.client.get(f"{sdk.url}/sdk/spanweave.js", headers={"accept-encoding": "gzip"})
    assert answer.status_code == 404
    assert "start the agent again" in answer.text
