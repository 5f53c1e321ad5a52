"""DuckDB behind a small pool of threads: queries never run on the event loop, and none runs for ever."""

import asyncio
import contextlib
import threading
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import TypeVar

import duckdb

from host_agent.query.errors import QueryTimeout

T = TypeVar("T")

MEMORY_LIMIT = "512MB"
THREADS = 2
AT_ONCE = 4
SECONDS = 10.0
AGAIN = 0.1  # seconds until a query that goes on is interrupted once more


class Engine:
    """One in-memory database that may read files below one folder and nothing else.

    Args:
        folder: The store's; its path as segments name it.
        memory_limit: DuckDB's, as it writes sizes.
        seconds: How long a query may take.
    """

    def __init__(self, folder: Path, memory_limit: str = MEMORY_LIMIT, seconds: float = SECONDS) -> None:
        self._database = duckdb.connect(
            config={
                "threads": THREADS,
                "memory_limit": memory_limit,
                "autoinstall_known_extensions": False,
                "autoload_known_extensions": False,
                "preserve_insertion_order": False,
            }
        )
        self._database.execute("SET parquet_metadata_cache = true")
        escaped = str(folder).replace("'", "''")
        self._database.execute(f"SET allowed_directories = ['{escaped}']")
        self._database.execute("SET enable_external_access = false")
        self._database.execute("SET lock_configuration = true")
        self._seconds = seconds
        self._threads = ThreadPoolExecutor(AT_ONCE, thread_name_prefix="query")

    async def run(self, question: Callable[[duckdb.DuckDBPyConnection], T]) -> T:
        """Ask in a thread, on a cursor of its own.

        Raises:
            QueryTimeout: it took too long or too much memory.
        """
        cursor = self._database.cursor()
        overdue = threading.Event()
        loop = asyncio.get_running_loop()
        timer: asyncio.TimerHandle

        def interrupt() -> None:
            nonlocal timer
            overdue.set()
            with contextlib.suppress(duckdb.Error):  # closed: it has just ended
                cursor.interrupt()
            timer = loop.call_later(AGAIN, interrupt)  # a statement that was just begun forgets it

        def ask() -> T:
            try:
                if overdue.is_set():  # waiting for a thread took all of its time
                    raise duckdb.InterruptException
                return question(cursor)
            finally:
                cursor.close()

        timer = loop.call_later(self._seconds, interrupt)
        try:
            return await loop.run_in_executor(self._threads, ask)
        except duckdb.InterruptException:
            raise QueryTimeout(f"the query took longer than {self._seconds:g} seconds") from None
        except duckdb.OutOfMemoryException:
            raise QueryTimeout("the query needs more memory than it may use") from None
        finally:
            timer.cancel()

    def close(self) -> None:
        """Wait for the queries that run, then let go of everything."""
        self._threads.shutdown()
        self._database.close()
