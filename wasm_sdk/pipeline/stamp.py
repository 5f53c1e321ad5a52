"""Attributes that a resource leaves with, whatever it came with: the tenant above all."""

from collections.abc import Mapping

from wasm_sdk.otlp.fields import fields, length_prefixed, partition

_RESOURCE, _ATTRIBUTES, _KEY = 1, 1, 0x0A
_KEY_NUMBER, _VALUE_NUMBER, _STRING_NUMBER = 1, 2, 1
_REMEMBERED = 1024


class ResourceStamp:
    """Overwrites resource attributes; what it made of a resource is remembered.

    Args:
        attributes: keys and the strings that they get.
    """

    def __init__(self, attributes: Mapping[str, str]) -> None:
        self._keys = {key.encode() for key in attributes}
        self._content = b"".join(
            length_prefixed(_ATTRIBUTES, _attribute(key, value)) for key, value in attributes.items()
        )
        self._known: dict[bytes, bytes] = {}

    def __call__(self, frame: bytes) -> bytes:
        """The fields of ResourceSpans (ResourceLogs, ResourceMetrics) around the scopes, stamped.

        Raises:
            MalformedOTLP: `frame` is no such message.
        """
        known = self._known.get(frame)
        if known is None:
            if len(self._known) >= _REMEMBERED:
                self._known.clear()
            known = self._known[frame] = self._stamped(frame)
        return known

    def _stamped(self, frame: bytes) -> bytes:
        around, resources = partition(frame, _RESOURCE)
        # A message that is there twice means its parts together.
        others, attributes = partition(b"".join(resources), _ATTRIBUTES)
        kept = [each for each in attributes if _key(each) not in self._keys]
        content = b"".join(length_prefixed(_ATTRIBUTES, each) for each in kept) + self._content + others
        return length_prefixed(_RESOURCE, content) + around


def _attribute(key: str, value: str) -> bytes:
    text = length_prefixed(_STRING_NUMBER, value.encode())
    return length_prefixed(_KEY_NUMBER, key.encode()) + length_prefixed(_VALUE_NUMBER, text)


def _key(attribute: bytes) -> bytes:
    found = b""
    for tag, value in fields(attribute):
        if tag == _KEY:
            found = value
    return found
