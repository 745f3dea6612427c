"""A run's data: what could be seen of each inquiry as CSV (and Parquet where pyarrow is there), and the ground truth in a file of its own.

The truth is readable by whoever ran the traffic alone (0600), and lies in no party's folder, which a party's process could read.
"""

from __future__ import annotations

import csv
import os
from collections.abc import Iterable, Sequence
from importlib import import_module
from pathlib import Path
from typing import Any, Final

from warifu.kernel.confine import readable_roots
from warifu.simulator.told import ToldError
from warifu.simulator.traffic.drive import Made

EXCHANGES, PARQUET, TRUTH = "exchanges.csv", "exchanges.parquet", "truth.csv"
HEADS: Final = (
    "request_id", "planned_at", "row", "requester", "in_name_of", "provider", "procedure", "item", "tax_year", "subject",
    "office", "clerk", "case_reference", "consent", "due_seconds", "latency_ms", "outcome", "reason", "final_outcome",
)  # fmt: skip
"""`subject` numbers people within this file: it is no code of any institution's."""
TRUTHS: Final = ("request_id", "person", "case", "cause", "misuse", "incident")


def check_folder(folder: Path, state: Path) -> None:
    """See that what is written there is out of every party's reach.

    Raises:
        ToldError: the folder lies in the network's state, or where every party's process may read: the system's files, Python's and the program's own.
    """
    where = folder.resolve()
    if where.is_relative_to(state.resolve()):
        raise ToldError(
            f"{folder} はネットワークの状態フォルダーの中です。正解のファイルは、どの機関も読めない場所に置きます。--out で別のフォルダーを指定してください。",
            f"{folder} lies in the network's state folder. The ground truth goes where no party can read it: choose another folder with --out.",
        )
    for root in readable_roots(state / "any party"):
        if where.is_relative_to(root):
            raise ToldError(
                f"{folder} は {root} の中で、どの機関のプロセスもそこを読めます。正解のファイルは、どの機関も読めない場所に置きます。--out で別のフォルダーを指定してください。",
                f"{folder} lies in {root}, which the processes of all parties can read. The ground truth goes where no party can: choose another folder with --out.",
            )


def rows(made: Sequence[Made]) -> list[tuple[Any, ...]]:
    """One row an inquiry, in the order of `HEADS`."""
    numbers: dict[str, int] = {}
    return [_row(one, numbers.setdefault(one.intended.person, len(numbers) + 1)) for one in made]


def truths(made: Sequence[Made]) -> list[tuple[Any, ...]]:
    """One row an inquiry, in the order of `TRUTHS`."""
    found = []
    for one in made:
        truth = one.intended.truth
        misuse, incident = truth.misuse or "none", truth.incident or None
        found.append((one.request_id, one.intended.person, truth.case, truth.cause, misuse, incident))
    return found


def write(folder: Path, made: Sequence[Made]) -> list[Path]:
    """Write all files, over those of an earlier run; those that were written, the truth last. Parquet only where pyarrow is installed."""
    folder.mkdir(parents=True, exist_ok=True)
    table = rows(made)
    written = [_csv(folder / EXCHANGES, HEADS, table, 0o644)]
    if _parquet(folder / PARQUET, table):
        written.append(folder / PARQUET)
    return [*written, _csv(folder / TRUTH, TRUTHS, truths(made), 0o600)]


def _row(one: Made, subject: int) -> tuple[Any, ...]:
    asked = one.intended
    latency = None if one.latency is None else round(1000 * one.latency, 3)
    return (
        one.request_id, asked.at.isoformat(timespec="milliseconds"), asked.row, asked.requester, asked.claims or asked.requester,
        asked.provider, asked.procedure, asked.item, asked.year, subject, asked.office, asked.clerk, asked.case,
        asked.consent, round(one.due, 6), latency, one.outcome, one.reason, one.finally_ or one.outcome,
    )  # fmt: skip


def _csv(path: Path, heads: Sequence[str], table: Iterable[Sequence[Any]], mode: int) -> Path:
    path.unlink(missing_ok=True)  # an old file keeps its old mode
    with os.fdopen(
        os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL, mode), "w", encoding="utf-8", newline=""
    ) as file:
        writer = csv.writer(file)
        writer.writerow(heads)
        writer.writerows(table)
    return path


def _parquet(path: Path, table: Sequence[Sequence[Any]]) -> bool:
    try:
        arrow, parquet = import_module("pyarrow"), import_module("pyarrow.parquet")  # an extra, and slow to import
    except ModuleNotFoundError:
        path.unlink(missing_ok=True)  # one of an earlier run would be another run's
        return False
    columns = {head: [row[place] for row in table] for place, head in enumerate(HEADS)}
    parquet.write_table(arrow.table(columns), path)
    return True
