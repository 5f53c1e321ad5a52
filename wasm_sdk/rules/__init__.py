"""Rules: the conditions of OTTL, the collector's language, over OTLP.

`attributes["http.response.status_code"] >= 500 and IsMatch(name, "^/api/")` parses to one predicate tree,
which has a JSON form and judges decoded items and encoded spans alike, in CPython and in WebAssembly.
"""

from wasm_sdk.rules.condition import Condition
from wasm_sdk.rules.decoded import Item
from wasm_sdk.rules.errors import EvaluationError, RuleError, RuleSyntaxError, RuleTypeError

__all__ = ["Condition", "EvaluationError", "Item", "RuleError", "RuleSyntaxError", "RuleTypeError"]
