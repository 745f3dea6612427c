"""Pages and JSON of findings, suspicions and the rules behind these. To open one is in the diary and in the public log."""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Final

from starlette.exceptions import HTTPException
from starlette.requests import Request
from starlette.responses import JSONResponse, Response
from starlette.routing import BaseRoute, Route

from warifu.exchange.detection import BY_NAME, RULES
from warifu.kernel.instants import datetime_at
from warifu.law import Text
from warifu.supervision.v1.supervision_pb2 import Suspicion
from warifu.watchdog.desk import PAGE, Desk, before_of, number_of
from warifu.watchdog.found.queries import Found
from warifu.web import languages
from warifu.web.dates import iso, written

TITLES: Final = {
    "smaller-tree": Text("ログが短くなった", "The log became shorter"),
    "fork": Text("ログが枝分かれした", "The log forked"),
    "altered-past": Text("ログの過去が書き換えられた", "The log's past was altered"),
    "wrong-tiles": Text("ログのタイルが合わない", "The log's tiles do not fit"),
    "unlogged-record": Text("約束された記録がログにない", "A promised record is not in the log"),
    "late-record": Text("記録が遅れてログに入った", "A record came into the log late"),
    "own-memory": Text("監督機関の記憶が巻き戻った", "The supervisor's memory went back"),
}


