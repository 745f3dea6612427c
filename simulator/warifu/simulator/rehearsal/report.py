"""What a rehearsal found: as a document for programs, and as one HTML file that loads nothing from anywhere."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any, Final

from jinja2 import Environment, FileSystemLoader, StrictUndefined

from warifu.law import LawBook, Text
from warifu.simulator.rehearsal.compare import Aspect, Comparison, Difference
from warifu.simulator.rehearsal.record import Recording, Step

ASPECTS: Final[Mapping[Aspect, Text]] = {
    Aspect.DECISION: Text("判定", "decision"),
    Aspect.OUTCOME: Text("結果", "outcome"),
    Aspect.VALUES: Text("値", "values"),
    Aspect.HISTORY: Text("本人の履歴", "the person's history"),
}


def document(found: Comparison) -> dict[str, Any]:
    """The shape of `warifu rehearse --json`."""
    return {
        "people": found.before.played.people,
        "seed": found.before.played.seed,
        "day": found.before.played.day.isoformat(),
        "before": _run(found.before),
        "after": _run(found.after),
        "asked": len(found.before.results),
        "differs": found.differs,
        "aspects": {str(aspect): number for aspect, number in counts(found).items()},
        "rows": [
            {
                "row": one.row, "asked": one.asked, "permitted_before": one.permitted[0],
                "permitted_after": one.permitted[1], "differ": one.differ,
            }
            for one in found.rows
        ],
        "unasked": [{"row": row, "differs": differs} for row, differs in found.unasked.items()],
        "differences": [_difference(one) for one in found.differences],
    }  # fmt: skip


def counts(found: Comparison) -> Mapping[Aspect, int]:
    """How many inquiries differ in each aspect."""
    counted = Counter(aspect for one in found.differences for aspect in one.aspects)
    return {aspect: counted[aspect] for aspect in Aspect}


def page(found: Comparison, book: LawBook, language: str) -> str:
    """The report as HTML, in "ja" or "en"."""
    environment = Environment(
        loader=FileSystemLoader(Path(__file__).with_name("templates")), autoescape=True, undefined=StrictUndefined,
        trim_blocks=True, lstrip_blocks=True,
    )  # fmt: skip
    names = {code: one.name.to(language) for code, one in book.institutions.items()}
    procedures = {one.procedure.code: one.procedure.name.to(language) for one in book.rows.values()}
    return environment.get_template("report.html").render(
        language=language, t=lambda ja, en: en if language == "en" else ja, found=found, asked=len(found.before.results),
        counts=[(ASPECTS[aspect].to(language), number) for aspect, number in counts(found).items()],
        differences=[(one.step, list(_lines(one, language))) for one in found.differences],
        name=lambda code: names.get(code, code), procedure=lambda step: procedures.get(step.procedure, step.procedure),
    )  # fmt: skip


def _lines(one: Difference, language: str) -> Iterator[tuple[str, str, str]]:
    for aspect in one.aspects:
        yield (ASPECTS[aspect].to(language), *one.shown(aspect))


def _run(recording: Recording) -> dict[str, Any]:
    return {"program": recording.program, "law": recording.law, "unread": list(recording.unread)}


def _difference(one: Difference) -> dict[str, Any]:
    shown = {str(aspect): dict(zip(("before", "after"), one.shown(aspect), strict=True)) for aspect in one.aspects}
    return {**_step(one.step), "differs": shown}


def _step(step: Step) -> dict[str, Any]:
    return {
        "row": step.row, "person": step.person, "requester": step.requester, "provider": step.provider,
        "procedure": step.procedure, "item": step.item, "year": step.year, "request_id": step.request_id,
    }  # fmt: skip
