"""What ended a run though nobody wanted that: which call to whom, what was being done, what that leaves out of the report, and what to do."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final

from warifu.law import Text
from warifu.simulator.called import CallError

DRIVING, REVIEWING, DETECTING = "driving", "reviewing", "detecting"
"""What a run is doing: making inquiries and moving the clock; clerks look at what waits; the rules of detection are asked."""
DOINGS: Final = {
    DRIVING: Text("照会の途中", "while inquiries were made"),
    REVIEWING: Text(
        "提供する側の職員が、待っている回答を確認する途中", "while providers' clerks looked at waiting answers"
    ),
    DETECTING: Text("検知の規則に問い合わせる途中", "while the rules of detection were asked"),
}
_LEAVES: Final = {
    DRIVING: Text(
        "計画の残りは照会していない。回答の来なかった照会は「回答なし」（NO_ANSWER）のままで、待っている回答は職員が見ていない。",
        "The rest of the plan was not asked. Inquiries that nothing came of stay NO_ANSWER, and no clerk looked at what waits since the last day that was over.",
    ),
    REVIEWING: Text(
        "待っている回答のうち職員が見なかったものは、最後の結果も PENDING のまま。",
        "Answers that waited and were not looked at stay PENDING to the end.",
    ),
    DETECTING: Text(
        "照会とその結果は、それまでの分がそろっている。",
        "Inquiries and what became of them are whole as far as they were made.",
    ),
}
_SCORES: Final = Text(
    "適合率と再現率は、すべては問い合わせられなかったので載せない。正解のファイルと監督機関の疑いの一覧から、あとで数えられる。",
    "Precision and recall are left out, since not everything was asked; they can be counted later, from the ground truth and the supervisor's list of suspicions.",
)
_ADVICE: Final = Text(
    "warifu status で機関の状態を、状態フォルダーの {called} の party.log で原因を確かめ、同じコマンドでもう一度流してください。",
    "See with warifu status how the parties are, and in party.log of {called} in the state folder why; then make the traffic again by the same command.",
)


@dataclass(frozen=True, slots=True)
class Failure:
    """A run's end before its end."""

    doing: str
    """`DRIVING`, `REVIEWING` or `DETECTING`."""
    error: CallError
    party: str
    """In whose folder the log of whoever was called lies."""
    made: int
    planned: int

    def what(self, language: str) -> str:
        """Which call failed, during what, and after how many inquiries."""
        doing, text = DOINGS[self.doing].to(language), self.error.text(language)
        if language == "ja":
            return f"{doing}（計画 {self.planned:,} 件のうち {self.made:,} 件のあと）、{text}"
        return f"{doing}, after {self.made:,} of {self.planned:,} inquiries, {text}"

    def leaves(self, language: str) -> str:
        """What it means for report and data."""
        return f"{_LEAVES[self.doing].to(language)}{'' if language == 'ja' else ' '}{_SCORES.to(language)}"

    def advice(self, language: str) -> str:
        """What to do next."""
        return _ADVICE.to(language).format(called=self.party)

    def document(self) -> dict[str, object]:
        """The shape of `failed_at` in `--json`."""
        return {
            "doing": self.doing,
            "call": self.error.call,
            "called": self.error.called,
            "status": self.error.code().name,
            "reason": str(self.error.linkage.reason),
            "text": self.error.linkage.text("en"),
        }
