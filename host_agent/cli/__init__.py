"""The commands, one file each. A command's module is loaded when it is used or described, not before."""

from importlib import import_module

import click

from wasm_sdk.version import VERSION

_HOMES = {
    "agent": "agent",
    "check": "check",
    "completion": "completion",
    "doctor": "doctor",
    "show": "show",
    "trace": "trace",
    "traces": "show",
    "tui": "tui",
}
"""Command to module."""


class LazyGroup(click.Group):
    """Finds its commands in the modules of this package."""

    def list_commands(self, ctx: click.Context) -> list[str]:
        return sorted(_HOMES)

    def get_command(self, ctx: click.Context, cmd_name: str) -> click.Command | None:
        home = _HOMES.get(cmd_name)
        if home is None:
            return None
        try:
            command: click.Command = getattr(import_module(f"{__name__}.{home}"), cmd_name)
        except ModuleNotFoundError as error:
            return _missing(cmd_name, error)
        return command


def _missing(name: str, error: ModuleNotFoundError) -> click.Command:
    """Stands in for a command whose packages are not installed."""
    extra = "tui" if name == "tui" else "agent"

    @click.command(name, short_help=f"(not installed: pip install 'spanweave[{extra}]')")
    @click.argument("arguments", nargs=-1, type=click.UNPROCESSED)
    def missing(arguments: tuple[str, ...]) -> None:
        raise click.ClickException(
            f"“spanweave {name}” needs further packages: pip install 'spanweave[{extra}]' ({error})"
        )

    return missing


@click.group(
    cls=LazyGroup,
    context_settings={"help_option_names": ["-h", "--help"], "auto_envvar_prefix": "SPANWEAVE"},
    epilog="""\b
Examples:
  spanweave agent                  receive, keep and store telemetry on this machine
  spanweave tui                    watch it
  spanweave agent --help           the options of a command""",
)
@click.version_option(VERSION, message="spanweave %(version)s")
def spanweave() -> None:
    """One trace from the click in a browser into the kernel of the host that served it."""
