"""What produces the telemetry: resources and their detectors.

Source: OpenTelemetry specification, "Resource SDK"; semantic conventions for `service`, `telemetry`,
`process`, `host`, `os`, `browser`, `cloud`.
"""

import logging
from collections.abc import Callable, Mapping, Sequence
from types import MappingProxyType
from typing import Any
from urllib.parse import unquote

from wasm_sdk import runtime
from wasm_sdk.sdk import environ
from wasm_sdk.sdk.attributes import clean_attributes
from wasm_sdk.version import VERSION

_log = logging.getLogger(__name__)

Detector = Callable[[], "Resource"]


class Resource:
    """An immutable set of attributes with the schema that they follow."""

    __slots__ = ("attributes", "schema_url")

    def __init__(self, attributes: Mapping[str, Any] | None = None, schema_url: str = "") -> None:
        self.attributes: Mapping[str, Any] = MappingProxyType(clean_attributes(attributes)[0])
        self.schema_url = schema_url

    @classmethod
    def create(
        cls,
        attributes: Mapping[str, Any] | None = None,
        schema_url: str = "",
        *,
        detectors: Sequence[Detector] | None = None,
    ) -> "Resource":
        """The resource that a provider has by default, with `attributes` taking precedence.

        Args:
            attributes: The caller's own.
            schema_url: Of `attributes`.
            detectors: Later ones take precedence; default: those that `OTEL_EXPERIMENTAL_RESOURCE_DETECTORS`
                names, else `telemetry`, `service`, `process` and `browser`.
        """
        resource = cls()
        for detect in configured_detectors() if detectors is None else detectors:
            try:
                resource = resource.merge(detect())
            except Exception:  # noqa: BLE001
                # Somebody else's detector must not keep the program from starting.
                _log.exception("Resource detector %r failed and is left out", detect)
        resource = resource.merge(cls(attributes, schema_url))
        if not resource.attributes.get("service.name"):
            resource = resource.merge(cls({"service.name": "unknown_service:python"}))
        return resource

    def merge(self, other: "Resource") -> "Resource":
        """Both together, `other` taking precedence. Two different schema URLs leave none, and are logged."""
        schema_url = self.schema_url or other.schema_url
        if self.schema_url and other.schema_url and self.schema_url != other.schema_url:
            _log.error(
                "Resources with schema URLs %s and %s are merged: none is kept",
                self.schema_url,
                other.schema_url,
            )
            schema_url = ""
        return Resource({**self.attributes, **other.attributes}, schema_url)

    def __eq__(self, other: object) -> bool:
        if not isinstance(other, Resource):
            return NotImplemented
        return self.attributes == other.attributes and self.schema_url == other.schema_url

    def __hash__(self) -> int:
        return hash((frozenset(self.attributes), self.schema_url))

    def __repr__(self) -> str:
        return f"Resource({dict(self.attributes)!r}, {self.schema_url!r})"


def detect_telemetry() -> Resource:
    """`telemetry`: this SDK itself."""
    return Resource(
        {
            "telemetry.sdk.name": "spanweave",
            "telemetry.sdk.language": "python",
            "telemetry.sdk.version": VERSION,
        }
    )


def detect_service() -> Resource:
    """`service`: `OTEL_RESOURCE_ATTRIBUTES` and `OTEL_SERVICE_NAME`, which wins over the former."""
    attributes: dict[str, str] = {}
    listed = environ.text("OTEL_RESOURCE_ATTRIBUTES")
    for pair in filter(None, (item.strip() for item in listed.split(","))):
        key, equals, value = pair.partition("=")
        if not equals or not key.strip():
            _log.error("OTEL_RESOURCE_ATTRIBUTES is discarded: %r is not of the form key=value", pair)
            attributes = {}
            break
        attributes[unquote(key.strip())] = unquote(value.strip())
    if name := environ.text("OTEL_SERVICE_NAME"):
        attributes["service.name"] = name
    return Resource(attributes)


def _platform(*prefixes: str) -> Resource:
    known = runtime.current.resource_attributes().items()
    return Resource({key: value for key, value in known if key.startswith(prefixes)})


def detect_process() -> Resource:
    """`process`: the process and its Python; without arguments and owner, which may tell secrets."""
    return _platform("process.")


def detect_host() -> Resource:
    """`host`: the machine and its operating system."""
    return _platform("host.", "os.")


def detect_browser() -> Resource:
    """`browser`: what a page may know of its browser; in a Cloudflare Worker, where it runs."""
    return _platform("browser.", "user_agent.", "cloud.")


DETECTORS: Mapping[str, Detector] = {
    "telemetry": detect_telemetry,
    "service": detect_service,
    "process": detect_process,
    "host": detect_host,
    "browser": detect_browser,
}
_DEFAULT = "telemetry,process,browser,service"


def configured_detectors() -> list[Detector]:
    """The detectors that `OTEL_EXPERIMENTAL_RESOURCE_DETECTORS` names, `*` meaning all.

    `telemetry` and `service` always take part, `service` last.
    """
    names = environ.names("OTEL_EXPERIMENTAL_RESOURCE_DETECTORS", _DEFAULT)
    if "*" in names:
        names = list(DETECTORS)
    chosen = [name for name in names if name not in ("telemetry", "service", "otel")]
    for name in chosen:
        if name not in DETECTORS:
            _log.warning(
                "OTEL_EXPERIMENTAL_RESOURCE_DETECTORS: there is no detector %r (%s)",
                name,
                ", ".join(DETECTORS),
            )
    return [DETECTORS[name] for name in ("telemetry", *filter(DETECTORS.__contains__, chosen), "service")]
