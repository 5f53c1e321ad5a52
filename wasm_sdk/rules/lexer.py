"""Text of a rule to tokens.

The tokens are those of OTTL (opentelemetry-collector-contrib, pkg/ottl, v0.163), with words read whole so
that a message can name them.
"""

from __future__ import annotations

import re
from dataclasses import dataclass

from wasm_sdk.rules.errors import RuleSyntaxError
from wasm_sdk.rules.tree import INT_MAX

WORDS = {"and", "or", "not", "true", "false", "nil"}

_TOKEN = re.compile(
    r"""
    (?P<space>[ \t\r\n\f\v]+)
  | (?P<bytes>0x[0-9a-fA-F]*)
  | (?P<double>(?:[0-9]+\.[0-9]*|\.[0-9]+)(?:[eE][-+]?[0-9]+)?)
  | (?P<int>[0-9]+)
  | (?P<string>"(?:\\.|[^\\"])*")
  | (?P<name>[A-Za-z_][A-Za-z0-9_]*)
  | (?P<op>==|!=|>=|<=|=>|[<>=+\-*/()\[\]{},.:])
    """,
    re.VERBOSE | re.DOTALL,
)

_ESCAPE = re.compile(
    r"\\(?:([abfnrtv\\\"])|x([0-9a-fA-F]{2})|u([0-9a-fA-F]{4})|U([0-9a-fA-F]{8})|([0-7]{3})|(.))", re.DOTALL
)
_SIMPLE = {
    "a": "\a", "b": "\b", "f": "\f", "n": "\n", "r": "\r", "t": "\t", "v": "\v", "\\": "\\", '"': '"',
}  # fmt: skip

_INSTEAD = {
    "'": 'strings stand in double quotes: "like this"',
    "&": "write and",
    "|": "write or",
    "!": "write not (or != between two values)",
    "~": 'a regular expression is a function: IsMatch(name, "pattern")',
}


@dataclass(frozen=True, slots=True)
class Token:
    """`kind` is the token itself for operators and words, else bytes, double, int, string, name or end."""

    kind: str
    text: str
    at: int
    value: int | float | str | bytes | None = None

    def describe(self) -> str:
        return "the end of the rule" if self.kind == "end" else self.text


def tokenize(source: str) -> list[Token]:
    """All tokens of a rule, the last of kind "end".

    Raises:
        RuleSyntaxError: at a character that starts no token, or a literal that is out of range.
    """
    tokens: list[Token] = []
    at = 0
    while at < len(source):
        match = _TOKEN.match(source, at)
        if match is None:
            if source[at] == '"':
                raise RuleSyntaxError("this string is not closed", source, at, 'end it with "')
            hint = _INSTEAD.get(source[at], "")
            raise RuleSyntaxError(f"unexpected character {source[at]!r}", source, at, hint)
        kind = match.lastgroup or ""
        text = match.group()
        if kind != "space":
            tokens.append(_token(kind, text, source, at))
        at = match.end()
    tokens.append(Token("end", "", len(source)))
    return tokens


def _token(kind: str, text: str, source: str, at: int) -> Token:
    if kind == "name":
        return Token(text if text in WORDS else "name", text, at)
    if kind == "op":
        return Token(text, text, at)
    if kind == "string":
        return Token(kind, text, at, unquote(text, source, at))
    if kind == "bytes":
        if len(text) < 4 or len(text) % 2:
            hint = "bytes are pairs of hexadecimal digits: 0x0aff"
            raise RuleSyntaxError("bytes need two digits for each byte", source, at, hint)
        return Token(kind, text, at, bytes.fromhex(text[2:]))
    if kind == "double":
        value = float(text)
        if value == float("inf"):
            raise RuleSyntaxError("this number is too large for a double", source, at)
        return Token(kind, text, at, value)
    # Python reads no number of more than 4,300 digits; 9223372036854775808 may follow a minus sign.
    if len(text.lstrip("0")) > 19 or int(text) > INT_MAX + 1:
        raise RuleSyntaxError("this number is too large for a 64-bit int", source, at)
    return Token(kind, text, at, int(text))


def unquote(text: str, source: str, at: int) -> str:
    r"""The content of a double-quoted string, with Go's escapes (`\n`, `\xhh`, `\uhhhh`, `\ooo`, ...).

    Bytes that are not UTF-8, which `\xff` can make, are kept as surrogates (`surrogateescape`).
    """
    body = text[1:-1]
    try:
        body.encode("utf-8", "surrogateescape")
    except UnicodeEncodeError as error:
        raise RuleSyntaxError(
            "half of a surrogate pair is not a character", source, at + 1 + error.start
        ) from None
    newline = body.find("\n")
    if newline >= 0:
        raise RuleSyntaxError("a string ends on the line it starts on", source, at + 1 + newline, r"write \n")
    if "\\" not in body:
        return body
    raw = bytearray()
    end = 0
    for match in _ESCAPE.finditer(body):
        raw += body[end : match.start()].encode("utf-8", "surrogateescape")
        end = match.end()
        raw += _escaped(match, source, at + 1 + match.start())
    raw += body[end:].encode("utf-8", "surrogateescape")
    return raw.decode("utf-8", "surrogateescape")


def _escaped(match: re.Match[str], source: str, at: int) -> bytes:
    simple, byte, short, long, octal, other = match.groups()
    if simple:
        return _SIMPLE[simple].encode()
    if byte:
        return bytes((int(byte, 16),))
    if octal and int(octal, 8) < 256:
        return bytes((int(octal, 8),))
    code = int(short or long or "110000", 16)
    if code < 0x110000 and not 0xD800 <= code < 0xE000:
        return chr(code).encode()
    hint = rf'in a string a backslash is written twice: "\\{other}"' if other else ""
    raise RuleSyntaxError(f"{match.group()} is not an escape that strings know", source, at, hint)
