import asyncio
import logging
import os
import subprocess
import sys
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

import pytest

from host_agent.intake import (
    DamagedRecordError,
    Decision,
    DecisionState,
    Encoding,
    Fsync,
    IntakeFailedError,
    IntakeFullError,
    IntakeLog,
    IntakeReader,
    Position,
    Record,
    RecordGoneError,
)
from host_agent.intake.disk import DirectoryInUseError, DiskFile
from host_agent.intake.position import DamagedCheckpointError
from host_agent.intake.segment import list_segments, segment_path
from host_agent.tenant import DEFAULT_TENANT, Tenant
from wasm_sdk.otlp import Signal


@asynccontextmanager
async def opened(directory: Path, **options: Any) -> AsyncIterator[IntakeLog]:
    log = IntakeLog(directory, **options)
    try:
        yield log
    finally:
        await log.close()


async def add(log: IntakeLog, body: bytes) -> Position:
    return await log.append(DEFAULT_TENANT, Signal.TRACES, Encoding.IDENTITY, body, 1)


def bodies(directory: Path) -> list[bytes]:
    return [record.body for record in IntakeReader(directory).records()]


@pytest.mark.parametrize("fsync", list(Fsync))
async def test_records_come_back_in_order_after_a_restart(tmp_path: Path, fsync: Fsync) -> None:
    expected = []
    for run in range(3):
        async with opened(tmp_path, fsync=fsync) as log:
            for n in range(3):
                expected.append(b"%d.%d" % (run, n))
                await add(log, expected[-1])
            assert bodies(tmp_path) == expected
    assert bodies(tmp_path) == expected


async def test_a_record_is_read_at_its_position_with_everything_in_its_header(tmp_path: Path) -> None:
    async with opened(tmp_path) as log:
        await add(log, b"before")
        position = await log.append(
            Tenant("team-7"), Signal.LOGS, Encoding.GZIP, b"body", 5, decoded_bytes=99, batch_id=b"i" * 16
        )
        await add(log, b"behind")
        record = log.reader().read(position)
        assert (record.tenant, record.signal, record.encoding) == (
            Tenant("team-7"),
            Signal.LOGS,
            Encoding.GZIP,
        )
        assert (record.body, record.items, record.decoded_bytes) == (b"body", 5, 99)
        assert (record.batch_id, record.position) == (b"i" * 16, position)
        assert log.reader().read(record.after).body == b"behind"
        with pytest.raises(DamagedRecordError):
            log.reader().read(Position(position.segment, position.offset + 64))
        with pytest.raises(RecordGoneError):
            log.reader().read(Position(1, 64))


async def test_requests_that_arrive_together_share_a_sync(tmp_path: Path) -> None:
    async with opened(tmp_path, fsync=Fsync.ALWAYS) as log:
        await asyncio.gather(*(add(log, b"%d" % n) for n in range(50)))
        assert log.syncs <= 3
    assert len(bodies(tmp_path)) == 50


async def test_the_interval_syncs_without_being_waited_for(tmp_path: Path) -> None:
    async with opened(tmp_path, fsync=Fsync.INTERVAL, sync_interval=0.01) as log:
        await add(log, b"x")
        assert log.syncs == 0
        async with asyncio.timeout(5):
            while log.syncs == 0:  # noqa: ASYNC110 - the sync thread has no event
                await asyncio.sleep(0.005)


async def test_segments_are_rotated_and_deleted_behind_the_slowest_follower(tmp_path: Path) -> None:
    async with opened(tmp_path, segment_bytes=1000) as log:
        slow, fast = log.follower("slow"), log.follower("fast")
        positions = [await add(log, bytes(400)) for _ in range(10)]
        segments = list_segments(tmp_path)
        assert len(segments) == 5
        fast.save(log.end)
        log.trim()
        assert list_segments(tmp_path) == segments
        slow.save(positions[5])
        log.trim()
        assert list_segments(tmp_path) == [n for n in segments if n >= positions[5].segment]
        log.forget("slow")
        log.trim()
        assert list_segments(tmp_path) == segments[-1:]
        assert log.size == segment_path(tmp_path, segments[-1]).stat().st_size


async def test_without_followers_nothing_is_deleted(tmp_path: Path) -> None:
    async with opened(tmp_path, segment_bytes=1000) as log:
        for _ in range(10):
            await add(log, bytes(400))
        log.trim()
    assert len(bodies(tmp_path)) == 10


async def test_a_full_log_refuses_until_its_followers_have_moved_on(tmp_path: Path) -> None:
    async with opened(tmp_path, segment_bytes=100_000, max_bytes=4000) as log:
        follower = log.follower("store")
        with pytest.raises(IntakeFullError, match=r"intake\.max_bytes is 4000"):
            while True:
                await add(log, bytes(500))
        kept = len(bodies(tmp_path))
        assert 4 <= kept <= 7
        assert log.size <= 4000
        follower.save(log.end)
        await add(log, bytes(501))
        assert bodies(tmp_path) == [bytes(501)]


