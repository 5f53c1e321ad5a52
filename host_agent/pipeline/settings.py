"""The sections `pipeline` and `destinations` of the configuration file. Guide: docs/pipeline.md."""

import re
from enum import StrEnum
from pathlib import Path
from typing import Annotated, Any, Literal
from urllib.parse import urlsplit

from pydantic import AfterValidator, BeforeValidator, Field, ValidationInfo, field_validator, model_validator

from host_agent.config_types import MIB, Key, Section, Size
from wasm_sdk.otlp import Signal
from wasm_sdk.rules import Condition, RuleError
from wasm_sdk.rules.filters import ErrorMode

NAME = re.compile(r"[a-z0-9][a-z0-9_-]{0,62}")
STORE = "store"
CONTEXTS = {
    Signal.TRACES: ("span", "scope", "resource"),
    Signal.METRICS: ("metric", "scope", "resource"),
    Signal.LOGS: ("log", "scope", "resource"),
}


def condition_of(text: str, signal: Signal) -> Condition:
    """The condition for items of a signal. Raises ValueError with column, line and caret."""
    try:
        return Condition.parse(text, CONTEXTS[signal][0])
    except RuleError as error:
        raise ValueError(str(error)) from None


def _filter(value: Any) -> Any:
    return {"drop": value} if isinstance(value, str) else value


class FilterConfig(Section):
    """A condition; what it holds for is dropped (`drop`), or all else is (`keep`)."""

    drop: str | None = None
    keep: str | None = None

    @model_validator(mode="after")
    def _one(self) -> "FilterConfig":
        if (self.drop is None) == (self.keep is None):
            raise ValueError("write either drop: CONDITION or keep: CONDITION")
        return self


def _about(signal: Signal) -> AfterValidator:
    """Checks a filter's condition by itself: every one that is wrong is told, with its own line."""

    def check(value: FilterConfig) -> FilterConfig:
        condition_of(value.drop or value.keep or "", signal)
        return value

    return AfterValidator(check)


Filter = Annotated[FilterConfig, BeforeValidator(_filter)]


class FiltersConfig(Section):
    """Filters by signal, asked in order."""

    traces: tuple[Annotated[Filter, _about(Signal.TRACES)], ...] = ()
    metrics: tuple[Annotated[Filter, _about(Signal.METRICS)], ...] = ()
    logs: tuple[Annotated[Filter, _about(Signal.LOGS)], ...] = ()


class SamplingConfig(Section):
    """The share of the spans that is kept, by trace id; the first that holds counts."""

    condition: str | None = None
    probability: float = Field(ge=0, le=1)

    @field_validator("condition")
    @classmethod
    def _parse(cls, condition: str | None) -> str | None:
        if condition is not None:
            condition_of(condition, Signal.TRACES)
        return condition


class RouteConfig(Section):
    """Where items go."""

    to: tuple[str, ...] = Field(min_length=1, description="destinations")
    signal: Signal | None = Field(default=None, description="none: every signal; conditions need one")
    condition: str | None = None
    balance: str | None = Field(
        default=None,
        description="one of `to` gets each item: by `trace_id`, or by an attribute of the resource",
    )
    weights: dict[str, Annotated[float, Field(gt=0)]] = Field(default_factory=dict)

    @field_validator("condition")
    @classmethod
    def _parse(cls, condition: str | None, before: ValidationInfo) -> str | None:
        if condition is not None:
            condition_of(condition, before.data.get("signal") or Signal.TRACES)
        return condition

    @model_validator(mode="after")
    def _weights(self) -> "RouteConfig":
        if unknown := sorted(set(self.weights) - set(self.to)):
            raise ValueError(f"weights name {', '.join(unknown)}, which `to` does not")
        return self

    def takes(self, signal: Signal) -> bool:
        """Whether the route is about a signal: one with a condition and no signal is about traces."""
        wanted = self.signal or (Signal.TRACES if self.condition is not None else None)
        return wanted is None or wanted is signal


class Matching(StrEnum):
    FIRST = "first"
    ALL = "all"


