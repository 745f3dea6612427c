"""Writes a migration by comparing the newest revision with the schema in the code."""

from __future__ import annotations

import subprocess
import sys
import tempfile
from pathlib import Path

from alembic import command
from sqlalchemy import create_engine

from warifu.simulator.migrations import HERE, config


def write(kind: str, message: str) -> str:
    """Write the migration of one kind of database and return its path."""
    folder = HERE / "versions" / kind
    folder.mkdir(parents=True, exist_ok=True)
    number = f"{len(list(folder.glob('v[0-9]*.py'))) + 1:04d}"
    with tempfile.TemporaryDirectory() as scratch:
        engine = create_engine(f"sqlite:///{Path(scratch) / 'scratch.db'}")
        with engine.begin() as connection:
            settings = config(kind, connection=connection)
            settings.set_main_option("file_template", "v%%(rev)s_%%(slug)s")
            command.upgrade(settings, "head")
            command.revision(settings, message=message, autogenerate=True, rev_id=number)
        engine.dispose()
    written = next(folder.glob(f"v{number}_*.py"))
    ruff = Path(sys.executable).parent / "ruff"
    subprocess.run([ruff, "check", "--fix", "--quiet", written], check=False)  # noqa: S603 - our own tool on our own file
    subprocess.run([ruff, "format", "--quiet", written], check=False)  # noqa: S603
    return str(written)
