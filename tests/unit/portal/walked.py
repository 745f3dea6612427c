"""What the security walk goes over: every route of the portal, the card service and the stage, read from the applications themselves.

A route with a place in its path must be told to `PLACES`; one that is not raises KeyError, so that whoever adds it looks at the walk.
"""

from __future__ import annotations

import re
from collections import defaultdict
from collections.abc import AsyncIterator, Iterator, Mapping
from contextlib import asynccontextmanager, contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any
from urllib.parse import parse_qs, urlsplit

import httpx2
import pytest
from sqlalchemy import MetaData, select
from starlette.applications import Starlette
from starlette.datastructures import FormData, ImmutableMultiDict, QueryParams
from starlette.routing import Route
from unit.portal.browser import Browser
from unit.portal.lab import HANA, SORA, Lab, Told
from unit.portal.mandated import JSON, accepted, word_of
from unit.portal.test_information import answered
from unit.portal.test_procedures import ALLOWANCE, FORM, applied, back, drafted
from unit.stage.lab import ORIGIN as STAGE
from unit.stage.lab import open_lab as open_stage
from unit.stage.sample import ID as EXCHANGE
from unit.stage.sample import Sample

from warifu.kernel.store import Store
from warifu.portal.tables import metadata
from warifu.web.face import Ahead

EVIL = "http://evil.example"
PLACES = (
    ("/static/", ("tag", "name"), ""),
    ("/applications/drafts/", ("application",), "draft"),
    ("/applications/", ("application",), "application"),
    ("/history/", ("request_id",), "entry"),
    ("/information/ask/", ("row",), "row"),
    ("/information/", ("request_id",), "information"),
    ("/letters/", ("letter_id",), "letter"),
    ("/procedures/", ("code",), "procedure"),
    ("/cards/", ("card",), "card"),
    ("/scenarios/", ("name",), "scenario"),
    ("/drills/", ("name",), "drill"),
    ("/exchange/", ("request_id",), "exchange"),
    ("/slip/", ("person",), "person"),
)
"""Beginning of a path (below /api/v1 or not), the places in it, and what stands there."""
PUBLIC = {
    "row": "S01",
    "procedure": ALLOWANCE,
    "card": HANA.person,
    "scenario": "same-city",
    "drill": "leaked-number",
    "exchange": EXCHANGE,
    "person": HANA.person,
}
"""What stands in places that are nobody's own: of the law book, of the tray, of the stage."""


@dataclass(frozen=True, slots=True)
class Way:
    """One method of one route."""

    method: str
    route: str

    @property
    def static(self) -> bool:
        """It hands out files that are the same for everyone."""
        return self.route.startswith("/static/")

    @property
    def document(self) -> bool:
        """It is for programs."""
        return self.route.startswith("/api/")

    @property
    def ends(self) -> bool:
        """It ends a session."""
        return self._below in {"/logout", "/logout/everywhere", "/kiosk/finish", "/kiosk/leave"}

    @property
    def whose(self) -> str:
        """What stands in its places; nothing for a path without."""
        names = tuple(re.findall(r"\{(\w+)", self.route))
        if not names:
            return ""
        found = (what for start, places, what in PLACES if self._below.startswith(start) and places == names)
        what = next(found, None)
        if what is None:
            raise KeyError(f"{self.route}: what stands there is not told to the security walk")
        return what

    @property
    def _below(self) -> str:
        return self.route.removeprefix("/api/v1")

    def path(self, held: Mapping[str, str]) -> str:
        """The address with what is held in its places."""
        if self.static:
            return "/static/0000000000000000/warifu.css"
        what = self.whose
        return re.sub(r"\{[^}]+\}", ({**PUBLIC, **held})[what], self.route) if what else self.route


def ways(web: object) -> list[Way]:
    """Every method of every route of a guarded application."""
    app = web
    while not isinstance(app, Starlette):
        within = getattr(app, "application", None) or getattr(app, "app", None) or getattr(app, "_app", None)
        app = within or next(c.cell_contents for c in app.__closure__ if isinstance(c.cell_contents, Ahead))
    found = [route for route in app.routes if isinstance(route, Route)]
    assert len(found) == len(app.routes), "a route of a kind that the walk does not know"
    return [Way(method, route.path) for route in found for method in sorted((route.methods or set()) - {"HEAD"})]


