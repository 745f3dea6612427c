"""What a party tells an operator's monitoring, as OpenMetrics (docs/OPERATIONS.md).

Every value is a count, a time or a state of the process. Labels come from closed lists: methods of the contracts, reasons of the error table,
names of jobs, checks and levels, and codes of institutions. Never a code of a person, a number, a name, an id: what is not in the table below
cannot be told. Everything is read from plain counters when it is asked for, so that what is not asked for costs nothing.
"""

from __future__ import annotations

import os
import resource
import time
from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path
from typing import Final

from prometheus_client import CollectorRegistry
from prometheus_client.core import (
    CounterMetricFamily,
    GaugeMetricFamily,
    HistogramMetricFamily,
    InfoMetricFamily,
    Metric,
)
from prometheus_client.openmetrics.exposition import generate_latest
from prometheus_client.registry import Collector

from warifu.kernel import committed
from warifu.kernel.durations import Durations
from warifu.kernel.health import CertificateDates, Health
from warifu.kernel.jobs import Jobs
from warifu.kernel.log import WRITTEN

CONTENT_TYPE: Final = "application/openmetrics-text; version=1.0.0; charset=utf-8"
_STARTED: Final = time.time()
Calls = Mapping[tuple[str, str], int]


@dataclass(frozen=True, slots=True)
class Sources:
    """Where a party's metrics are read."""

    party: str
    version: str
    calls: Calls
    """By (full method, "OK" or reason)."""
    durations: Durations
    """Of unary calls, by full method."""
    jobs: Jobs
    health: Health
    certificates: CertificateDates
    gauges: Mapping[str, Callable[[], float]]
    """The party's own, by name without prefix."""
    reasons: Mapping[str, Mapping[str, int]]
    """The party's own counts by "OK" or reason, by name without prefix."""


class Metrics(Collector):
    """A party's metrics. `render()` reads them all."""

    def __init__(self, sources: Sources) -> None:
        self._sources = sources
        self._registry = CollectorRegistry(auto_describe=False)
        self._registry.register(self)

    def render(self) -> bytes:
        """The document, in OpenMetrics' text form."""
        return bytes(generate_latest(self._registry))  # type: ignore[no-untyped-call]

    def collect(self) -> Iterator[Metric]:
        """See `Collector.collect`."""
        yield from self._of_calls()
        yield from self._of_work()
        yield from self._of_state()
        yield from _of_process()

    def _of_calls(self) -> Iterator[Metric]:
        calls = CounterMetricFamily(
            "warifu_calls",
            "Calls that were answered, by method and OK or the reason.",
            labels=("service", "method", "reason"),
        )
        for (method, reason), count in sorted(self._sources.calls.items()):
            calls.add_metric((*_split(method), reason), count)
        yield calls
        seconds = HistogramMetricFamily(
            "warifu_call_seconds", "How long unary calls took.", labels=("service", "method")
        )
        for method, spread in sorted(self._sources.durations.spreads.items()):
            seconds.add_metric(_split(method), spread.up_to(), spread.seconds)
        yield seconds
        for name, counts in self._sources.reasons.items():
            told = CounterMetricFamily(f"warifu_{name}", REASONS[name], labels=("reason",))
            for reason, count in sorted(counts.items()):
                told.add_metric((reason,), count)
            yield told

    def _of_work(self) -> Iterator[Metric]:
        jobs = CounterMetricFamily("warifu_job_runs", "Runs of periodic jobs.", labels=("job", "result"))
        for (job, result), count in sorted(self._sources.jobs.counts.items()):
            jobs.add_metric((job, result), count)
        yield jobs
        total = committed.total()
        yield CounterMetricFamily("warifu_store_writes", "Writes that the stores committed.", value=total.writes)
        yield CounterMetricFamily(
            "warifu_store_failures", "Transactions that the database failed.", value=total.failures
        )
        commits = HistogramMetricFamily(
            "warifu_store_commit_seconds", "How long transactions took, the disk's sync included; writes share them."
        )
        commits.add_metric((), total.commits.up_to(), total.commits.seconds)
        yield commits
        lines = CounterMetricFamily("warifu_log_lines", "Lines written to the party's log.", labels=("level",))
        for level, count in sorted(WRITTEN.items()):
            lines.add_metric((level,), count)
        yield lines

    def _of_state(self) -> Iterator[Metric]:
        health, dates = self._sources.health, self._sources.certificates
        yield InfoMetricFamily(
            "warifu_party", "Which party this is.", {"party": self._sources.party, "version": self._sources.version}
        )
        yield GaugeMetricFamily("warifu_serving", "1 while the party serves.", value=float(not health.ill))
        well = GaugeMetricFamily("warifu_well", "1 while this check finds nothing wrong.", labels=("check",))
        for name in health.checks:
            well.add_metric((name,), float(name not in health.ill))
        yield well
        ends = GaugeMetricFamily(
            "warifu_certificate_not_after_seconds",
            "When a certificate ends, seconds since 1970.",
            labels=("certificate",),
        )
        for name, not_after in _certificates(dates):
            ends.add_metric((name,), not_after.timestamp())
        yield ends
        for name, value in self._gauges():
            yield GaugeMetricFamily(f"warifu_{name}", GAUGES[name], value=value)

    def _gauges(self) -> Iterator[tuple[str, float]]:
        """The party's own, as far as they can be read: a store that is gone must not take with it the page that says so."""
        for name, value in self._sources.gauges.items():
            try:
                read = value()
            except Exception:  # noqa: BLE001 - whatever it is; the checks have logged it
                return  # nor is any other tried: each might wait for the same silent server
            yield name, read


GAUGES: Final = {
    "log_waiting": "Records that the public log has not taken in yet.",
    "log_waiting_seconds": "Age of the oldest of them.",
    "log_size": "Entries in the log's newest head.",
    "log_witnessed_size": "Entries in the newest head that the witness signed.",
    "outbox": "Final exchanges that the portal has not acknowledged.",
}
"""What a party may tell besides, each with its meaning: the whole list."""
REASONS: Final = {
    "inquiries": "Inquiries that were told of, alone, among many and in streams, by OK or the reason.",
}
"""What a party may count by reason besides: the whole list."""


def _split(method: str) -> tuple[str, str]:
    service, _, name = method.removeprefix("/").rpartition("/")
    return service, name


def _certificates(dates: CertificateDates) -> Iterable[tuple[str, datetime]]:
    """The server's certificate is called "server", a client's after its identity."""
    for path, (_, last) in dates.known().items():
        yield ("server" if path.parent.name == "tls" else path.parent.name), last


def _of_process() -> Iterator[Metric]:
    """The process as such, by the names that Prometheus' own clients use."""
    spent = resource.getrusage(resource.RUSAGE_SELF)
    yield CounterMetricFamily(
        "process_cpu_seconds", "CPU time, user and system.", value=spent.ru_utime + spent.ru_stime
    )
    yield GaugeMetricFamily("process_start_time_seconds", "When it started, seconds since 1970.", value=_STARTED)
    try:
        pages = int(Path("/proc/self/statm").read_text(encoding="ascii").split()[1])
        descriptors = len(list(Path("/proc/self/fd").iterdir()))
    except OSError:  # not Linux
        return
    memory = pages * os.sysconf("SC_PAGE_SIZE")
    yield GaugeMetricFamily("process_resident_memory_bytes", "Memory in use, shared pages included.", value=memory)
    yield GaugeMetricFamily("process_open_fds", "Open file descriptors.", value=descriptors)