@dataclass(frozen=True, slots=True)
class FoundViews:
    """The pages."""

    desk: Desk
    found: Found

    def routes(self) -> list[BaseRoute]:
        """Their routes."""
        return [
            Route("/findings", self.findings, methods=["GET"]),
            Route("/findings/{id}", self.finding, methods=["GET"]),
            Route("/suspicions", self.suspicions, methods=["GET"]),
            Route("/suspicions/{id}", self.suspicion, methods=["GET"]),
            Route("/detectors", self.detectors, methods=["GET"]),
            Route("/api/v1/findings", self.findings_json, methods=["GET"]),
            Route("/api/v1/findings/{id}", self.finding_json, methods=["GET"]),
            Route("/api/v1/suspicions", self.suspicions_json, methods=["GET"]),
            Route("/api/v1/suspicions/{id}", self.suspicion_json, methods=["GET"]),
        ]

    async def findings(self, request: Request) -> Response:
        """What is proved, newest first; what it is about is told when one is opened."""
        await self.desk.staff(request)
        rows, language = self.found.findings(before_of(request)), languages.of(request)
        shown = [
            {"id": row.id, "title": _title(row.kind, language), "party": self.desk.name(row.party, language), "entry": row.entry,
             "found": written(datetime_at(row.network_at), language)}
            for row in rows[:PAGE]
        ]  # fmt: skip
        return await self.desk.render(request, "findings.html", rows=shown, older=_older(rows), newest=_newest(request))

    async def finding(self, request: Request) -> Response:
        """One finding, with the evidence by which others can check it."""
        row, entered = await self._open_finding(request)
        language = languages.of(request)
        detail = row.detail_en if language == "en" else row.detail_ja
        return await self.desk.render(
            request,
            "finding.html",
            title=_title(row.kind, language),
            kind=row.kind,
            number=row.id,
            party=self.desk.name(row.party, language),
            entry=row.entry,
            detail=detail,
            evidence=_evidence(row.evidence),
            found=written(datetime_at(row.network_at), language),
            entered=entered,
        )

    async def suspicions(self, request: Request) -> Response:
        """What rules point at, newest first."""
        await self.desk.staff(request)
        rule = request.query_params.get("rule", "")
        rule = rule if rule in BY_NAME else ""
        rows, language = self.found.suspicions(before_of(request), rule), languages.of(request)
        shown = [self._line(row, language) for row in rows[:PAGE]]
        rules = [(one.name, one.title.to(language)) for one in RULES]
        return await self.desk.render(
            request, "suspicions.html", rows=shown, older=_older(rows), newest=_newest(request), rule=rule, rules=rules
        )

    async def suspicion(self, request: Request) -> Response:
        """One suspicion: where its records are, and which rule points at them."""
        row, entered = await self._open_suspicion(request)
        language = languages.of(request)
        listed = Suspicion.FromString(row.listed)
        return await self.desk.render(
            request,
            "suspicion.html",
            line=self._line(row, language),
            says=BY_NAME[row.rule].says.to(language),
            last=written(datetime_at(row.last_at), language),
            leaves=list(listed.leaves),
            request_ids=list(listed.request_ids),
            entered=entered,
        )

    async def detectors(self, request: Request) -> Response:
        """The rules, as they run."""
        await self.desk.staff(request)
        language = languages.of(request)
        rules = [
            {"name": one.name, "where": one.where, "title": one.title.to(language), "says": one.says.to(language),
             "threshold": one.threshold, "minutes": one.minutes}
            for one in RULES
        ]  # fmt: skip
        return await self.desk.render(request, "detectors.html", rules=rules)

    async def findings_json(self, request: Request) -> Response:
        """The list for programs."""
        await self.desk.staff(request)
        rows = self.found.findings(before_of(request))
        return JSONResponse({"findings": [_brief(row) for row in rows[:PAGE]], "next": _older(rows)})

    async def finding_json(self, request: Request) -> Response:
        """One for programs; it is an opening as well."""
        row, entered = await self._open_finding(request)
        told = {"ja": row.detail_ja, "en": row.detail_en}
        document = _brief(row) | {"detail": told, "evidence": _evidence(row.evidence), "entered": entered}
        return JSONResponse(document)

    async def suspicions_json(self, request: Request) -> Response:
        """The list for programs."""
        await self.desk.staff(request)
        rows = self.found.suspicions(before_of(request))
        return JSONResponse({"suspicions": [_suspected(row) for row in rows[:PAGE]], "next": _older(rows)})

    async def suspicion_json(self, request: Request) -> Response:
        """One for programs; it is an opening as well."""
        row, entered = await self._open_suspicion(request)
        listed = Suspicion.FromString(row.listed)
        places = {"leaves": list(listed.leaves), "request_ids": list(listed.request_ids)}
        return JSONResponse(_suspected(row) | places | {"entered": entered})

    async def _open_finding(self, request: Request) -> tuple[Any, bool]:
        who = await self.desk.staff(request)
        row = self.found.finding(number_of(request))
        if row is None:
            raise HTTPException(404)
        return row, await self.desk.diary.opened(who, f"finding-{row.id}")

    async def _open_suspicion(self, request: Request) -> tuple[Any, bool]:
        who = await self.desk.staff(request)
        row = self.found.suspicion(number_of(request))
        if row is None:
            raise HTTPException(404)
        return row, await self.desk.diary.opened(who, f"suspicion-{row.id}")

    def _line(self, row: Any, language: str) -> Mapping[str, object]:
        return {
            "id": row.id,
            "title": BY_NAME[row.rule].title.to(language),
            "institution": self.desk.name(row.institution, language),
            "source": self.desk.name(row.source, language),
            "count": row.count,
            "first": written(datetime_at(row.first_at), language),
        }


def _title(kind: str, language: str) -> str:
    return TITLES[kind].to(language) if kind in TITLES else kind


def _older(rows: Any) -> int | None:
    return rows[PAGE - 1].id if len(rows) > PAGE else None


def _newest(request: Request) -> bool:
    return "before" not in request.query_params


def _evidence(kept: bytes) -> str:
    """As it is kept when it is text, hexadecimal otherwise."""
    try:
        return json.dumps(json.loads(kept), ensure_ascii=False, indent=1)
    except ValueError:
        return kept.hex()


def _brief(row: Any) -> dict[str, object]:
    return {
        "id": row.id,
        "kind": row.kind,
        "party": row.party,
        "entry": row.entry,
        "found_at": iso(datetime_at(row.network_at)),
    }


def _suspected(row: Any) -> dict[str, object]:
    return {
        "id": row.id,
        "rule": row.rule,
        "institution": row.institution,
        "source": row.source,
        "count": row.count,
        "first_at": iso(datetime_at(row.first_at)),
        "last_at": iso(datetime_at(row.last_at)),
    }
