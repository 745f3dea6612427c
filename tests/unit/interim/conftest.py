"""An institution's ground without a network: real store, packaged law book, a clock that stands where it is put."""

from dataclasses import dataclass
from datetime import UTC, date, datetime, timedelta

import pytest

from warifu import law
from warifu.exchange.keys import InstitutionKeys
from warifu.interim.contents import Contents
from warifu.interim.ground import Ground
from warifu.interim.schema import metadata
from warifu.kernel.clock import JAPAN
from warifu.kernel.ids import Ids
from warifu.kernel.limits import RETENTION
from warifu.kernel.months import month_of
from warifu.kernel.store import Store, sqlite_url
from warifu.kernel.vault import Vault

TAX = "tax-480011"
BOOK = law.packaged()


@dataclass
class StandingClock:
    """Both clocks, moved by hand."""

    now: datetime = datetime(2026, 6, 10, 0, 0, tzinfo=UTC)

    def machine(self) -> datetime:
        """See `Clock.machine`."""
        return self.now

    def network(self) -> datetime:
        """See `Clock.network`."""
        return self.now

    def today(self) -> date:
        """See `Clock.today`."""
        return self.now.astimezone(JAPAN).date()

    def pass_days(self, days: int) -> None:
        """Let days pass."""
        self.now += timedelta(days=days)


class Law:
    """The packaged law book."""

    def book(self):
        """See `CurrentLaw.book`."""
        return BOOK


@pytest.fixture(scope="session")
def tax_keys():
    """Keys of the tax office."""
    return InstitutionKeys.generate(TAX)


@pytest.fixture
def make_ground(tmp_path, tax_keys):
    """Makes grounds, each with an empty store of its own."""
    stores = []

    def make() -> Ground:
        store = Store(sqlite_url(tmp_path / f"{len(stores)}.db"), metadata)
        store.create()
        vault = Vault.open(tmp_path / f"{len(stores)}.months.json", month_of(date(2026, 6, 10)) - RETENTION)
        stores.append(store)
        contents = Contents(vault)
        return Ground(TAX, store, tax_keys, None, Law(), StandingClock(), None, Ids(), bytes(32), contents)

    yield make
    for store in stores:
        store.close()


@pytest.fixture
def ground(make_ground):
    """One ground."""
    return make_ground()