class PipelineConfig(Section):
    """What is kept, and where it goes."""

    filters: FiltersConfig = FiltersConfig()
    error_mode: ErrorMode = Field(
        default=ErrorMode.IGNORE, description="when a condition cannot judge: ignore, silent, propagate"
    )
    sampling: tuple[SamplingConfig, ...] = ()
    match: Matching = Field(default=Matching.ALL, description="the first route that holds, or all")
    routes: tuple[RouteConfig, ...] = ()
    default: tuple[str, ...] | None = Field(
        default=None, description="for what no route takes; null: every destination if there are no routes"
    )
    tenant_attribute: str | None = Field(
        default="spanweave.tenant", min_length=1, description="of the resource, overwritten; null: none"
    )


def _url(value: str) -> str:
    parts = urlsplit(value)
    if parts.scheme not in ("http", "https") or not parts.hostname:
        raise ValueError(f"{value!r} is no URL; write as in http://127.0.0.1:4318")
    return value


class WhenFull(StrEnum):
    REFUSE = "refuse"
    """Nothing is lost: when intake.max_bytes is reached, senders get 503 until it has caught up."""
    DROP_OLDEST = "drop_oldest"
    """What is oldest goes, a segment of the log at a time, and is counted."""


class TlsConfig(Section):
    """PEM files."""

    ca: Path | None = Field(default=None, description="authorities to trust; null: the system's")
    certificate: Path | None = Field(default=None, description="to identify oneself (mutual TLS)")
    key: Path | None = None

    @model_validator(mode="after")
    def _pair(self) -> "TlsConfig":
        if (self.certificate is None) != (self.key is None):
            raise ValueError("certificate and key go together")
        return self


class Delivered(Section):
    """What all destinations have in common."""

    when_full: WhenFull = WhenFull.REFUSE
    max_backlog_bytes: Size = Field(
        default=1024 * MIB, ge=MIB, description="of the log that waits for it, with drop_oldest"
    )
    batch_bytes: Size = Field(default=1 * MIB, gt=0, description="a request is sent when it has so many")
    batch_wait_s: float = Field(default=0.2, ge=0, le=60, description="or waited so long")


class OtlpConfig(Delivered):
    headers: dict[str, str] = Field(default_factory=dict)
    timeout_s: float = Field(default=10.0, gt=0, le=600)
    in_flight: int = Field(default=4, ge=1, le=64, description="requests at one time; metrics: one")
    tls: TlsConfig = TlsConfig()


class OtlpHttpConfig(OtlpConfig):
    """OTLP/HTTP; `/v1/traces` and so on are appended to the endpoint."""

    type: Literal["otlp_http"]
    endpoint: Annotated[str, AfterValidator(_url)]
    encoding: Literal["protobuf", "json"] = "protobuf"
    compression: Literal["none", "gzip"] = "gzip"


class OtlpGrpcConfig(OtlpConfig):
    """OTLP/gRPC."""

    type: Literal["otlp_grpc"]
    endpoint: str = Field(pattern=r"^[^/\s]+:\d+$", description="host:port")
    insecure: bool = Field(default=False, description="without TLS")
    compression: Literal["none", "gzip"] = "gzip"


class ConsoleConfig(Delivered):
    """OTLP/JSON on standard output, a request a line."""

    type: Literal["console"]


class FileConfig(Delivered):
    """OTLP/JSON lines in files of a folder, one a signal and hour."""

    type: Literal["file"]
    folder: Path


DestinationConfig = Annotated[
    OtlpHttpConfig | OtlpGrpcConfig | ConsoleConfig | FileConfig, Field(discriminator="type")
]


def _name(name: str) -> str:
    if not NAME.fullmatch(name) or name == STORE:
        raise ValueError(f"{name!r}: a destination's name has a-z, 0-9, '-' and '_', and is not {STORE!r}")
    return name


Destinations = Annotated[dict[Annotated[str, AfterValidator(_name)], DestinationConfig], Field(max_length=63)]


def problems(pipeline: PipelineConfig, destinations: dict[str, Any]) -> list[tuple[Key, str]]:
    """What the two sections make wrong together: (key, message)."""
    found: list[tuple[Key, str]] = []
    known = ", ".join(sorted(destinations)) or "none"
    named: list[tuple[Key, str]] = [
        (("pipeline", "routes", number, "to"), name)
        for number, route in enumerate(pipeline.routes)
        for name in route.to
    ]
    named += [(("pipeline", "default"), name) for name in pipeline.default or ()]
    for key, name in named:
        if name not in destinations:
            found.append((key, f"no destination is called {name!r}; there are: {known}"))
    return found
