"""POST through the platform's `fetch`, for every place where Python runs as WebAssembly."""

import asyncio
from collections.abc import Mapping

import js
from pyodide.ffi import JsException, to_js

from wasm_sdk.runtime.interface import MAX_RESPONSE_BYTES, ConnectionFailed, Response


async def fetch_post(
    url: str, body: bytes, headers: Mapping[str, str], timeout: float, *, keepalive_bytes: int = 0
) -> Response:
    """POST `body`; it asks to outlive the page when it is at most `keepalive_bytes` long.

    Raises:
        ConnectionFailed: `fetch` rejected (network, CORS, CSP) or took longer than `timeout` seconds.
    """
    abort = js.AbortController.new()
    options = {
        "method": "POST",
        "body": to_js(body),
        "headers": headers,
        "signal": abort.signal,
        "redirect": "manual",
        "credentials": "omit",
        "keepalive": 0 < len(body) <= keepalive_bytes,
    }
    if keepalive_bytes == 0:
        # workerd refuses options that only a page has.
        del options["keepalive"], options["credentials"]
    try:
        async with asyncio.timeout(timeout):
            answer = await js.fetch(url, to_js(options, dict_converter=js.Object.fromEntries))
            content = (await answer.arrayBuffer()).to_bytes()
    except TimeoutError as error:
        abort.abort()
        raise ConnectionFailed(f"{url}: no answer within {timeout:.3g} s") from error
    except asyncio.CancelledError:
        abort.abort()
        raise
    except JsException as error:
        raise ConnectionFailed(f"{url}: {error}") from error
    if len(content) > MAX_RESPONSE_BYTES:
        raise ConnectionFailed(f"{url}: the answer's body is larger than {MAX_RESPONSE_BYTES} bytes")
    return Response(answer.status, _headers(answer.headers), content)


def _headers(headers: object) -> dict[str, str]:
    """Fetch's Headers as a dict; it iterates with names in lower case."""
    entries: dict[str, str] = js.Object.fromEntries(headers).to_py()
    return entries
