"""The version that the SDK reports in User-Agent and `telemetry.sdk.version`; pyproject.toml has the same."""

VERSION = "0.1.0"
