"""What the gateway's unit tests share: a clock that stands where it is put, and a store on disk."""

from dataclasses import dataclass
from datetime import UTC, date, datetime, timedelta

from warifu.gateway.codes import Epochs, SivScheme
from warifu.gateway.schema import metadata
from warifu.kernel.clock import JAPAN
from warifu.kernel.store import Store, sqlite_url

MACHINE = datetime(2026, 11, 22, 3, 0, tzinfo=UTC)
NETWORK = datetime(2026, 6, 1, 0, 0, tzinfo=UTC)
SECRET = bytes(range(32))


@dataclass
class StandingClock:
    """Both clocks, moved by hand."""

    machine_now: datetime = MACHINE
    network_now: datetime = NETWORK

    def machine(self) -> datetime:
        return self.machine_now

    def network(self) -> datetime:
        return self.network_now

    def today(self) -> date:
        return self.network_now.astimezone(JAPAN).date()

    def pass_machine(self, **time) -> None:
        self.machine_now += timedelta(**time)

    def pass_network(self, **time) -> None:
        self.network_now += timedelta(**time)


def scheme(*epochs: int, secret: bytes = SECRET, **lagging: int) -> SivScheme:
    """The scheme under test with these epochs."""
    return SivScheme(secret, Epochs(epochs or (1,), lagging))


def new_store(folder) -> Store:
    """The gateway's store in `folder`, with its tables."""
    store = Store(sqlite_url(folder / "gateway.db"), metadata)
    store.create()
    return store


def resident_code(index: int) -> str:
    """Eleven digits, another for each index."""
    return f"888{index:08d}"
