"""How a command says that it cannot do what was asked."""

from typing import IO, Any

import click


class Refused(click.ClickException):
    """What was asked will not do; says why, one line each, and exits 2."""

    exit_code = 2

    def show(self, file: IO[Any] | None = None) -> None:
        for line in self.format_message().splitlines():
            click.echo(f"spanweave: {line}", err=True)
