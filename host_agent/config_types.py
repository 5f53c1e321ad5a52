"""What the sections of the configuration file are made of."""

import re
from typing import Annotated, Any

from pydantic import BaseModel, BeforeValidator, ConfigDict, Field, model_validator

Key = tuple[str | int, ...]
"""Where a value stands in the file: `("pipeline", "routes", 0, "to")`."""
MIB = 1 << 20
GIB = 1 << 30
_SIZE = re.compile(r"(\d+(?:\.\d+)?)\s*([kmgt]i?)?b?", re.IGNORECASE)
_UNITS = {"": 1, "k": 10**3, "m": 10**6, "g": 10**9, "t": 10**12} | {
    f"{letter}i": 1 << (10 * power) for power, letter in enumerate("kmgt", start=1)
}


def dotted(key: Key) -> str:
    """A key as people write it: `http.cors.allowed_origins[0]`."""
    text = ""
    for part in key:
        text += f"[{part}]" if isinstance(part, int) else f".{part}" if text else part
    return text


def parse_bytes(value: Any) -> Any:
    """`67108864`, `64MiB`, `1.5 GB`: bytes. Raises ValueError for other text."""
    if not isinstance(value, str):
        return value
    match = _SIZE.fullmatch(value.strip())
    if match is None:
        raise ValueError(f"{value[:40]!r} is no size; write bytes, or as in 64MiB, 1.5GB")
    return int(float(match[1]) * _UNITS[(match[2] or "").lower()])


Size = Annotated[int, BeforeValidator(parse_bytes), Field(ge=0)]


class Section(BaseModel):
    """A mapping in the file: unknown keys are errors, values do not change."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    @model_validator(mode="before")
    @classmethod
    def _empty(cls, value: Any) -> Any:
        """`http:` with nothing below it is an empty section, as when all of its keys are commented out."""
        return {} if value is None else value
