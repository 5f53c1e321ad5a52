"""`spanweave tui`: the dashboard."""

import sys

import click

from host_agent.cli.refused import Refused

DEFAULT_URL = "http://127.0.0.1:4319"
_EXTRA = "the dashboard needs further packages: pip install 'spanweave[tui]'"


@click.command(
    epilog="""\b
Examples:
  spanweave tui
  spanweave tui http://127.0.0.1:4319
  spanweave tui build-host:4319 --theme spanweave-light
  spanweave tui --theme nord"""
)
@click.argument("url", default=DEFAULT_URL, envvar="SPANWEAVE_URL", metavar="[URL]")
@click.option(
    "--theme", metavar="NAME", help="Colours; T in the dashboard shows them all.", envvar="SPANWEAVE_THEME"
)
def tui(url: str, theme: str | None) -> None:
    """Shows live traces of the agent whose API is at URL (http://127.0.0.1:4319 unless given).

    Keys are at the bottom; ? shows them all, q quits.
    """
    try:
        from tui.app import SpanweaveApp
        from tui.client import parse_url
        from tui.themes import DARK, NAMES
    except ModuleNotFoundError as error:
        raise click.ClickException(f"{_EXTRA} ({error})") from None

    try:
        url = parse_url(url)
    except ValueError as error:
        raise Refused(str(error)) from None
    if theme is not None and theme not in NAMES:
        raise Refused(f"there is no theme {theme}; there are {', '.join(NAMES)}")
    if not (sys.stdin.isatty() and sys.stderr.isatty()):  # Textual draws on standard error
        raise Refused("the dashboard needs a terminal; “spanweave traces” lists traces without one")
    SpanweaveApp(url, theme=theme or DARK.name).run()
