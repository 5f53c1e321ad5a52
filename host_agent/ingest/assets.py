"""The browser build, served at `/sdk/` to pages of any origin: it is public code."""

import asyncio
import hashlib
import os
from collections.abc import Awaitable, Callable, MutableMapping
from dataclasses import dataclass
from pathlib import Path, PurePosixPath
from typing import Any

Send = Callable[[MutableMapping[str, Any]], Awaitable[None]]
Headers = list[tuple[bytes, bytes]]

PREFIX = "/sdk/"
HASHED = "assets/"
"""Below this every folder is named by what it holds."""
FOREVER = b"public, max-age=31536000, immutable"
SHORT = b"public, max-age=300, stale-while-revalidate=86400"
CHUNK = 256 << 10
_TYPES = {
    ".js": "text/javascript; charset=utf-8",
    ".mjs": "text/javascript; charset=utf-8",
    ".json": "application/json",
    ".map": "application/json",
    ".wasm": "application/wasm",
    ".zip": "application/zip",
    ".whl": "application/zip",
    ".html": "text/html; charset=utf-8",
    ".css": "text/css; charset=utf-8",
}
_COMMON: Headers = [
    (b"access-control-allow-origin", b"*"),
    (b"cross-origin-resource-policy", b"cross-origin"),
    (b"timing-allow-origin", b"*"),
    (b"x-content-type-options", b"nosniff"),
]


@dataclass(frozen=True, slots=True)
class _Asset:
    path: Path
    packed: Path | None  # the same, compressed by brotli when it was built
    media_type: str
    etag: bytes
    cache: bytes


class Assets:
    """An ASGI endpoint for the files below a folder, which are looked up when the agent starts.

    Args:
        folder: The build's; when it is not there, every path is answered 404 with what to do.
    """

    def __init__(self, folder: Path) -> None:
        self._assets = _scan(folder) if folder.is_dir() else {}

    async def __call__(self, scope: MutableMapping[str, Any], send: Send) -> None:
        method = scope["method"]
        asset = self._assets.get(scope["path"].removeprefix(PREFIX))
        if method == "OPTIONS":
            await _plain(send, 204, "", [(b"access-control-allow-methods", b"GET, HEAD")])
        elif method not in ("GET", "HEAD"):
            await _plain(send, 405, f"{method} is not taken here; GET the file", [(b"allow", b"GET, HEAD")])
        elif asset is not None:
            await _serve(asset, dict(scope["headers"]), send, head=method == "HEAD")
        elif self._assets:
            await _plain(send, 404, "there is no such file in the browser build")
        else:
            await _plain(
                send, 404, "this agent was installed without the browser build (npm run build in web/)"
            )


def _scan(folder: Path) -> dict[str, _Asset]:
    found: dict[str, _Asset] = {}
    for path in sorted(folder.rglob("*")):
        name = path.relative_to(folder).as_posix()
        if not path.is_file() or path.suffix == ".br" or any(p.startswith(".") for p in path.parts[-2:]):
            continue
        packed = path.with_name(path.name + ".br")
        found[name] = _Asset(
            path,
            packed if packed.is_file() else None,
            _TYPES.get(PurePosixPath(name).suffix, "application/octet-stream"),
            b'"%s"' % hashlib.sha256(path.read_bytes()).hexdigest()[:20].encode(),
            FOREVER if name.startswith(HASHED) else SHORT,
        )
    return found


async def _serve(asset: _Asset, headers: dict[bytes, bytes], send: Send, *, head: bool) -> None:
    answer = [*_COMMON, (b"etag", asset.etag), (b"cache-control", asset.cache), (b"vary", b"Accept-Encoding")]
    known = [tag.strip().removeprefix(b"W/") for tag in headers.get(b"if-none-match", b"").split(b",")]
    if asset.etag in known:
        await send({"type": "http.response.start", "status": 304, "headers": answer})
        await send({"type": "http.response.body", "body": b""})
        return
    path = asset.path
    if asset.packed is not None and _takes_brotli(headers.get(b"accept-encoding", b"")):
        path = asset.packed
        answer.append((b"content-encoding", b"br"))
    answer.append((b"content-type", asset.media_type.encode()))
    try:
        file = path.open("rb")
    except OSError:  # a new build removed it
        await _plain(send, 404, "the browser build was replaced while this agent ran; start the agent again")
        return
    with file:
        answer.append((b"content-length", b"%d" % os.fstat(file.fileno()).st_size))
        await send({"type": "http.response.start", "status": 200, "headers": answer})
        while not head and (chunk := await asyncio.to_thread(file.read, CHUNK)):
            await send({"type": "http.response.body", "body": chunk, "more_body": True})
    await send({"type": "http.response.body", "body": b""})


def _takes_brotli(accepted: bytes) -> bool:
    """Whether `br` is among the encodings, and not with a weight of zero."""
    for item in accepted.lower().split(b","):
        name, _, weight = item.replace(b" ", b"").partition(b";q=")
        if name == b"br":
            return weight.strip(b"0.") != b"" or not weight
    return False


async def _plain(send: Send, status: int, text: str, headers: Headers | None = None) -> None:
    content = text.encode()
    answer = [*_COMMON, *(headers or [])]
    if status != 204:
        answer += [
            (b"content-type", b"text/plain; charset=utf-8"),
            (b"content-length", b"%d" % len(content)),
        ]
    await send({"type": "http.response.start", "status": status, "headers": answer})
    await send({"type": "http.response.body", "body": content})
