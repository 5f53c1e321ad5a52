"""Why a request is not accepted, in the words of both protocols."""

from enum import Enum


class Reason(Enum):
    """A kind of refusal: HTTP status and gRPC code (OTLP specification, "Failures" and "Throttling")."""

    MALFORMED = (400, 3)
    FORBIDDEN_ORIGIN = (403, 7)
    NOT_FOUND = (404, 12)
    METHOD = (405, 12)
    TOO_SLOW = (408, 4)
    TOO_LARGE = (413, 8)
    UNSUPPORTED = (415, 3)
    BUSY = (429, 8)
    UNAVAILABLE = (503, 14)

    @property
    def http_status(self) -> int:
        return self.value[0]

    @property
    def grpc_code(self) -> int:
        return self.value[1]


class Refusal(Exception):  # noqa: N818 - an answer, not a fault
    """The request is not accepted and nothing of it was kept.

    Attributes:
        reason: Its kind.
        message: What was wrong, where, and what to do.
        retry_after: Seconds after which the same request may succeed; None: never, as it is.
    """

    def __init__(self, reason: Reason, message: str, retry_after: float | None = None) -> None:
        super().__init__(message)
        self.reason = reason
        self.message = message
        self.retry_after = retry_after
