"""The Content-Encoding of a request: which are understood, and undoing them within the bound."""

from host_agent.ingest.refusal import Reason, Refusal
from host_agent.intake.encoding import BodyTooLargeError, Encoding, NotGzipError, decompress

_ENCODINGS = {
    "": Encoding.IDENTITY,
    "identity": Encoding.IDENTITY,
    "gzip": Encoding.GZIP,
    "x-gzip": Encoding.GZIP,
}


def content_encoding(value: str) -> Encoding:
    """The encoding that a Content-Encoding header names. Raises Refusal: UNSUPPORTED."""
    encoding = _ENCODINGS.get(value.strip().lower())
    if encoding is None:
        raise Refusal(Reason.UNSUPPORTED, f"Content-Encoding {value[:60]!a}: use gzip or none")
    return encoding


def decoded(body: bytes, encoding: Encoding, limit: int) -> bytes:
    """The request, decompressed.

    Raises:
        Refusal: TOO_LARGE beyond `limit` bytes, MALFORMED when it is not what it claims to be.
    """
    try:
        return decompress(body, encoding, limit)
    except BodyTooLargeError as error:
        raise Refusal(
            Reason.TOO_LARGE,
            f"the request has {error} (http.max_body_bytes); send smaller batches",
        ) from None
    except NotGzipError as error:
        raise Refusal(Reason.MALFORMED, f"Content-Encoding is gzip, but {error}") from None
