"""Withholding an answer needs a second person: the proposal is the very call that is made once it is approved."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Final

from warifu.counter.desk import Acting
from warifu.counter.proposals.kinds import ProposalKind
from warifu.counter.stubs import DEADLINE, Stubs, answered
from warifu.interim.v1 import interim_pb2
from warifu.law import LawBook, Text

KIND: Final = "withhold"
_PERMIT: Final = Text("照会番号", "Request id")
_DECISION: Final = Text("すること", "What is done")
_WITHHOLD: Final = Text(
    "「提供できない」と回答する。照会した機関には理由を伝えない。",
    "Answer that it cannot be provided. Whoever asked is not told why.",
)


def withhold_kind(stubs: Stubs, book: Callable[[], LawBook]) -> ProposalKind:
    """The kind, for the list of kinds."""

    def told(content: bytes, language: str) -> Sequence[tuple[str, str]]:
        request = interim_pb2.ReleaseReviewRequest.FromString(content)
        institution = book().institutions.get(request.institution)
        name = institution.name.to(language) if institution is not None else request.institution
        return (
            (Text("提供する側", "Provider").to(language), name),
            (_PERMIT.to(language), request.permit_id),
            (_DECISION.to(language), _WITHHOLD.to(language)),
        )

    async def do(acting: Acting, content: bytes, _proposed_by: str) -> None:
        request = interim_pb2.ReleaseReviewRequest.FromString(content)
        await answered(stubs.interim(acting.code).ReleaseReview(request, timeout=DEADLINE))

    return ProposalKind(Text("回答を提供しない", "Withhold an answer"), "withhold", told, do)
