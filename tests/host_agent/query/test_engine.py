"""Queries never take longer than they may, however many there are."""

import asyncio
import threading
from collections.abc import Iterator
from pathlib import Path

import duckdb
import pytest

from host_agent.query.engine import AT_ONCE, Engine
from host_agent.query.errors import QueryTimeout

SECONDS = 0.2
ENDLESS = "SELECT sum(a.range * b.range) FROM range(10000000000) a, range(10000000000) b"


def endless(cursor: duckdb.DuckDBPyConnection) -> None:
    cursor.execute(ENDLESS)


@pytest.fixture
def engine(tmp_path: Path) -> Iterator[Engine]:
    engine = Engine(tmp_path, seconds=SECONDS)
    yield engine
    engine.close()


async def test_more_endless_queries_than_threads_all_end(engine: Engine) -> None:
    async with asyncio.timeout(30):
        outcomes = await asyncio.gather(
            *(engine.run(endless) for _ in range(3 * AT_ONCE)), return_exceptions=True
        )
    assert [type(outcome) for outcome in outcomes] == [QueryTimeout] * 3 * AT_ONCE


async def test_a_query_that_waited_for_all_of_its_time_is_not_begun(engine: Engine) -> None:
    release = threading.Event()
    begun = threading.Event()
    others = [asyncio.create_task(engine.run(lambda _: release.wait(30))) for _ in range(AT_ONCE)]
    late = asyncio.create_task(engine.run(lambda _: begun.set()))
    await asyncio.sleep(2 * SECONDS)
    release.set()
    with pytest.raises(QueryTimeout, match=rf"longer than {SECONDS:g} seconds"):
        await late
    assert not begun.is_set()
    await asyncio.gather(*others)


async def test_an_interrupt_between_two_statements_is_not_lost(engine: Engine) -> None:
    def question(cursor: duckdb.DuckDBPyConnection) -> None:
        threading.Event().wait(1.5 * SECONDS)  # the interrupt finds nothing that runs
        endless(cursor)

    async with asyncio.timeout(30):
        with pytest.raises(QueryTimeout):
            await engine.run(question)
