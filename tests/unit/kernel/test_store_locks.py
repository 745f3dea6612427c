"""A store keeps its locks: another process that opens and closes the file takes nothing away from it."""

import asyncio
import sys
from pathlib import Path

from sqlalchemy import Column, Integer, MetaData, Table, insert

from warifu.kernel.store import Store, sqlite_url

METADATA = MetaData()
ROWS = Table("rows", METADATA, Column("number", Integer, primary_key=True))
VISIT = "import sqlite3, sys; c = sqlite3.connect(sys.argv[1]); print(c.execute('SELECT max(number) FROM rows').fetchone()[0]); c.close()"


async def visit(path: Path) -> str:
    """Another process opens the database, reads the largest number and closes."""
    command = [sys.executable, "-c", VISIT, str(path)]
    process = await asyncio.create_subprocess_exec(*command, stdout=asyncio.subprocess.PIPE)
    output, _ = await process.communicate()
    return output.decode().strip()


async def test_another_process_that_closes_the_file_takes_nothing_away(tmp_path: Path) -> None:
    """After a health check, visits of other processes leave the write-ahead log in place and see every later commit."""
    path = tmp_path / "rows.db"
    store = Store(sqlite_url(path), METADATA)
    store.create()
    for number in (1, 2, 3):
        await store.write(lambda c, n=number: c.execute(insert(ROWS), [{"number": n}]))
        store.check()
        assert await visit(path) == str(number)
        assert path.with_name("rows.db-wal").exists()
    store.close()
    assert await visit(path) == "3"
