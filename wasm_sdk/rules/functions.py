"""The functions that conditions may call: what they take, what they give, and what they do.

Names, parameters and results are OTTL's (opentelemetry-collector-contrib, pkg/ottl/ottlfuncs, v0.163).
`Probability` and `Within` are ours.
"""

from __future__ import annotations

import hashlib
from typing import TYPE_CHECKING

from wasm_sdk.rules import coerce
from wasm_sdk.rules.errors import EvaluationError, RuleTypeError
from wasm_sdk.rules.function import Function, Parameter, plain
from wasm_sdk.rules.gotext import camel_case, lower_case, snake_case, upper_case
from wasm_sdk.rules.kinds import Kind
from wasm_sdk.rules.paths import VISIBLE
from wasm_sdk.rules.patterns import dynamic_search, search
from wasm_sdk.rules.probability import randomness, rejection_threshold
from wasm_sdk.rules.time_functions import TIME_FUNCTIONS
from wasm_sdk.rules.tree import Path
from wasm_sdk.rules.values import (
    Messages,
    RuleValue,
    SpanID,
    TraceID,
    compare,
    decode,
    describe,
    encode,
    is_list,
    is_map,
    items_of,
)
from wasm_sdk.rules.windows import window

if TYPE_CHECKING:
    from collections.abc import Callable

    from wasm_sdk.rules.function import Judge, Literals


def _is(kind: type) -> Judge:
    return lambda value: type(value) is kind


def _prepare_is_match(literals: Literals) -> Judge:
    if "pattern" not in literals:
        return lambda target, pattern: target is not None and dynamic_search(pattern)(target)
    matches = search(literals["pattern"])
    return lambda target, _: target is not None and matches(target)


def _len(value: RuleValue) -> int:
    if type(value) is str:
        return len(encode(value))
    if type(value) is bytes or is_list(value) or is_map(value):
        return len(value)
    if type(value) is Messages:
        return value.length
    raise EvaluationError(f"{describe(value)} has no length")


def _concat(values: list[str | None], delimiter: str) -> str:
    return delimiter.join("<nil>" if value is None else value for value in values)


def _split(text: str, delimiter: str) -> list[RuleValue]:
    return list(text.split(delimiter)) if delimiter else list(text)


def _is_empty(value: RuleValue) -> bool:
    if type(value) is Messages:
        return value.length == 0
    return not (any(value) if type(value) in (TraceID, SpanID) else value)


def _contains(values: RuleValue, wanted: RuleValue) -> bool:
    if not is_list(values):
        raise EvaluationError(f"expected a list, got {describe(values)}")
    return any(compare("==", value, wanted) for value in items_of(values))


def _prepare_trim(literals: Literals) -> Judge:
    characters = literals.get("replacement", " ")
    return lambda text: text.strip(characters) if characters else text


def _prepare_substring(literals: Literals) -> Judge:
    whole_characters = literals.get("utf8_safe", False)

    def substring(target: str, start: int, length: int) -> str:
        data = encode(target)
        if start < 0 or length <= 0 or start + length > len(data):
            raise EvaluationError(
                f"no substring of {length} bytes from byte {start} in a string of {len(data)}"
            )
        end = start + length
        if whole_characters:
            while start < len(data) and data[start] & 0xC0 == 0x80:
                start += 1
            while start < end < len(data) and data[end] & 0xC0 == 0x80:
                end -= 1
        return decode(data[start : max(start, end)])

    return substring


_CASES: dict[str, Callable[[str], str]] = {
    "lower": lower_case, "upper": upper_case, "snake": snake_case, "camel": camel_case,
}  # fmt: skip


def _prepare_convert_case(literals: Literals) -> Judge:
    case = literals["to_case"]
    if case not in _CASES:
        raise RuleTypeError(f"{case!r} is not a case", hint=f"cases are {', '.join(_CASES)}")
    return _CASES[case]


def _prepare_id(kind: type[TraceID] | type[SpanID], size: int) -> Callable[[Literals], Judge]:
    def to_id(value: bytes) -> RuleValue:
        if len(value) == size:
            return kind(value)
        if len(value) == 2 * size:
            try:
                return kind(bytes.fromhex(value.decode("ascii")))
            except ValueError:
                pass
        raise EvaluationError(f"{value!r} is not {size} bytes or {2 * size} hexadecimal digits")

    def prepare(literals: Literals) -> Judge:
        if "target" in literals:
            try:
                to_id(coerce.BYTES_LIKE.convert(literals["target"]))
            except EvaluationError as error:
                raise RuleTypeError(str(error)) from None
        return to_id

    return prepare


def _prepare_probability(literals: Literals) -> Judge:
    try:
        threshold = rejection_threshold(float(literals["rate"]))
    except ValueError as error:
        raise RuleTypeError(str(error), hint="Probability(0.1) holds for one trace in ten") from None
    return lambda trace_id, trace_state="": randomness(trace_id, trace_state) >= threshold


def _prepare_within(literals: Literals) -> Judge:
    holds = window(literals["start"], literals["end"], literals.get("timezone", "UTC"))
    # A log record may have been timed by its collector only.
    return lambda time, observed=None: holds(
        (time if time.unix_nano or observed is None else observed).unix_nano
    )


