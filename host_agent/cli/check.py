"""`spanweave check`: whether a configuration file can be used."""

import json
from pathlib import Path

import click

from host_agent.cli.refused import Refused
from host_agent.config import AgentConfig
from host_agent.config_file import ConfigError, load_config


@click.command(
    epilog="""\b
Examples:
  spanweave check agent.yaml
  spanweave check agent.yaml && systemctl restart spanweave
  spanweave check --schema > spanweave.schema.json   for editors: # yaml-language-server: $schema=..."""
)
@click.argument("config", type=click.Path(path_type=Path), required=False)
@click.option("--schema", is_flag=True, help="Print the JSON Schema of the file, for editors, instead.")
def check(config: Path | None, schema: bool) -> None:
    """Checks the configuration file CONFIG: tells every mistake with its line and key, and exits 2."""
    if schema:
        click.echo(json.dumps(AgentConfig.model_json_schema(), indent=1))
        return
    if config is None:
        raise click.UsageError("name the configuration file, or ask for --schema")
    try:
        load_config(config)
    except ConfigError as error:
        raise Refused(str(error)) from None
    click.echo(f"{config}: good")
