"""OTLP/JSON to protobuf and back, for the door (everything behind it is protobuf) and for JSON
destinations.
"""

from wasm_sdk.otlp.from_json import decode_json
from wasm_sdk.otlp.from_protobuf import decode
from wasm_sdk.otlp.signal import Signal
from wasm_sdk.otlp.to_json import encode_json
from wasm_sdk.otlp.to_protobuf import encode


def json_to_protobuf(signal: Signal, body: bytes) -> bytes:
    """An OTLP/JSON export request in protobuf. Raises MalformedOTLP with a path, or line and column."""
    return encode(signal, decode_json(signal, body))


def protobuf_to_json(signal: Signal, data: bytes) -> bytes:
    """A protobuf export request in OTLP/JSON. Raises MalformedOTLP with a byte.

    Fields of later protocol versions have no JSON form here and are left out.
    """
    return encode_json(signal, decode(signal, data)).encode()
