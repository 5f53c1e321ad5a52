"""The real OpenTelemetry Collector, built from its modules where Go is present."""

import shutil
import subprocess
import time
import urllib.error
import urllib.request
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import yaml

SOURCE = Path(__file__).parent / "collector"
BINARY = Path("build/peers/collector")
BUILD_TIMEOUT = 900.0  # seconds
START_TIMEOUT = 20.0


def build() -> Path | None:
    """The Collector's binary, built on the first call; None without Go or when its modules cannot be had."""
    sources = [path.stat().st_mtime for path in SOURCE.iterdir()]
    if BINARY.exists() and BINARY.stat().st_mtime >= max(sources):
        return BINARY
    if shutil.which("go") is None:
        return None
    BINARY.parent.mkdir(parents=True, exist_ok=True)
    print("building the OpenTelemetry Collector (some minutes, once)")
    command = ["go", "build", "-o", str(BINARY.absolute()), "."]
    done = subprocess.run(
        command, cwd=SOURCE, capture_output=True, text=True, timeout=BUILD_TIMEOUT, check=False
    )
    if done.returncode:
        print(f"the Collector could not be built: {done.stderr.strip().splitlines()[-1]}")
        return None
    return BINARY


@dataclass(frozen=True)
class Collector:
    """A running Collector: its process, and where it takes OTLP."""

    process: subprocess.Popen[bytes]
    http_url: str
    grpc_address: str


@contextmanager
def running(
    folder: Path, http_port: int, grpc_port: int, config: Mapping[str, Any], cores: int = 1
) -> Iterator[Collector]:
    """Runs the Collector with an OTLP receiver and the rest of `config`, on `cores` processors (GOMAXPROCS).

    Args:
        config: `processors`, `connectors`, `exporters`, `extensions` and `pipelines` as in its YAML file.

    Raises:
        RuntimeError: it cannot be built, or does not start; with what it printed.
    """
    binary = build()
    if binary is None:
        raise RuntimeError("no Go, or no modules: the Collector cannot be built")
    http, grpc = f"127.0.0.1:{http_port}", f"127.0.0.1:{grpc_port}"
    protocols = {"http": {"endpoint": http}, "grpc": {"endpoint": grpc}}
    sections = {
        name: config[name]
        for name in ("processors", "connectors", "exporters", "extensions")
        if name in config
    }
    service = {
        "extensions": list(config.get("extensions", {})),
        "pipelines": config["pipelines"],
        "telemetry": {"metrics": {"level": "none"}, "logs": {"level": "warn"}},
    }
    document = {"receivers": {"otlp": {"protocols": protocols}}, **sections, "service": service}
    path = folder / "collector.yaml"
    path.write_text(yaml.safe_dump(document))
    log = folder / "collector.log"
    with log.open("wb") as out:
        process = subprocess.Popen(
            [str(binary.absolute()), "--config", f"file:{path}"],
            stdout=out,
            stderr=out,
            env={"GOMAXPROCS": str(cores), "PATH": "/usr/bin:/bin"},
        )
    try:
        await_answer(process, f"http://{http}/v1/traces", log)
        yield Collector(process, f"http://{http}", grpc)
    finally:
        process.terminate()
        process.wait(20)


def await_answer(process: subprocess.Popen[bytes], url: str, log: Path) -> None:
    """Returns when the receiver at `url` answers anything at all."""
    give_up = time.monotonic() + START_TIMEOUT
    while time.monotonic() < give_up and process.poll() is None:
        try:
            urllib.request.urlopen(url, timeout=1).close()
        except urllib.error.HTTPError:
            return
        except OSError:
            time.sleep(0.05)
    raise RuntimeError(f"the Collector does not answer: {log.read_text(errors='replace')[-2000:]}")
