"""One thread, asyncio: requests overlap, and files are opened on the loop's own thread."""

import asyncio
import sys
from pathlib import Path


def content(head: bytes) -> bytes:
    """The file that the request line names; read on the loop's thread, as much code does."""
    return Path(sys.argv[1], head.split(b" ")[1].split(b"?")[0].decode().rsplit("/", 1)[1]).read_bytes()


async def serve(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
    while head := await reader.readline():
        while (await reader.readline()).strip():
            pass
        await asyncio.sleep(0.01)
        body = content(head)
        writer.write(b"HTTP/1.1 200 OK\r\nContent-Length: %d\r\n\r\n" % len(body) + body)
        await writer.drain()
    writer.close()


async def main() -> None:
    server = await asyncio.start_server(serve, "127.0.0.1", 0)
    print(server.sockets[0].getsockname()[1], flush=True)
    await server.serve_forever()


asyncio.run(main())
