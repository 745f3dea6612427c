"""The rows of `warifu bench`: what is divided by what, and the goals.

A step is a kind of load with its number of callers; each turn runs every step that some row needs once, so a pair is of one turn.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from typing import Final

from warifu.simulator.bench.hands import Stretch

ECHO: Final = "echo"
LEDGER, FILE = "ledger", "file"
PAGE, SQL = "page", "sql"
PAGE_HTTP, EMPTY_HTTP = "page-http", "empty-http"
NGINX: Final = "nginx"
LOADED: Final = "connector-disk"
"""The connector while another process keeps the disk busy."""


@dataclass(frozen=True, slots=True)
class Step:
    """One stretch of load in each turn."""

    call: str
    callers: int

    @property
    def name(self) -> str:
        """Such as "connector c=16"."""
        return f"{self.call} c={self.callers}"


@dataclass(frozen=True, slots=True)
class Goal:
    """Where the ratio should be."""

    required: float
    aim: float
    most: bool
    """It must not be more; otherwise it must not be less."""

    def met(self, value: float) -> str:
        """How it is met: "aim", "required" or "missed"."""
        if value <= self.aim if self.most else value >= self.aim:
            return "aim"
        return "required" if (value <= self.required if self.most else value >= self.required) else "missed"


@dataclass(frozen=True, slots=True)
class Row:
    """A row of the table, measured by turns: `figure` of `over` ÷ `figure` of `under`."""

    name: str
    ja: str
    en: str
    goal: Goal | None
    figure: Callable[[Stretch], float]
    over: Step
    under: Step | None
    """None: the figure is a ratio in itself."""


def p50(stretch: Stretch) -> float:
    """Median latency in seconds."""
    return stretch.quantile(0.5)


def rate(stretch: Stretch) -> float:
    """Exchanges a second."""
    return stretch.rate


def tail(stretch: Stretch) -> float:
    """p99 ÷ p50."""
    return stretch.quantile(0.99) / stretch.quantile(0.5)


def _rate(name: str, call: str, callers: int, under: int, goal: Goal | None, ja: str, en: str) -> Row:
    return Row(name, ja, en, goal, rate, Step(call, callers), Step(ECHO, under))


EXCHANGES: Final = (
    Row(
        "unary_p50_c1", "単発の照会、応答時間の中央値、同時1", "unary exchange, median latency, 1 caller",
        Goal(3.6, 2.4, most=True), p50, Step("unary", 1), Step(ECHO, 1),
    ),
    _rate("unary_c16", "unary", 16, 16, Goal(0.3, 0.5, most=False), "単発の照会、同時16", "unary exchanges/s, 16 callers"),
    Row(
        "connector_p50_c1", "接続部による照会、応答時間の中央値、同時1", "connector, median latency, 1 caller",
        None, p50, Step("connector", 1), Step(ECHO, 1),
    ),
    _rate("connector_c16", "connector", 16, 16, Goal(1.0, 1.6, most=False), "接続部による照会、同時16", "connector exchanges/s, 16 callers"),
    _rate("connector_c64", "connector", 64, 64, Goal(1.7, 3, most=False), "接続部による照会、同時64", "connector exchanges/s, 64 callers"),
    _rate(
        "connector_c256", "connector", 256, 64, Goal(3, 6, most=False),
        "接続部による照会、同時256（エコーは64）", "connector exchanges/s, 256 callers (echo: 64)",
    ),
    _rate("bulk", "bulk", 1, 64, Goal(4, 7, most=False), "一括照会、人/秒（エコーは64）", "bulk inquiry, subjects/s (echo: 64)"),
    Row(
        "p99_p50_c16", "ディスクが混むときの p99 ÷ p50、同時16", "p99 ÷ p50 while the disk is busy, 16 callers",
        Goal(3, 2, most=True), tail, Step(LOADED, 16), None,
    ),
)  # fmt: skip
"""By E2 and a network."""

STORES: Final = (
    Row(
        "ledger_c64", "記録台帳 ÷ fdatasync だけのファイル、記録/秒、同時64", "record ledger ÷ bare file with fdatasync, records/s, 64 callers",
        Goal(0.5, 0.6, most=False), rate, Step(LEDGER, 64), Step(FILE, 64),
    ),
    Row(
        "history_p50", "履歴の1ページ ÷ SQL だけ、応答時間の中央値", "page of the history ÷ bare SQL, median time",
        Goal(3, 1.5, most=True), p50, Step(PAGE, 1), Step(SQL, 1),
    ),
    Row(
        "history_http", "同じページ ÷ 空の応答、HTTP で、応答時間の中央値", "the same page ÷ an empty answer, both by HTTP, median time",
        None, p50, Step(PAGE_HTTP, 1), Step(EMPTY_HTTP, 1),
    ),
)  # fmt: skip
"""With processes of their own, one for each of `SHARED`."""

SHARED: Final = (("ledger_c64",), ("history_p50", "history_http"))
"""Rows that are measured in the same process, by turns."""

BY_NGINX: Final = Row(
    "nginx_c64", "接続部による照会 ÷ nginx 経由のエコー、照会/秒、同時64", "connector exchanges/s ÷ echo through nginx, 64 callers",
    None, rate, Step("connector", 64), Step(NGINX, 64),
)  # fmt: skip
"""Where nginx is installed."""
POPULATION: Final = Row(
    "population", "住民の登録 ÷ executemany だけ、行/秒", "population load ÷ bare executemany, rows/s",
    None, rate, Step("population", 1), None,
)  # fmt: skip
"""Measured by a module of its own (`bench.population`), and by default in whole runs alone."""

ROWS: Final[Mapping[str, Row]] = {row.name: row for row in (*EXCHANGES, BY_NGINX, *STORES, POPULATION)}


def steps(rows: Iterable[Row]) -> tuple[Step, ...]:
    """What a turn runs: each step once, next to what it is compared with."""
    found: dict[Step, None] = {}
    for row in rows:
        for step in (row.under, row.over):
            if step is not None:
                found.setdefault(step)
    return tuple(
        sorted(found, key=lambda step: (step.callers if step.call != "bulk" else 64, step.call not in {ECHO, NGINX}))
    )
