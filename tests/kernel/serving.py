"""Servers as people run them: a proxy in front, a certificate."""

from __future__ import annotations

import shutil
import socket
import subprocess
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest


@contextmanager
def nginx_before(
    port: int, folder: Path, name: str = "nginx"
) -> Iterator[tuple[subprocess.Popen[bytes], int]]:
    """nginx, in one process called `name`, that passes requests on to `port`; its own port."""
    nginx = shutil.which("nginx") or shutil.which("nginx", path="/usr/sbin")
    if nginx is None:
        pytest.skip("nginx is not installed")
    binary = folder / name
    binary.symlink_to(nginx)
    with socket.create_server(("127.0.0.1", 0)) as free:
        own = free.getsockname()[1]
    config = folder / "nginx.conf"
    config.write_text(
        f"daemon off; master_process off; pid {folder}/pid; error_log {folder}/error.log;\n"
        "events {}\n"
        f"http {{ access_log off; client_body_temp_path {folder}/body; proxy_temp_path {folder}/proxy;"
        f" fastcgi_temp_path {folder}/f; uwsgi_temp_path {folder}/u; scgi_temp_path {folder}/s;\n"
        f" server {{ listen 127.0.0.1:{own}; location / {{ proxy_pass http://127.0.0.1:{port}; }} }} }}\n"
    )
    proxy = subprocess.Popen(
        [binary, "-c", str(config), "-e", f"{folder}/error.log"], stderr=subprocess.DEVNULL
    )
    try:
        _await_listener(own)
        yield proxy, own
    finally:
        proxy.kill()
        proxy.wait()


def _await_listener(port: int) -> None:
    end = time.monotonic() + 10
    while True:
        try:
            socket.create_connection(("127.0.0.1", port)).close()
            return
        except ConnectionRefusedError:
            assert time.monotonic() < end, "the proxy did not start"
            time.sleep(0.02)


def certificate(folder: Path) -> Path:
    """A file with a key and the certificate that it signed itself, for localhost."""
    pem, cert = folder / "both.pem", folder / "cert"
    subject = ["-subj", "/CN=localhost", "-addext", "subjectAltName=DNS:localhost,IP:127.0.0.1"]
    key = ["-newkey", "rsa:2048", "-nodes", "-keyout", str(pem)]
    subprocess.run(
        ["openssl", "req", "-x509", "-days", "1", *key, *subject, "-out", str(cert)],
        check=True,
        capture_output=True,
    )
    pem.write_text(pem.read_text() + cert.read_text())
    return pem