async def test_positions_never_recur_when_the_log_was_deleted(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    async with opened(tmp_path) as log:
        follower = log.follower("store")
        await add(log, b"old")
        follower.save(log.end)
    segment_path(tmp_path, log.end.segment).unlink()
    monkeypatch.setattr("time.time_ns", lambda: 0)  # even when the clock was set back
    async with opened(tmp_path) as log:
        await add(log, b"new")
        assert [record.body for record in log.reader().records(follower.load() or log.end)] == [b"new"]


@pytest.mark.parametrize("keep", [0, 1, 63, 64, 127, 128, 200, 1000])
async def test_a_torn_tail_is_cut_at_start(
    tmp_path: Path, caplog: pytest.LogCaptureFixture, keep: int
) -> None:
    async with opened(tmp_path) as log:
        await add(log, b"first")
        torn = await add(log, bytes(range(256)) * 5)
    path = segment_path(tmp_path, torn.segment)
    os.truncate(path, torn.offset + keep)
    with caplog.at_level(logging.WARNING):
        async with opened(tmp_path) as log:
            assert path.stat().st_size == torn.offset
            await add(log, b"after")
    assert bodies(tmp_path) == [b"first", b"after"]
    assert ("cut" in caplog.text) == (keep > 0)


async def test_a_hole_that_a_power_cut_left_loses_only_what_was_in_it(
    tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    async with opened(tmp_path) as log:
        positions = [await add(log, b"record %d" % n * 100) for n in range(5)]
    with segment_path(tmp_path, positions[0].segment).open("r+b") as file:
        file.seek(positions[1].offset + 10)
        file.write(bytes(positions[3].offset - positions[1].offset))
    async with opened(tmp_path) as log:
        reader = log.reader()
        assert [r.position for r in reader.records()] == [positions[0], positions[4]]
        assert reader.skipped_bytes == positions[4].offset - positions[1].offset
    assert "passed over" in caplog.text


async def test_a_client_cannot_forge_a_record_inside_its_body(tmp_path: Path) -> None:
    async with opened(tmp_path / "other") as other:
        await other.append(Tenant("victim"), Signal.TRACES, Encoding.IDENTITY, b"forged", 1)
    image = segment_path(tmp_path / "other", other.end.segment).read_bytes()[64:]
    async with opened(tmp_path / "log") as log:
        shift = -(128 + len("default")) % 64
        position = await add(log, bytes(shift) + image)
        await add(log, b"good")
    path = segment_path(tmp_path / "log", position.segment)
    with path.open("r+b") as file:
        file.seek(position.offset)
        file.write(b"\0")
    assert bodies(tmp_path / "log") == [b"good"]


async def test_a_file_that_is_no_segment_is_set_aside(tmp_path: Path) -> None:
    segment_path(tmp_path, 5).write_bytes(b"something else")
    async with opened(tmp_path) as log:
        await add(log, b"x")
        assert bodies(tmp_path) == [b"x"]
    assert segment_path(tmp_path, 5).with_suffix(".damaged").read_bytes() == b"something else"


@pytest.mark.parametrize("sealed", [False, True])
@pytest.mark.parametrize("fsync", [Fsync.NEVER, Fsync.INTERVAL])
async def test_a_decision_is_written_in_place_and_survives(
    tmp_path: Path, sealed: bool, fsync: Fsync
) -> None:
    decision = Decision(DecisionState.DECIDED, generation=3, threshold=1 << 55, routes=0b101)
    async with opened(tmp_path, segment_bytes=64 if sealed else 1 << 20, fsync=fsync) as log:
        positions = [await add(log, b"%d" % n) for n in range(3)]
        log.decide(positions[1], decision)
        with pytest.raises(DamagedRecordError):
            log.decide(Position(positions[1].segment, positions[1].offset + 64), decision)
    states = [record.decision.state for record in IntakeReader(tmp_path).records()]
    assert states == [DecisionState.UNDECIDED, DecisionState.DECIDED, DecisionState.UNDECIDED]
    assert IntakeReader(tmp_path).header(positions[1]).decision == decision


async def test_a_directory_has_one_writer(tmp_path: Path) -> None:
    async with opened(tmp_path):
        with pytest.raises(DirectoryInUseError, match=rf"in use by another agent \(process {os.getpid()}\)"):
            IntakeLog(tmp_path)
    async with opened(tmp_path):
        pass


def failing(error: int, after: int = 0) -> Callable[[DiskFile, int, bytes], None]:
    write = DiskFile.write

    def fail(self: DiskFile, offset: int, data: bytes) -> None:
        write(self, offset, data[:after])
        raise OSError(error, os.strerror(error))

    return fail


async def test_a_write_error_keeps_nothing_of_the_record(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    async with opened(tmp_path) as log:
        await add(log, b"before")
        with monkeypatch.context() as patched:
            patched.setattr(DiskFile, "write", failing(5, after=100))
            with pytest.raises(IntakeFailedError, match="Input/output error"):
                await add(log, b"lost" * 100)
        assert log.last_error.endswith("Input/output error")
        await add(log, b"behind")
    assert bodies(tmp_path) == [b"before", b"behind"]


async def test_a_failed_sync_is_never_acknowledged_and_ends_the_segment(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def fail(self: DiskFile) -> None:
        raise OSError(5, os.strerror(5))

    async with opened(tmp_path, fsync=Fsync.ALWAYS) as log:
        await add(log, b"before")
        with monkeypatch.context() as patched:
            patched.setattr(DiskFile, "sync", fail)
            with pytest.raises(IntakeFailedError, match="cannot be synced"):
                await add(log, b"unknown")
        behind = await add(log, b"behind")
        assert behind.segment == list_segments(tmp_path)[-1] != list_segments(tmp_path)[0]


FILL = """
import asyncio, resource, sys
from pathlib import Path
from host_agent.intake import Encoding, IntakeFullError, IntakeLog
from host_agent.tenant import DEFAULT_TENANT
from wasm_sdk.otlp import Signal

async def main():
    resource.setrlimit(resource.RLIMIT_FSIZE, (10_000, -1))
    log = IntakeLog(Path(sys.argv[1]))
    kept = 0
    try:
        while True:
            await log.append(DEFAULT_TENANT, Signal.TRACES, Encoding.IDENTITY, b"%d" % kept * 400, 1)
            kept += 1
    except IntakeFullError as error:
        print(error)
    resource.setrlimit(resource.RLIMIT_FSIZE, (-1, -1))
    await log.append(DEFAULT_TENANT, Signal.TRACES, Encoding.IDENTITY, b"room", 1)
    await log.close()
    print(kept)

asyncio.run(main())
"""


@pytest.mark.skipif(sys.platform == "win32", reason="needs a file size limit")
def test_when_the_system_has_no_room_the_log_stays_whole(tmp_path: Path) -> None:
    done = subprocess.run(
        [sys.executable, "-c", FILL, str(tmp_path)], capture_output=True, text=True, timeout=60
    )
    assert done.returncode == 0, done.stderr
    message, kept = done.stdout.splitlines()
    assert "no room for the intake log" in message
    assert bodies(tmp_path) == [b"%d" % n * 400 for n in range(int(kept))] + [b"room"]


async def test_followers_are_woken_by_an_append_and_see_each_record_once(tmp_path: Path) -> None:
    async with opened(tmp_path, segment_bytes=300) as log:
        seen: dict[int, list[bytes]] = {0: [], 1: [], 2: []}
        readers = [log.reader(), log.reader(), IntakeReader(tmp_path, poll=0.005)]

        async def follow(n: int) -> None:
            record: Record
            async for record in readers[n].follow():
                seen[n].append(record.body)
                if len(seen[n]) == 20:
                    return

        tasks = [asyncio.create_task(follow(n)) for n in seen]
        expected = [b"%d" % n for n in range(20)]
        for body in expected:
            await add(log, body)
            await asyncio.sleep(0.002 if body == b"7" else 0)
        async with asyncio.timeout(10):
            await asyncio.gather(*tasks)
        assert seen == {0: expected, 1: expected, 2: expected}
        for reader in readers:
            reader.close()


async def test_a_cancelled_follower_does_not_disturb_the_others(tmp_path: Path) -> None:
    async with opened(tmp_path) as log:
        gone = asyncio.create_task(anext(log.reader().follow()))
        stays = asyncio.create_task(anext(log.reader().follow()))
        await asyncio.sleep(0)
        gone.cancel()
        await asyncio.sleep(0)
        await add(log, b"x")
        async with asyncio.timeout(5):
            assert (await stays).body == b"x"


async def test_a_damaged_checkpoint_holds_everything_until_it_is_seen_to(
    tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    async with opened(tmp_path, segment_bytes=300) as log:
        log.follower("store").save(log.end)
        (tmp_path / "followers" / "store.json").write_text("{")
        for n in range(3):
            await add(log, b"%d" % n * 200)
        log.trim()
        assert len(bodies(tmp_path)) == 3
        assert "delete it" in caplog.text
        with pytest.raises(DamagedCheckpointError):
            log.follower("store")


@pytest.mark.parametrize("name", ["", "../x", "A", "a/b"])
async def test_a_followers_name_is_a_file_name(tmp_path: Path, name: str) -> None:
    async with opened(tmp_path) as log:
        with pytest.raises(ValueError, match="letters a-z"):
            log.follower(name)
