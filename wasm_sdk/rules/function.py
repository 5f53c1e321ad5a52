"""What a function of the rule language is: a name, parameters, a result, and what it does."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from wasm_sdk.rules.values import RuleValue

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

    from wasm_sdk.rules.coerce import Takes
    from wasm_sdk.rules.kinds import Kind
    from wasm_sdk.rules.tree import Path

    Judge = Callable[..., RuleValue]
    # Arguments that stand as literals in the rule, by parameter.
    Literals = Mapping[str, RuleValue]


@dataclass(frozen=True, slots=True)
class Parameter:
    name: str
    takes: Takes
    optional: bool = False


@dataclass(frozen=True, slots=True)
class Function:
    """A converter.

    Attributes:
        parameters: optional ones last.
        result: the kinds it may give.
        prepare: from the literal arguments to what runs for each item; that gets the values of the `reads`
        paths,
            then the arguments that are no literal parameters. Raises RuleTypeError for literals it refuses.
        reads: the paths that it reads by itself, per context of the rule; None where it has nothing to read.
    """

    name: str
    parameters: tuple[Parameter, ...]
    result: Kind
    prepare: Callable[[Literals], Judge]
    reads: Callable[[str], tuple[Path, ...] | None] = lambda _: ()


def plain(judge: Judge) -> Callable[[Literals], Judge]:
    return lambda _: judge
