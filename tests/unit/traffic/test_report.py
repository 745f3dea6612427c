"""The report: both languages, all figures, nothing from outside."""

from __future__ import annotations

import re
from html.parser import HTMLParser
from pathlib import Path

import pytest
from unit.traffic import lab

from warifu.exchange.detection import BY_NAME as RULES
from warifu.simulator.traffic import report
from warifu.simulator.traffic.drive import REFUSED
from warifu.simulator.traffic.misuse import KINDS
from warifu.simulator.traffic.run import summary
from warifu.simulator.traffic.scores import SAMPLE

MADE = [
    *(lab.made(number, due=number / 5) for number in range(40)),
    *(lab.made(100 + number, kind.name, "DENIED") for number, kind in enumerate(KINDS)),
    lab.made(200, outcome=REFUSED),
    lab.made(201, latency=None, outcome="NO_ANSWER"),
]
LANGUAGES = pytest.mark.parametrize("language", ["ja", "en"])


class Reader(HTMLParser):
    """Whether tags close, and what text there is."""

    def __init__(self, page: str) -> None:
        super().__init__()
        self.open: list[str] = []
        self.tags: list[tuple[str, dict[str, str | None]]] = []
        self.text = ""
        self.feed(page)

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        """Note a tag; void elements do not close."""
        self.tags.append((tag, dict(attrs)))
        if tag not in {"meta", "rect", "path", "circle"}:
            self.open.append(tag)

    def handle_startendtag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        """A tag that closes itself."""
        self.tags.append((tag, dict(attrs)))

    def handle_endtag(self, tag: str) -> None:
        """What closes is what was opened last."""
        assert self.open.pop() == tag

    def handle_data(self, data: str) -> None:
        """Collect text."""
        self.text += data


def page(language: str, **more: object) -> str:
    """The report of a run with a bit of everything."""
    return report.page(lab.run(MADE, **more), lab.book(), language, "warifu traffic --day")  # type: ignore[arg-type]


@LANGUAGES
def test_a_report_is_whole_and_loads_nothing(language: str) -> None:
    """Every tag is closed, there is one h1, and the page names no address outside and no script."""
    found = page(language)
    reader = Reader(found)
    tags = [tag for tag, _ in reader.tags]
    assert reader.open == []
    assert tags.count("h1") == 1
    assert "script" not in tags
    assert not re.search(r"https?:|@import|url\(|src=", found)


@LANGUAGES
def test_each_chart_has_a_name_and_its_figures_as_a_table(language: str) -> None:
    """Beneath each chart there is a table, and each chart is a picture with a name."""
    reader = Reader(page(language))
    charts = [attributes for tag, attributes in reader.tags if tag == "svg"]
    assert len(charts) == 7
    assert all(one["role"] == "img" and one["aria-label"] for one in charts)
    assert sum(tag == "table" for tag, _ in reader.tags) == len(charts) + 1


@LANGUAGES
def test_every_kind_that_was_made_is_told(language: str) -> None:
    """Each kind of misuse has its line and is explained."""
    text = Reader(page(language)).text
    for kind in KINDS:
        assert kind.title.to(language) in text
        assert kind.says.to(language) in text


def test_english_has_no_japanese() -> None:
    """But for the link to the other language nothing in the English report is Japanese."""
    assert re.findall(r"[぀-ヿ一-鿿]+", Reader(page("en")).text) == ["日本語"]


def test_without_misuse_nothing_is_said_of_detectors() -> None:
    """A run without misuse has no table of detectors."""
    found = report.page(lab.run(MADE[:40]), lab.book(), "en", "")
    assert "Precision" not in found


@LANGUAGES
def test_what_is_odd_is_told(language: str) -> None:
    """A rate that was not reached, rows without anybody, inquiries left out, and an early end are told."""
    usual, odd = page(language), page(language, rate=50.0, stopped=True)
    rate = "毎秒 50 件を望んだが" if language == "ja" else "50 a second were wanted"
    assert (rate in odd, rate in usual) == (True, False)
    for told in ("P27", "できず行わなかった照会: 2 件" if language == "ja" else "cannot be identified: 2."):
        assert told in usual
    assert ("途中で止めた" if language == "ja" else "ended early") in odd
    assert ("途中で止めた" if language == "ja" else "ended early") not in usual


