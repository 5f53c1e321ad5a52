"""Follows the intake log, judges each record once and records the verdict, from which others deliver."""

import asyncio
import logging
import time
from collections import OrderedDict
from collections.abc import AsyncIterator, Callable
from dataclasses import replace

from host_agent.intake.bell import Bell
from host_agent.intake.decision import Decision, DecisionState
from host_agent.intake.encoding import BodyTooLargeError, Encoding, NotGzipError
from host_agent.intake.log import IntakeLog
from host_agent.intake.position import ORIGIN, Position
from host_agent.intake.record import Record
from host_agent.intake.segment import list_segments
from host_agent.pipeline.judge import STORE_BIT, Judge, Judged
from host_agent.pipeline.quarantine import Quarantine
from host_agent.pipeline.verdicts import VerdictFiles, Verdicts
from wasm_sdk.otlp import Signal
from wasm_sdk.pipeline.splice import UNCHANGED

logger = logging.getLogger(__name__)

TRIES = 3
CACHE_BYTES = 64 << 20
SAVE_INTERVAL = 1.0  # seconds between saves of the position: what is read again is decided already
NAME = "pipeline"
_NOBODY = Verdicts(((0, UNCHANGED),), [0])


class Pipeline:
    """The only one who decides.

    A verdict stands in the room of its record, and where the items of a record go different ways, in the
    files beside the log (`files`), written before the room. A record whose room is empty was judged by
    nobody: no destination has seen anything of it.

    Args:
        generation: number of the rules, noted in each decision.
        clock: Unix nanoseconds.
    """

    def __init__(
        self,
        log: IntakeLog,
        judge: Judge,
        files: VerdictFiles,
        quarantine: Quarantine,
        *,
        generation: int = 0,
        clock: Callable[[], int] = time.time_ns,
    ) -> None:
        self.judge = judge
        self.generation = generation
        self.position = ORIGIN
        """Behind the last record that is decided."""
        self.items: dict[Signal, int] = dict.fromkeys(Signal, 0)
        self.quarantined = 0
        self.last_error = ""
        self._log = log
        self._files = files
        self._quarantine = quarantine
        self._checkpoint = log.follower(NAME)
        self._clock = clock
        self._bell = Bell()
        self._recent: OrderedDict[Position, Judged] = OrderedDict()
        self._recent_bytes = 0
        self._saved = 0.0
        self._segment = 0

    async def run(self) -> None:
        """Follow until cancelled. Raises ValueError: the checkpoint is damaged; OSError: the disk failed."""
        self.position = self._checkpoint.load() or ORIGIN
        try:
            async for record in self._log.reader().follow(self.position):
                while record.decision.state is DecisionState.UNDECIDED:
                    try:
                        self._decide(record)
                        break
                    except OSError as error:  # a full disk: nothing is lost, it waits in the log
                        self.last_error = f"verdicts cannot be recorded: {error}"
                        logger.error("%s", self.last_error)
                        await asyncio.sleep(SAVE_INTERVAL)
                self._move(record.after)
        finally:
            self._checkpoint.save(self.position, durable=False)

    async def follow(self, start: Position = ORIGIN) -> AsyncIterator[Record]:
        """The decided records from a position on, for ever."""
        reader = self._log.reader()
        while True:
            record = reader.next(start) if start < self.position else None
            if record is None or record.position >= self.position:
                await self._bell.wait()
                continue
            yield record
            start = record.after
            await asyncio.sleep(0)

    async def kept(self, start: Position = ORIGIN) -> AsyncIterator[Record]:
        """The same, each with what the filters leave of it: what the store and the live stream follow."""
        async for record in self.follow(start):
            judged = self.requests(record)
            yield replace(
                record,
                body=judged.requests[STORE_BIT],
                items=judged.items[STORE_BIT],
                encoding=Encoding.IDENTITY,
                decoded_bytes=0,
            )

    def requests(self, record: Record) -> Judged:
        """What the destinations get of a decided record."""
        known = self._recent.get(record.position)
        if known is not None:
            return known
        verdicts = self.verdicts(record)
        if verdicts is None:  # its files were lost in a power cut
            return self._decide(record)
        nothing = [b""] * 64
        if verdicts.routes == 0:
            return Judged(verdicts, nothing, [0] * 64)
        return self.judge.replay(record.tenant, record.signal, record.data(), verdicts)

    def verdicts(self, record: Record) -> Verdicts | None:
        """What was decided about a record, None when nobody knows."""
        decision = record.decision
        match decision.state:
            case DecisionState.QUARANTINED:
                return _NOBODY
            case DecisionState.DECIDED:
                # Thresholds beyond 56 bits are the negative ones.
                threshold = decision.threshold - (1 << 64 if decision.threshold >> 63 else 0)
                return Verdicts(((decision.routes, threshold),), [0])
            case DecisionState.DETAILED:
                return self._files.read(record.position.segment, decision.detail)
        return None

    def _decide(self, record: Record) -> Judged:
        failure = ""
        for _ in range(TRIES):
            try:
                judged = self.judge.judge(record.tenant, record.signal, record.data())
            except (ValueError, BodyTooLargeError, NotGzipError) as error:
                failure = str(error)
                continue
            self._record(record, judged.verdicts)
            self._remember(record.position, judged)
            self.items[record.signal] += record.items
            return judged
        return self._give_up(record, failure)

    def _record(self, record: Record, verdicts: Verdicts) -> None:
        now = self._clock()
        if len(verdicts.table) == 1:
            routes, threshold = verdicts.table[0]
            decision = Decision(
                DecisionState.DECIDED, 0, self.generation, threshold & (1 << 64) - 1, routes, now
            )
        else:
            place = self._files.append(record.position.segment, verdicts)
            decision = Decision(DecisionState.DETAILED, 0, self.generation, 0, verdicts.routes, now, place)
        self._log.decide(record.position, decision)

    def _give_up(self, record: Record, reason: str) -> Judged:
        self.quarantined += 1
        self.last_error = f"record {record.position}: {reason}"
        try:
            body = record.data()
        except (BodyTooLargeError, NotGzipError):
            body = record.body
        self._quarantine.put(NAME, record.tenant, record.signal, body, record.items, reason)
        self._log.decide(
            record.position,
            Decision(DecisionState.QUARANTINED, TRIES, self.generation, decided_unix_nano=self._clock()),
        )
        return Judged(_NOBODY, [b""] * 64, [0] * 64)

    def _move(self, position: Position) -> None:
        self.position = position
        self._bell.ring()
        now = time.monotonic()
        if now - self._saved >= SAVE_INTERVAL:
            self._saved = now
            self._checkpoint.save(position, durable=False)
            if position.segment != self._segment:
                self._segment = position.segment
                self._files.trim(list_segments(self._log.directory))

    def _remember(self, position: Position, judged: Judged) -> None:
        self._recent[position] = judged
        self._recent_bytes += judged.size
        while self._recent_bytes > CACHE_BYTES:
            _, oldest = self._recent.popitem(last=False)
            self._recent_bytes -= oldest.size
