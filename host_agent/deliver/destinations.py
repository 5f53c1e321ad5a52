"""All destinations of the configuration, with the pipeline before them."""

import asyncio
from collections.abc import Coroutine, Mapping
from dataclasses import asdict
from pathlib import Path
from typing import Any

from host_agent.config import AgentConfig
from host_agent.deliver.delivery import Delivery
from host_agent.deliver.lines import ConsoleSink, FileSink
from host_agent.deliver.otlp_grpc import OtlpGrpcSink
from host_agent.deliver.otlp_http import OtlpHttpSink
from host_agent.deliver.sink import Sink
from host_agent.intake.log import IntakeLog
from host_agent.intake.position import Position
from host_agent.pipeline.bits import destination_bits
from host_agent.pipeline.judge import Judge
from host_agent.pipeline.pipeline import NAME, Pipeline
from host_agent.pipeline.quarantine import Quarantine
from host_agent.pipeline.settings import (
    DestinationConfig,
    FileConfig,
    OtlpGrpcConfig,
    OtlpHttpConfig,
    PipelineConfig,
)
from host_agent.pipeline.verdicts import VerdictFiles

_PREFIX = "to-"


def wanted(config: AgentConfig) -> bool:
    """Whether there is anything to judge or to deliver; without, the store keeps everything as it came."""
    return bool(config.destinations) or config.pipeline != PipelineConfig()


class Destinations:
    """The pipeline and everything that delivers from it.

    Raises:
        OSError: the data directory, or a destination's TLS file, cannot be used.
        ValueError: a rule, or what a former run left, cannot be used.
    """

    def __init__(self, config: AgentConfig, log: IntakeLog) -> None:
        folder = config.data_dir / NAME
        bits = destination_bits(folder / "destinations.json", config.destinations)
        self.quarantine = Quarantine(config.data_dir / "quarantine")
        self.pipeline = Pipeline(
            log, Judge(config.pipeline, bits), VerdictFiles(folder / "verdicts"), self.quarantine
        )
        self.deliveries = {
            name: Delivery(
                name,
                each,
                make_sink(each),
                bits[name],
                self.pipeline,
                log,
                log.follower(_PREFIX + name),
                self.quarantine,
            )
            for name, each in config.destinations.items()
        }
        forget_former(log, config.destinations)

    def parts(self) -> Mapping[str, Coroutine[Any, Any, None]]:
        """What has to run, by name."""
        return {
            NAME: self.pipeline.run(),
            **{f"destination {name}": each.run() for name, each in self.deliveries.items()},
        }

    async def settle(self, position: Position, seconds: float) -> None:
        """Let the destinations that are well get what is before `position`, within some time."""
        well = [each for each in self.deliveries.values() if not each.last_error]
        await asyncio.gather(*(each.settle(position, seconds) for each in well))

    def status(self) -> dict[str, Any]:
        """For `/api/v1/status`."""
        pipeline = self.pipeline
        return {
            "position": str(pipeline.position),
            "items": {str(signal): count for signal, count in pipeline.items.items()},
            **pipeline.judge.status(),
            "quarantined": pipeline.quarantined,
            "last_error": pipeline.last_error,
            "destinations": {
                name: {
                    "position": str(each.position),
                    **asdict(each.counts),
                    "delivered": {str(signal): count for signal, count in each.counts.delivered.items()},
                    "last_error": each.last_error,
                }
                for name, each in self.deliveries.items()
            },
            "quarantine": [asdict(each) for each in self.quarantine.list(20)],
        }


def forget_former(log: IntakeLog, names: Mapping[str, object]) -> None:
    """Destinations that are no longer configured hold nothing in the log any more."""
    folder: Path = log.directory / "followers"
    for path in folder.glob(f"{_PREFIX}*.json"):
        if path.stem.removeprefix(_PREFIX) not in names:
            log.forget(path.stem)


def make_sink(config: DestinationConfig) -> Sink:
    """What speaks a destination's protocol. Raises OSError: a TLS file cannot be read."""
    if isinstance(config, OtlpHttpConfig):
        return OtlpHttpSink(config)
    if isinstance(config, OtlpGrpcConfig):
        return OtlpGrpcSink(config)
    if isinstance(config, FileConfig):
        return FileSink(config.folder)
    return ConsoleSink()