@LANGUAGES
def test_what_a_run_failed_by_is_told(language: str) -> None:
    """A run that failed on the way says which call to whom, what that leaves out and what to do, beside what was made until then."""
    failure = lab.failure()
    odd = Reader(page(language, failed=failure)).text
    for words in (failure.what(language), failure.leaves(language), failure.advice(language)):
        assert words in odd
        assert words not in Reader(page(language)).text
    told = summary(lab.run(MADE, failed=failure), ())
    assert told["failed"] == "GATEWAY_TIMEOUT"
    assert told["failed_at"] == {
        "doing": "detecting", "call": "Settle", "called": "gateway", "status": "DEADLINE_EXCEEDED",
        "reason": "GATEWAY_TIMEOUT", "text": failure.error.linkage.text("en"),
    }  # fmt: skip
    usual = summary(lab.run(MADE), ())
    assert usual["failed"] is usual["failed_at"] is None


@LANGUAGES
def test_a_party_that_had_still_to_do_is_told(language: str) -> None:
    """When the rules were asked before a party was done the report says so, and how to read precision and recall then."""
    assert ("下限" if language == "ja" else "lower bounds") in Reader(page(language, unsettled=("gateway",))).text
    assert ("下限" if language == "ja" else "lower bounds") not in Reader(page(language)).text


@LANGUAGES
def test_a_list_that_was_full_is_told(language: str) -> None:
    """Where a party had more suspicions of a rule than it tells at once the report names the rule, and how to read its recall."""
    odd = Reader(page(language, full=(("curiosity", "tax-1"), ("curiosity", "tax-2")))).text
    told = f"{RULES['curiosity'].title.to(language)}（延べ 2）" if language == "ja" else "person (2 in all)"
    assert told in odd
    assert told not in Reader(page(language)).text
    assert summary(lab.run(MADE, full=(("burst", "gateway"),)), ())["full_lists"] == [
        {"detector": "burst", "at": "gateway"}
    ]


@LANGUAGES
def test_kinds_without_room_are_told(language: str) -> None:
    """Where misuse was wanted and a kind has no inquiry in the plan the report names it and how much all ten need; where none was wanted it does not."""
    few = [lab.made(number, kind.name) for number, kind in enumerate(KINDS[:-1])]
    missing = f": {KINDS[-1].title.to(language)}{'。' if language == 'ja' else '. All ten need 20'}"
    assert missing in Reader(report.page(lab.run(few, misuse=0.01), lab.book(), language, "")).text
    assert missing not in Reader(report.page(lab.run(few), lab.book(), language, "")).text
    assert missing not in Reader(page(language, misuse=0.01)).text
    assert summary(lab.run(few, misuse=0.01), ())["misuse_left_out"] == [KINDS[-1].name]


def test_words_of_the_command_are_escaped() -> None:
    """What was typed cannot become markup."""
    found = report.page(lab.run(MADE), lab.book(), "en", "warifu traffic --out <b>")
    assert "&lt;b&gt;" in found
    assert "--out <b>" not in found


@LANGUAGES
def test_an_empty_run_has_a_report(language: str) -> None:
    """A run that made nothing says so, draws no empty chart, and has no time of an answer."""
    reader = Reader(report.page(lab.run([]), lab.book(), language, ""))
    nothing = "図はない" if language == "ja" else "nothing to draw"
    assert nothing in reader.text
    assert not [tag for tag, _ in reader.tags if tag in {"svg", "table"}]
    assert " ms" not in reader.text
    assert nothing not in Reader(page(language)).text


@LANGUAGES
def test_what_is_no_rule_has_no_groups(language: str) -> None:
    """Gate and sample stand in the tables of detectors without a number of suspicions, the rules with theirs."""
    found = page(language, pointed=[("burst", {"id-1"}), ("burst", {"id-2"})])
    sample, burst = report._OWN[SAMPLE][0].to(language), RULES["burst"].title.to(language)
    cells = {
        head: re.findall(rf'<th scope="row">{re.escape(head)}</th>\s*<td class="n">(.*?)</td>', found)
        for head in (sample, burst)
    }
    assert cells == {sample: ["–", "–"], burst: ["2", "2"]}


def test_both_files_are_written_and_lead_to_each_other(tmp_path: Path) -> None:
    """There is a file in each language, and each has a link to the other."""
    japanese, english = report.write(tmp_path, lab.run(MADE), lab.book(), "")
    assert english.name in japanese.read_text(encoding="utf-8")
    assert japanese.name in english.read_text(encoding="utf-8")
