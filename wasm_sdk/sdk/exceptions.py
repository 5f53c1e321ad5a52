"""An exception as attributes, by the semantic conventions for exceptions."""

import traceback


def exception_attributes(exception: BaseException) -> dict[str, str]:
    """`exception.type`, `exception.message` and `exception.stacktrace`.

    `exception.escaped` is not among them: the conventions have deprecated it.
    """
    kind = type(exception)
    plain = kind.__module__ in ("builtins", None)
    return {
        "exception.type": kind.__qualname__ if plain else f"{kind.__module__}.{kind.__qualname__}",
        "exception.message": str(exception),
        "exception.stacktrace": "".join(traceback.format_exception(exception)),
    }