def rows(store: Store, tables: MetaData = metadata, *, but: frozenset[str] = frozenset()) -> dict[str, list[Any]]:
    """All that a store holds, table by table."""
    return store.read(
        lambda c: {
            t.name: sorted(map(repr, c.execute(select(t)).all())) for t in tables.sorted_tables if t.name not in but
        }
    )


@dataclass
class Held:
    """What Hana has, one of each kind, by what the walk calls it; and who else looks."""

    lab: Lab
    hana: Browser
    ids: dict[str, str] = field(default_factory=dict)


async def everything(lab: Lab, text: str = "なぜ必要でしたか。") -> Held:
    """Hana logged in, with one of everything that has an id; `text` wherever she types freely."""
    hana, sora = Browser(lab), Browser(lab)
    await hana.log_in()
    await sora.log_in(SORA)
    await lab.deliver([told := Told()])
    letter = {"addressee": told.requester, "kind": "question", "text": text}
    sent = await hana.post(f"/history/{told.request_id}/letter", letter, **JSON)
    token = (await hana.post("/developers/tokens", {"label": text[:40]}, **JSON)).json()
    mandate = (await accepted(sora, await word_of(hana, text[:40]), text[:40])).json()["mandate"]
    ids = {
        "entry": told.request_id,
        "letter": sent.json()["letter_id"],
        "information": await answered(lab, hana),
        "application": await applied(lab, hana),
        "draft": await drafted(hana, **({"child_name": text[:60]} if "child_name" in FORM else {})),
        "token": token["token"],
        "secret": token["secret"],
        "mandate": mandate,
    }
    ids["notice"] = (await hana.get("/api/v1/notices")).json()["notices"][0]["notice"]
    return Held(lab, hana, ids)


async def signed(held: Held) -> dict[str, str]:
    """What the card would send back for Hana's draft."""
    query = urlsplit(await back(held.lab, held.hana, held.ids["draft"])).query
    return {name: values[0] for name, values in parse_qs(query).items()}


@dataclass
class Face:
    """One application that is walked over. Its client keeps its cookies, whatever an answer says: the walk is one visitor's."""

    name: str
    web: object
    origin: str
    client: httpx2.AsyncClient
    held: Mapping[str, str] = field(default_factory=dict)

    async def ask(self, way: Way, names: Mapping[str, str] | None = None, **headers: str) -> httpx2.Response:
        """Go one way, with fields in the query or the form; a form says that it comes from here, unless `headers` say otherwise."""
        sent = {"origin": self.origin} if way.method != "GET" else {}
        sent |= {name.replace("_", "-"): value for name, value in headers.items() if value}
        sent = {name: value for name, value in sent.items() if headers.get(name) != ""}
        where = {"params" if way.method == "GET" else "data": names or {}}
        cookies = httpx2.Cookies(self.client.cookies)
        response = await self.client.request(way.method, self.origin + way.path(self.held), headers=sent, **where)
        self.client.cookies = cookies
        return response

    @property
    def ways(self) -> list[Way]:
        """All of it; those last after which nobody is logged in any more."""
        return sorted(ways(self.web), key=lambda way: way.method == "POST" and way.ends)


@asynccontextmanager
async def stage_face(folder: Path, monkeypatch: pytest.MonkeyPatch) -> AsyncIterator[Face]:
    """A stage of its own in `folder`, whose parties hold one exchange."""

    async def look(_doors: object, _request_id: str) -> object:
        return Sample().views()

    monkeypatch.setattr("warifu.simulator.stage.exchange.views.look", look)
    (state := folder / "stage").mkdir()
    async with open_stage(state) as stage:
        yield Face("stage", stage.face.web, STAGE, stage.client)


@contextmanager
def reading(monkeypatch: pytest.MonkeyPatch) -> Iterator[dict[type, set[str]]]:
    """The names that the application looks for in queries and in forms while the block lasts."""
    seen: dict[type, set[str]] = defaultdict(set)

    def watched(plain: Any) -> Any:
        def asked(self: ImmutableMultiDict[str, str], key: str) -> Any:
            seen[type(self)].add(key)
            return plain(self, key)

        return asked

    with monkeypatch.context() as patched:
        for name in ("__getitem__", "__contains__", "getlist"):
            patched.setattr(ImmutableMultiDict, name, watched(getattr(ImmutableMultiDict, name)))
        yield seen


FIELDS = {"GET": QueryParams, "POST": FormData}
"""Where a method's fields come from."""
