"""The sampler that `OTEL_TRACES_SAMPLER` and `OTEL_TRACES_SAMPLER_ARG` ask for."""

import logging
from collections.abc import Mapping

from wasm_sdk.sdk import environ as variables
from wasm_sdk.sdk.trace.sampler import ALWAYS_OFF, ALWAYS_ON, ParentBased, Sampler, TraceIdRatioBased

_log = logging.getLogger(__name__)

DEFAULT = "parentbased_always_on"


def sampler_from_environ(environ: Mapping[str, str] | None = None) -> Sampler:
    """The configured sampler; what is unknown is logged and gives `parentbased_always_on`."""
    name = variables.text("OTEL_TRACES_SAMPLER", DEFAULT, environ).lower()
    prefix, _, root = name.rpartition("parentbased_")
    samplers = {
        "always_on": lambda: ALWAYS_ON,
        "always_off": lambda: ALWAYS_OFF,
        "traceidratio": lambda: _ratio(environ),
    }
    if root not in samplers or prefix:
        _log.warning("OTEL_TRACES_SAMPLER=%r is not supported; %s is used", name, DEFAULT)
        name, root = DEFAULT, "always_on"
    sampler = samplers[root]()
    return ParentBased(sampler) if name.startswith("parentbased_") else sampler


def _ratio(environ: Mapping[str, str] | None) -> Sampler:
    text = variables.text("OTEL_TRACES_SAMPLER_ARG", "1.0", environ)
    try:
        return TraceIdRatioBased(float(text))
    except ValueError:
        _log.warning("OTEL_TRACES_SAMPLER_ARG=%r is not a ratio between 0 and 1; 1.0 is used", text)
        return TraceIdRatioBased(1.0)
