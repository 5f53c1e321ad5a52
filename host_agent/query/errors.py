"""What can be wrong with a question."""


class BadQuery(ValueError):  # noqa: N818 - it is the query that is bad
    """A parameter cannot be used. `field`: its name; `hint`: what to write instead."""

    def __init__(self, message: str, field: str, hint: str | None = None) -> None:
        super().__init__(message)
        self.message = message
        self.field = field
        self.hint = hint


class QueryTimeout(Exception):  # noqa: N818
    """The query took longer than it may, or more memory than DuckDB is given."""


class TooLarge(Exception):  # noqa: N818
    """The answer would not fit into the agent's memory beside everything else."""
