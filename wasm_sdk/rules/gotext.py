"""Values as text and text as values, the way Go writes and reads them (strconv, encoding/json,
iancoleman/strcase).
"""

from __future__ import annotations

import base64
import json
import math
import re
from datetime import UTC, datetime, timedelta

from wasm_sdk.rules.errors import EvaluationError
from wasm_sdk.rules.tree import INT_MAX, INT_MIN
from wasm_sdk.rules.values import (
    Duration,
    RuleValue,
    SpanID,
    Time,
    TraceID,
    as_dict,
    describe,
    encode,
    is_list,
    is_map,
    items_of,
)

_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
_ESCAPED = {"<": r"\u003c", ">": r"\u003e", "&": r"\u0026", "\u2028": r"\u2028", "\u2029": r"\u2029"}
_TO_ESCAPE = re.compile("[<>&\u2028\u2029]")


def string_like(value: RuleValue) -> str | None:
    """A value as OTTL's StringLikeGetter gives it; nil stays nil."""
    if value is None or type(value) is str:
        return value
    if type(value) is bytes:
        return value.hex()
    return to_json(value)


def as_string(value: RuleValue) -> str:
    """A value as pdata's `Value.AsString` gives it: bytes as base64, nil as the empty string."""
    if value is None:
        return ""
    if type(value) is bytes:
        return base64.b64encode(value).decode()
    return value if type(value) is str else to_json(value, 1)


def to_json(value: RuleValue, exponent_digits: int = 2) -> str:
    """A value as Go's encoding/json writes it: keys sorted, `<>&` escaped, bytes as base64.

    A negative exponent has at least `exponent_digits`: 2 in what OTTL writes (goccy/go-json), 1 in what pdata
    writes (encoding/json).

    Raises:
        EvaluationError: for a double that JSON cannot say (NaN, infinities).
    """
    if value is None:
        return "null"
    if isinstance(value, bool):
        return "true" if value else "false"
    if isinstance(value, int):
        return str(value)
    if isinstance(value, float):
        return double_text(value, exponent_digits)
    if isinstance(value, str):
        readable = encode(value).decode("utf-8", "replace")
        return _TO_ESCAPE.sub(lambda m: _ESCAPED[m.group()], json.dumps(readable, ensure_ascii=False))
    if isinstance(value, TraceID | SpanID):
        return "[" + ",".join(map(str, value)) + "]"
    if isinstance(value, bytes):
        return '"' + base64.b64encode(value).decode() + '"'
    if isinstance(value, Time):
        return f'"{rfc3339(value)}"'
    if isinstance(value, Duration):
        return str(value.nanoseconds)
    if is_map(value):
        entries = sorted(as_dict(value).items(), key=lambda entry: encode(entry[0]))
        return "{" + ",".join(f"{to_json(k)}:{to_json(v, exponent_digits)}" for k, v in entries) + "}"
    if is_list(value):
        return "[" + ",".join(to_json(item, exponent_digits) for item in items_of(value)) + "]"
    raise EvaluationError(f"{describe(value)} has no text")


def double_text(value: float, exponent_digits: int = 2) -> str:
    """The shortest digits that give the double back, with an exponent below 1e-6 and from 1e21 on."""
    if not math.isfinite(value):
        raise EvaluationError(f"{value} has no text")
    digits = repr(value)
    mantissa, _, exponent = digits.partition("e")
    if value == 0 or 1e-6 <= abs(value) < 1e21:
        if exponent:
            digits = f"{value:.{max(0, len(mantissa.replace('.', '').lstrip('-')) - 1 - int(exponent))}f}"
        return digits.removesuffix(".0")
    if not exponent:  # 0.0000001 is written with an exponent by Python already; 1e16 to 1e21 are above
        return digits
    width = 3 if int(exponent) > 0 else 1 + exponent_digits
    return f"{mantissa}e{int(exponent):+0{width}d}"


