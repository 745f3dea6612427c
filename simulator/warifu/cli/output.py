"""What verbs print: a document for programs (`--json`) or lines for people, never both; errors on stderr with what to do next."""

from __future__ import annotations

import json
import os
import sys
from collections.abc import Iterable, Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import IO, Any, Final, NoReturn

import typer
from rich.console import Console
from rich.markup import escape
from rich.table import Table

from warifu.cli.text import t

UNFOLDED: Final = 1_000


def _width(stream: IO[str]) -> int | None:
    """Columns of what is no terminal: enough that nothing is folded, since who reads a pipe reads by the line; else as the terminal has."""
    return None if stream.isatty() or "COLUMNS" in os.environ else UNFOLDED


out = Console(highlight=False, width=_width(sys.stdout))
err = Console(stderr=True, highlight=False, width=_width(sys.stderr))


def document(value: Any) -> None:
    """Print one JSON document, and nothing else, on standard output."""
    json.dump(value, sys.stdout, ensure_ascii=False, indent=2)
    sys.stdout.write("\n")
    sys.stdout.flush()  # whoever reads a pipe waits for it while the command goes on


def fail(message: str, code: int = 2) -> NoReturn:
    """End with an error message on stderr, in one line: a command that it advises can be copied."""
    err.print(f"[bold red]{t('エラー', 'error')}[/]: {escape(message)}", soft_wrap=True)
    raise typer.Exit(code)


def table(columns: Sequence[str], rows: Iterable[Sequence[str]], *, title: str | None = None) -> None:
    """Print a table; cells are text, never markup."""
    drawn = Table(title=title, header_style="bold", box=None, pad_edge=False, title_justify="left")
    for column in columns:
        drawn.add_column(
            column, overflow="fold"
        )  # nothing is cut: a token, or Japanese without a space, goes on in the next line
    for row in rows:
        drawn.add_row(*map(escape, row))
    out.print(drawn)


@contextmanager
def placed(folder: Path) -> Iterator[None]:
    """Name `folder` in trouble with the disk that names no file: a write that fails knows only its descriptor."""
    try:
        yield
    except OSError as error:
        error.filename = error.filename or str(folder)
        raise


def writable(*files: Path | None) -> None:
    """End with an error message when one of the files could not be written: said before the work, not after it. Nothing is written or made."""
    for file in files:
        if file is not None and (why := _unwritable(file)) is not None:
            fail(t(f"{file} に書けません。{why[0]}", f"cannot write {file}: {why[1]}"))


def write(file: Path, text: str) -> None:
    """Write a file whose lines end as the text's do; what fails after `writable` found no fault ends with an error message."""
    try:
        file.write_text(text, encoding="utf-8", newline="")
    except OSError as error:
        fail(t(f"{file} に書けません。{error.strerror}", f"cannot write {file}: {error.strerror}"))


def _unwritable(file: Path) -> tuple[str, str] | None:
    """Why a file cannot be written, in Japanese and English."""
    folder = file.parent
    try:
        if file.is_dir():
            return "フォルダーです。ファイルの名前を指定してください。", "it is a folder. Name a file."
        if not folder.is_dir():
            return (
                f"{folder} というフォルダーはありません。作るか、別の場所を選んでください。",
                f"there is no folder {folder}. Make it, or choose another place.",
            )
        if not os.access(file if file.exists() else folder, os.W_OK):
            return (
                "書き込みが許されていません。別の場所を選んでください。",
                "nothing may be written there. Choose another place.",
            )
    except OSError as error:
        return f"{error.strerror}", f"{error.strerror}"
    return None


@contextmanager
def clear_errors() -> Iterator[None]:
    """Turn what users can cause into a message and exit code 2."""
    import grpc  # noqa: PLC0415 - slow to import

    from warifu.kernel.errors import LinkageError  # noqa: PLC0415
    from warifu.simulator.called import CallError  # noqa: PLC0415
    from warifu.simulator.told import ToldError  # noqa: PLC0415

    try:
        yield
    except ToldError as error:
        fail(t(error.ja, error.en))
    except OSError as error:
        from warifu.kernel.failures import is_store_trouble  # noqa: PLC0415 - loads the database library

        if not is_store_trouble(error):
            raise
        fail(_disk_trouble(error))
    except CallError as error:
        fail(t(error.text("ja"), error.text("en")))
    except grpc.aio.AioRpcError as error:
        failure = LinkageError.from_rpc(error).failure()
        fail(f"{failure.reason}: {t(failure.message.ja, failure.message.en)}")
    except LinkageError as error:
        failure = error.failure()
        fail(f"{failure.reason}: {t(failure.message.ja, failure.message.en)}")


def _disk_trouble(error: OSError) -> str:
    where = f"{error.filename}: " if error.filename else ""
    return t(
        f"書き込めません。{where}{error.strerror}。空き容量を確かめるか、--state で別のフォルダーを選んでください。",
        f"cannot write. {where}{error.strerror}. Free some space, or choose another folder with --state.",
    )