def _random_paths(context: str) -> tuple[Path, ...] | None:
    if "span" in VISIBLE[context]:
        return Path("span", ("trace_id",)), Path("span", ("trace_state",))
    return (Path("log", ("trace_id",)),) if context == "log" else None


_TIMES = {
    "span": (Path("span", ("start_time",)),),
    "spanevent": (Path("spanevent", ("time",)),),
    "datapoint": (Path("datapoint", ("time",)),),
    "log": (Path("log", ("time",)), Path("log", ("observed_time",))),
}

_TARGET = "target"
_STRING = (Parameter(_TARGET, coerce.STRING),)
_VALUE = (Parameter(_TARGET, coerce.ANY),)
_MAYBE = Kind.NIL

FUNCTIONS: dict[str, Function] = {
    f.name: f
    for f in (
        Function(
            "IsMatch",
            (Parameter(_TARGET, coerce.STRING_LIKE), Parameter("pattern", coerce.STRING)),
            Kind.BOOL,
            _prepare_is_match,
        ),
        Function(
            "HasPrefix", (*_STRING, Parameter("prefix", coerce.STRING)), Kind.BOOL, plain(str.startswith)
        ),
        Function("HasSuffix", (*_STRING, Parameter("suffix", coerce.STRING)), Kind.BOOL, plain(str.endswith)),
        Function("IsString", _VALUE, Kind.BOOL, plain(_is(str))),
        Function("IsInt", _VALUE, Kind.BOOL, plain(_is(int))),
        Function("IsDouble", _VALUE, Kind.BOOL, plain(_is(float))),
        Function("IsBool", _VALUE, Kind.BOOL, plain(_is(bool))),
        Function("IsMap", _VALUE, Kind.BOOL, plain(is_map)),
        Function(
            "IsList", _VALUE, Kind.BOOL, plain(lambda v: v.listed if type(v) is Messages else is_list(v))
        ),
        Function(
            "IsRootSpan",
            (),
            Kind.BOOL,
            plain(lambda parent: not any(parent)),
            lambda context: (Path("span", ("parent_span_id",)),) if "span" in VISIBLE[context] else None,
        ),
        Function("IsEmpty", _VALUE, Kind.BOOL, plain(_is_empty)),
        Function("ContainsValue", (*_VALUE, Parameter("item", coerce.ANY)), Kind.BOOL, plain(_contains)),
        Function("Bool", (Parameter(_TARGET, coerce.BOOL_LIKE),), Kind.BOOL | _MAYBE, plain(lambda v: v)),
        Function("Split", (*_STRING, Parameter("delimiter", coerce.STRING)), Kind.LIST, plain(_split)),
        Function("ToLowerCase", _STRING, Kind.STRING, plain(lower_case)),
        Function("ToUpperCase", _STRING, Kind.STRING, plain(upper_case)),
        Function(
            "Trim",
            (*_STRING, Parameter("replacement", coerce.TEXT, optional=True)),
            Kind.STRING,
            _prepare_trim,
        ),
        Function(
            "TrimPrefix", (*_STRING, Parameter("prefix", coerce.STRING)), Kind.STRING, plain(str.removeprefix)
        ),
        Function(
            "TrimSuffix", (*_STRING, Parameter("suffix", coerce.STRING)), Kind.STRING, plain(str.removesuffix)
        ),
        Function("Len", _VALUE, Kind.INT, plain(_len)),
        Function("Int", (Parameter(_TARGET, coerce.INT_LIKE),), Kind.INT | _MAYBE, plain(lambda v: v)),
        Function(
            "Double", (Parameter(_TARGET, coerce.DOUBLE_LIKE),), Kind.DOUBLE | _MAYBE, plain(lambda v: v)
        ),
        Function(
            "String", (Parameter(_TARGET, coerce.STRING_LIKE),), Kind.STRING | _MAYBE, plain(lambda v: v)
        ),
        Function(
            "Concat",
            (Parameter("vals", coerce.STRINGS), Parameter("delimiter", coerce.STRING)),
            Kind.STRING,
            plain(_concat),
        ),
        Function(
            "Substring",
            (
                *_STRING,
                Parameter("start", coerce.INT),
                Parameter("length", coerce.INT),
                Parameter("utf8_safe", coerce.FLAG, optional=True),
            ),
            Kind.STRING,
            _prepare_substring,
        ),
        Function(
            "ConvertCase", (*_STRING, Parameter("to_case", coerce.TEXT)), Kind.STRING, _prepare_convert_case
        ),
        Function(
            "TraceID", (Parameter(_TARGET, coerce.BYTES_LIKE),), Kind.TRACE_ID, _prepare_id(TraceID, 16)
        ),
        Function("SpanID", (Parameter(_TARGET, coerce.BYTES_LIKE),), Kind.SPAN_ID, _prepare_id(SpanID, 8)),
        Function(
            "SHA256", _STRING, Kind.STRING, plain(lambda text: hashlib.sha256(encode(text)).hexdigest())
        ),
        Function(
            "Probability", (Parameter("rate", coerce.NUMBER),), Kind.BOOL, _prepare_probability, _random_paths
        ),
        Function(
            "Within",
            (
                Parameter("start", coerce.TEXT),
                Parameter("end", coerce.TEXT),
                Parameter("timezone", coerce.TEXT, optional=True),
            ),
            Kind.BOOL,
            _prepare_within,
            _TIMES.get,
        ),
        *TIME_FUNCTIONS,
    )
}