def rfc3339(time: Time) -> str:
    """The moment as RFC 3339 with as many digits of the second as it needs."""
    seconds, nanos = divmod(time.unix_nano, 1_000_000_000)
    local = _EPOCH + timedelta(seconds=seconds + time.offset)
    fraction = f".{nanos:09d}".rstrip("0") if nanos else ""
    if time.offset == 0:
        zone = "Z"
    else:
        hours, minutes = divmod(abs(time.offset) // 60, 60)
        zone = f"{'+' if time.offset > 0 else '-'}{hours:02d}:{minutes:02d}"
    return f"{local:%Y-%m-%dT%H:%M:%S}{fraction}{zone}"


_INT = re.compile(r"[+-]?[0-9]+\Z")
_HEX_FLOAT = re.compile(r"[+-]?0[xX](?=[0-9a-fA-F._])[0-9a-fA-F_]*\.?[0-9a-fA-F_]*[pP][+-]?[0-9]+\Z")
_FLOAT = re.compile(r"[+-]?(?:[0-9_]+\.?[0-9_]*|\.[0-9_]+)(?:[eE][+-]?[0-9_]+)?\Z")
# An underscore stands between digits, or between the 0x and a digit.
_LONE_UNDERSCORE = re.compile(r"(?<![0-9a-fA-FxX])_|_(?![0-9a-fA-F])")
_SPECIAL = {"inf": math.inf, "infinity": math.inf, "nan": math.nan}


def parse_int(text: str) -> int:
    """A decimal int of 64 bits (strconv.ParseInt, base 10)."""
    if _INT.match(text) and len(text.lstrip("+-0")) < 20 and INT_MIN <= int(text) <= INT_MAX:
        return int(text)
    raise EvaluationError(f"{text[:80]!r} is not an int of 64 bits")


def parse_double(text: str) -> float:
    """A double (strconv.ParseFloat): decimal, hexadecimal with exponent, inf, nan."""
    sign, word = (-1.0, text[1:]) if text[:1] == "-" else (1.0, text.removeprefix("+"))
    if word.lower() in _SPECIAL and text.isascii():
        return sign * _SPECIAL[word.lower()]
    if _LONE_UNDERSCORE.search(text):
        raise EvaluationError(f"{text[:80]!r} is not a double")
    if _FLOAT.match(text):
        number = float(text.replace("_", ""))
    elif _HEX_FLOAT.match(text):
        try:
            number = float.fromhex(text.replace("_", ""))
        except (ValueError, OverflowError):
            number = math.inf
    else:
        raise EvaluationError(f"{text[:80]!r} is not a double")
    if math.isinf(number):
        raise EvaluationError(f"{text[:80]!r} is too large for a double")
    return number


def truncate_double(value: float) -> int:
    """A double without its fraction; one that no int of 64 bits holds is refused (Go leaves that case
    open).
    """
    if math.isfinite(value) and INT_MIN <= value < -float(INT_MIN):
        return int(value)
    raise EvaluationError(f"{value} does not fit an int of 64 bits")


_SPACES = "\t\n\v\f\r \x85\xa0\u1680\u2028\u2029\u202f\u205f\u3000" + "".join(map(chr, range(0x2000, 0x200B)))


def _trim(text: str) -> bytes:
    return encode(text.strip(_SPACES))


def snake_case(text: str) -> str:
    """`someName` to `some_name`, digits apart: `http2Server` to `http_2_server`."""
    source = _trim(text)
    out = bytearray()
    for i, byte in enumerate(source):
        following = source[i + 1] if i + 1 < len(source) else 0
        upper, lower, digit = _is_upper(byte), _is_lower(byte), _is_digit(byte)
        next_upper, next_lower, next_digit = _is_upper(following), _is_lower(following), _is_digit(following)
        small = byte + 32 if upper else byte
        changes = (
            (upper and (next_lower or next_digit))
            or (lower and (next_upper or next_digit))
            or (digit and (next_upper or next_lower))
        )
        if changes:
            if upper and next_lower and i > 0 and _is_upper(source[i - 1]):
                out += b"_"
            out.append(small)
            if lower or digit or next_digit:
                out += b"_"
        else:
            out.append(ord("_") if byte in b" _-." else small)
    return out.decode("utf-8", "surrogateescape")


def lower_case(text: str) -> str:
    """Each character by itself to lower case, as Go does; one that would become several stays."""
    if text.isascii():
        return text.lower()
    return "".join("i" if c == "İ" else small if len(small := c.lower()) == 1 else c for c in text)


def upper_case(text: str) -> str:
    """Each character by itself to upper case, as Go does; one that would become several stays."""
    if text.isascii():
        return text.upper()
    return "".join(large if len(large := c.upper()) == 1 else c for c in text)


def camel_case(text: str) -> str:
    """`some_name` to `SomeName`."""
    out = bytearray()
    capital, previous_upper = True, False
    for byte in _trim(text):
        upper, lower = _is_upper(byte), _is_lower(byte)
        if capital and lower:
            out.append(byte - 32)
        elif not capital and previous_upper and upper:
            out.append(byte + 32)
        elif upper or lower or _is_digit(byte):
            out.append(byte)
        previous_upper = upper
        capital = _is_digit(byte) or (not (upper or lower) and byte in b"_ -.")
    return out.decode("utf-8", "surrogateescape")


def _is_upper(byte: int) -> bool:
    return 65 <= byte <= 90


def _is_lower(byte: int) -> bool:
    return 97 <= byte <= 122


def _is_digit(byte: int) -> bool:
    return 48 <= byte <= 57
