"""`spanweave check`: whether a configuration file can be used."""

from pathlib import Path

import click

from host_agent.cli.refused import Refused
from host_agent.config_file import ConfigError, load_config


@click.command(
    epilog="""\b
Examples:
  spanweave check agent.yaml
  spanweave check agent.yaml && systemctl restart spanweave"""
)
@click.argument("config", type=click.Path(path_type=Path))
def check(config: Path) -> None:
    """Checks the configuration file CONFIG: tells every mistake with its line and key, and exits 2."""
    try:
        load_config(config)
    except ConfigError as error:
        raise Refused(str(error)) from None
    click.echo(f"{config}: good")
