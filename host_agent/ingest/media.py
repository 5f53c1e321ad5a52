"""The media types of OTLP/HTTP."""

from enum import Enum

from host_agent.ingest.refusal import Reason, Refusal


class Media(Enum):
    """What a body is in; an answer is in the same."""

    PROTOBUF = "application/x-protobuf"
    JSON = "application/json"


def media_of(content_type: str, *, from_page: bool) -> Media:
    """The medium that a Content-Type header names.

    Args:
        from_page: The request carries an allowed Origin. Then `text/plain` is OTLP/JSON: a beacon that is
            sent while a page goes away cannot wait for the preflight that `application/json` needs.

    Raises:
        Refusal: UNSUPPORTED.
    """
    name = content_type.split(";", 1)[0].strip().lower()
    if name in ("application/x-protobuf", "application/protobuf"):
        return Media.PROTOBUF
    if name == "application/json" or (name == "text/plain" and from_page):
        return Media.JSON
    hint = "text/plain is taken from pages of allowed origins only" if name == "text/plain" else ""
    raise Refusal(
        Reason.UNSUPPORTED,
        f"Content-Type {content_type[:80]!a}: use application/x-protobuf or application/json"
        + (f" ({hint})" if hint else ""),
    )
