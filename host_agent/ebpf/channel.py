"""Requests and answers between agent and probe helper: JSON with descriptors, over a Unix socket."""

from __future__ import annotations

import json
import os
import socket
import struct
from collections.abc import Sequence
from typing import Any

_LENGTH = struct.Struct("=I")
_MOST_FDS = 8


class Channel:
    """One end; every message is a length, then JSON, with descriptors riding on the length."""

    def __init__(self, connected: socket.socket) -> None:
        self._socket = connected

    def send(self, body: dict[str, Any], fds: Sequence[int] = ()) -> None:
        data = json.dumps(body).encode()
        socket.send_fds(self._socket, [_LENGTH.pack(len(data))], list(fds))
        self._socket.sendall(data)

    def receive(self) -> tuple[dict[str, Any], list[int]]:
        """Waits for the next message.

        Raises:
            EOFError: the other side is gone.
        """
        prefix, fds, _, _ = socket.recv_fds(self._socket, _LENGTH.size, _MOST_FDS)
        if len(prefix) < _LENGTH.size:
            for fd in fds:
                os.close(fd)
            raise EOFError
        (length,) = _LENGTH.unpack(prefix)
        data = bytearray()
        while len(data) < length:
            piece = self._socket.recv(length - len(data))
            if not piece:
                raise EOFError
            data += piece
        return json.loads(data), fds

    def close(self) -> None:
        self._socket.close()
