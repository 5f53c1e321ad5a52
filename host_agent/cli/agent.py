"""`spanweave agent`: the agent in the foreground."""

import asyncio
import contextlib
import logging
import signal
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import click

from host_agent.agent import Agent
from host_agent.cli.refused import Refused
from host_agent.config import AgentConfig
from host_agent.config_file import ConfigError, load_config
from host_agent.config_types import Key
from host_agent.intake.disk import DirectoryInUseError
from host_agent.intake.log import Fsync
from host_agent.intake.position import DamagedCheckpointError
from host_agent.listener import ListenError
from host_agent.process import tune_memory

Loop = Callable[[], asyncio.AbstractEventLoop]

OPTIONS: dict[str, Key] = {
    "http_port": ("http", "port"),
    "grpc_port": ("grpc", "port"),
    "api_port": ("api", "port"),
    "data_dir": ("data_dir",),
    "fsync": ("intake", "fsync"),
    "allow_insecure_bind": ("allow_insecure_bind",),
}


@click.command(
    epilog="""\b
Examples:
  spanweave agent
  spanweave agent --data-dir ./telemetry --fsync always
  spanweave agent --allow-origin https://shop.example --allow-origin 'http://localhost:*'
  spanweave agent --config agent.yaml --http-port 4418
  OTEL_EXPORTER_OTLP_ENDPOINT=http://127.0.0.1:4318 python service.py"""
)
@click.option(
    "--config", type=click.Path(path_type=Path), metavar="FILE", help="YAML, see docs/configuration.md."
)
@click.option("--host", metavar="ADDRESS", help="For all listeners.  [default: 127.0.0.1]")
@click.option("--http-port", type=int, metavar="PORT", help="OTLP/HTTP; 0: any free one.  [default: 4318]")
@click.option("--grpc-port", type=int, metavar="PORT", help="OTLP/gRPC.  [default: 4317]")
@click.option("--api-port", type=int, metavar="PORT", help="Queries and live stream.  [default: 4319]")
@click.option(
    "--data-dir", type=click.Path(path_type=Path), metavar="FOLDER", help="Where everything is kept."
)
@click.option("--fsync", type=click.Choice([str(each) for each in Fsync]), help="See docs/durability.md.")
@click.option("--allow-origin", multiple=True, metavar="ORIGIN", help="Pages that may send; repeatable.")
@click.option("--allow-insecure-bind", is_flag=True, default=None, help="Listen beyond this machine.")
@click.option(
    "--log-level",
    type=click.Choice(["debug", "info", "warning", "error"]),
    default="warning",
    show_default=True,
)
def agent(config: Path | None, log_level: str, **flags: Any) -> None:
    """Receives OpenTelemetry over HTTP and gRPC, keeps it and answers queries, until Ctrl-C.

    Options override the file of --config.
    """
    logging.basicConfig(level=log_level.upper(), format="%(asctime)s %(levelname)s %(name)s: %(message)s")
    logging.captureWarnings(True)
    try:
        settings = load_config(config, overrides(flags))
    except ConfigError as error:
        raise Refused(str(error)) from None
    tune_memory()
    try:
        with asyncio.Runner(loop_factory=event_loop()) as runner:
            runner.run(serve(settings))
    except (ListenError, DirectoryInUseError, DamagedCheckpointError) as error:
        raise Refused(str(error)) from None
    except OSError as error:
        raise Refused(f"{error.filename or settings.data_dir}: {error.strerror or error}") from None


def overrides(flags: dict[str, Any]) -> dict[Key, Any]:
    """What the given options change in the configuration."""
    changes: dict[Key, Any] = {
        key: flags[option] for option, key in OPTIONS.items() if flags.get(option) is not None
    }
    if flags.get("host") is not None:
        changes |= {(section, "host"): flags["host"] for section in ("http", "grpc", "api")}
    if flags.get("allow_origin"):
        changes["http", "cors", "allowed_origins"] = list(flags["allow_origin"])
    return changes


async def serve(config: AgentConfig) -> None:
    """Run an agent until it is told to stop (once: it drains; twice: it ends at once)."""
    stop = asyncio.Event()
    listen_to_signals(stop)
    async with Agent(config) as agent:
        click.echo(f"listening OTLP/HTTP {agent.http_url}")
        click.echo(f"listening OTLP/gRPC {agent.grpc_address}")
        click.echo(f"listening API       {agent.api_url}")
        click.echo(f"keeping   {config.data_dir} (fsync: {config.intake.fsync})")
        sys.stdout.flush()
        stopping = asyncio.create_task(stop.wait())
        either: set[asyncio.Future[Any]] = {stopping, agent.failed}
        await asyncio.wait(either, return_when=asyncio.FIRST_COMPLETED)
        stopping.cancel()
        if stop.is_set():
            click.echo("stopping: finishing what was accepted (Ctrl-C again to end at once)")
            sys.stdout.flush()
    if agent.failed.done():
        agent.failed.result()


def listen_to_signals(stop: asyncio.Event) -> None:
    """Set `stop` at the first Ctrl-C or SIGTERM; the next one ends the process as if nobody listened."""
    loop = asyncio.get_running_loop()
    signals = [signal.SIGINT, signal.SIGTERM]

    def first(number: int, _: object) -> None:
        for each in signals:
            signal.signal(each, signal.SIG_DFL)
        loop.call_soon_threadsafe(stop.set)

    for each in signals:
        with contextlib.suppress(ValueError):  # not the main thread: whoever runs us there stops us, too
            signal.signal(each, first)


def event_loop() -> Loop | None:
    """uvloop's where it is installed (not on Windows), else asyncio's own."""
    try:
        import uvloop
    except ImportError:
        return None
    return uvloop.new_event_loop
