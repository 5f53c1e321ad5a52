"""The one exception that bytes or text from outside can cause here."""


class MalformedOTLP(ValueError):  # noqa: N818 - named after what it reports, as the specification puts it
    """A payload is not what OTLP says. Decoder, scanner and JSON reader raise this and nothing else.

    Attributes:
        reason: what is wrong, as a phrase ("length runs past the end of its message").
        where: "byte 17" (an offset into the payload) for protobuf, a path such as
            "resourceSpans[0].scopeSpans[1].spans[3].traceId" or "line 3 column 9" for JSON.
    """

    def __init__(self, reason: str, where: str) -> None:
        super().__init__(f"{reason} (at {where})")
        self.reason = reason
        self.where = where

    def __reduce__(self) -> tuple[type["MalformedOTLP"], tuple[str, str]]:
        return type(self), (self.reason, self.where)


def malformed_at(reason: str, position: int) -> MalformedOTLP:
    """The exception for a fault at a byte offset."""
    return MalformedOTLP(reason, f"byte {position}")
