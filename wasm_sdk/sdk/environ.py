"""Reading `OTEL_*` variables by the specification's rules.

An empty value is an unset one; what cannot be understood is logged with its name and the default is used.
Source: OpenTelemetry specification, "Environment Variable Specification".
"""

import logging
import os
from collections.abc import Mapping

_log = logging.getLogger(__name__)


def text(name: str, default: str = "", environ: Mapping[str, str] | None = None) -> str:
    """The variable's value without surrounding space, or `default`."""
    return (os.environ if environ is None else environ).get(name, "").strip() or default


def boolean(name: str, environ: Mapping[str, str] | None = None) -> bool:
    """True for `true` in any case; everything else is false, and logged unless it is `false`."""
    value = text(name, "false", environ).lower()
    if value not in ("true", "false"):
        _log.warning("%s=%r is neither true nor false; false is used", name, value)
    return value == "true"


def number(name: str, default: int, environ: Mapping[str, str] | None = None) -> int:
    """A non-negative integer, or `default`."""
    limit = limit_or(name, default, environ)
    return default if limit is None else limit


def limit_or(name: str, default: int | None, environ: Mapping[str, str] | None = None) -> int | None:
    """A non-negative integer, or `default`, where `None` stands for no limit."""
    value = text(name, "", environ)
    if not value:
        return default
    try:
        result = int(value)
        if result < 0:
            raise ValueError
    except ValueError:
        _log.warning("%s=%r is not a non-negative integer; %s is used", name, value, default)
        return default
    return result


def milliseconds(name: str, default: int, environ: Mapping[str, str] | None = None) -> float:
    """A duration given in milliseconds, in seconds."""
    return number(name, default, environ) / 1000


def names(name: str, default: str, environ: Mapping[str, str] | None = None) -> list[str]:
    """A comma-separated list of lower-case names, without duplicates."""
    return list(
        dict.fromkeys(
            item.strip().lower() for item in text(name, default, environ).split(",") if item.strip()
        )
    )
