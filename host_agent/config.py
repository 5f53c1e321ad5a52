"""What can be configured, with defaults that are safe on one's own machine. Guide: docs/configuration.md."""

import ipaddress
import os
import sys
from pathlib import Path
from typing import Annotated

from pydantic import AfterValidator, Field

from host_agent.config_types import GIB, MIB, Key, Section, Size
from host_agent.ebpf.settings import KernelConfig
from host_agent.ingest.cors import LOOPBACK_ORIGINS, check_pattern
from host_agent.intake.log import Fsync
from host_agent.pipeline.settings import Destinations, PipelineConfig
from host_agent.pipeline.settings import problems as pipeline_problems


def _port(value: int) -> int:
    if not 0 <= value <= 65535:
        raise ValueError(f"{value} is no port; use 0 (any free one) to 65535")
    return value


Port = Annotated[int, AfterValidator(_port)]
Seconds = Annotated[float, Field(gt=0, le=86_400)]
OriginPattern = Annotated[str, AfterValidator(check_pattern)]


class CorsConfig(Section):
    """Which pages may send telemetry."""

    allowed_origins: tuple[OriginPattern, ...] = Field(
        default=LOOPBACK_ORIGINS, description="origins; `*` stands for any port, or for any subdomain"
    )
    max_age_s: int = Field(
        default=7200, ge=0, le=86_400, description="how long browsers remember a preflight"
    )


class HttpConfig(Section):
    """OTLP/HTTP."""

    host: str = "127.0.0.1"
    port: Port = 4318
    max_body_bytes: Size = Field(
        default=64 * MIB, gt=0, description="of one request, after decompression; gRPC too"
    )
    max_compressed_bytes: Size = Field(default=32 * MIB, gt=0, description="of one request, as it is sent")
    max_in_flight_bytes: Size = Field(
        default=256 * MIB,
        gt=0,
        description="of all requests that are being received or kept at one time; gRPC too",
    )
    max_connections: int = Field(default=2048, gt=0)
    request_timeout_s: Seconds = Field(
        default=30.0, description="in which a request has to arrive whole; gRPC too"
    )
    header_timeout_s: Seconds = Field(default=10.0, description="in which its head has to arrive")
    cors: CorsConfig = CorsConfig()


class GrpcConfig(Section):
    """OTLP/gRPC."""

    host: str = "127.0.0.1"
    port: Port = 4317


class ApiConfig(Section):
    """The query API and the live stream."""

    host: str = "127.0.0.1"
    port: Port = 4319
    allowed_hosts: tuple[str, ...] = Field(
        default=(), description="names by which it is reached besides localhost"
    )
    allowed_origins: tuple[str, ...] = Field(default=(), description="origins whose pages may use it")


class IntakeConfig(Section):
    """The log in which requests are kept before they are acknowledged."""

    fsync: Fsync = Field(default=Fsync.INTERVAL, description="see docs/durability.md")
    interval_ms: float = Field(default=200.0, ge=1, le=60_000)
    segment_bytes: Size = Field(default=64 * MIB, ge=64 << 10)
    max_bytes: Size = Field(default=4 * GIB, ge=MIB, description="beyond it requests are answered 503")


class StoreConfig(Section):
    """The Parquet segments that queries read."""

    flush_interval_s: Seconds = 5.0
    flush_bytes: Size = Field(default=8 * MIB, gt=0)
    segment_bytes: Size = Field(default=32 * MIB, gt=0)
    retention_hours: float | None = Field(default=7 * 24.0, gt=0, description="null: for ever")
    max_bytes: Size | None = Field(
        default=20 * GIB, gt=0, description="beyond it the oldest go; null: no bound"
    )


def default_data_dir() -> Path:
    """Where this system keeps the data of a user's programs."""
    home = Path.home()
    if sys.platform == "win32":
        base = Path(os.environ.get("LOCALAPPDATA") or home / "AppData" / "Local")
    elif sys.platform == "darwin":
        base = home / "Library" / "Application Support"
    else:
        base = Path(os.environ.get("XDG_DATA_HOME") or home / ".local" / "share")
    return base / "spanweave"


class AgentConfig(Section):
    """The whole file."""

    http: HttpConfig = HttpConfig()
    grpc: GrpcConfig = GrpcConfig()
    api: ApiConfig = ApiConfig()
    data_dir: Annotated[Path, AfterValidator(Path.expanduser)] = Field(default_factory=default_data_dir)
    intake: IntakeConfig = IntakeConfig()
    store: StoreConfig = StoreConfig()
    pipeline: PipelineConfig = PipelineConfig()
    destinations: Destinations = Field(default_factory=dict)
    kernel: KernelConfig = KernelConfig()
    allow_insecure_bind: bool = Field(
        default=False,
        description="listen on other addresses than loopback although nobody has to authenticate",
    )

    def problems(self) -> list[tuple[Key, str]]:
        """What the parts of a configuration make wrong together: (key, message)."""
        found: list[tuple[Key, str]] = []
        for name, section in (("http", self.http), ("grpc", self.grpc), ("api", self.api)):
            if not self.allow_insecure_bind and not is_loopback(section.host):
                found.append(
                    (
                        (name, "host"),
                        f"{section.host} is reachable from other machines and nobody has to authenticate; "
                        "use 127.0.0.1, or set allow_insecure_bind: true",
                    )
                )
        if self.http.max_in_flight_bytes < self.http.max_body_bytes:
            found.append(
                (("http", "max_in_flight_bytes"), "is below http.max_body_bytes: such a request never fits")
            )
        if self.intake.max_bytes < self.http.max_body_bytes + MIB:
            found.append((("intake", "max_bytes"), "is too small for one request of http.max_body_bytes"))
        return found + pipeline_problems(self.pipeline, self.destinations)


def is_loopback(host: str) -> bool:
    """Whether only this machine reaches a listener on that address."""
    if host == "localhost":
        return True
    try:
        return ipaddress.ip_address(host).is_loopback
    except ValueError:
        return False
