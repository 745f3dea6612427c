"""The report of a run: one HTML file in each language, with charts and the same figures as tables, which loads nothing from anywhere."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final

from jinja2 import Environment, FileSystemLoader, StrictUndefined
from markupsafe import Markup

from warifu.exchange.detection import BY_NAME as RULES
from warifu.kernel.limits import SUSPICIONS
from warifu.law import LawBook, Text
from warifu.simulator.traffic import charts
from warifu.simulator.traffic.charts import Bar, Line, Spread
from warifu.simulator.traffic.drive import Made
from warifu.simulator.traffic.misuse import ALL_KINDS
from warifu.simulator.traffic.misuse import BY_NAME as KINDS
from warifu.simulator.traffic.run import Run
from warifu.simulator.traffic.scores import GATE, SAMPLE, Score, Share
from warifu.simulator.traffic.series import percentile

FILES: Final = {"ja": "report.ja.html", "en": "report.en.html"}
_TEMPLATES: Final = Path(__file__).with_name("templates")
_REACHED: Final = 0.9
"""Of the rate that was wanted; less is told."""
_OUTCOMES: Final = {
    "PROVIDED": Text("提供された", "provided"),
    "NO_RECORD": Text("該当する記録なし", "no such record"),
    "NOT_REGISTERED": Text("登録なし", "not registered"),
    "WITHHELD": Text("提供しない", "withheld"),
    "PENDING": Text("職員の確認待ち", "waits for a clerk"),
    "DENIED": Text("認められない", "refused by the gateway"),
    "REFUSED": Text("受け付けない", "refused at the terminal"),
    "ERROR": Text("エラー", "error"),
    "EXPIRED": Text("期限切れ", "expired"),
    "NO_ANSWER": Text("回答なし", "no answer"),
}
_FRAMES: Final = {
    "day": Text("ある一日", "a working day"),
    "peak": Text("最も混む一時間", "the fullest hour"),
    "year": Text("一年", "a year"),
}
_OWN: Final = {
    GATE: (
        Text("入口での拒否", "Refused at the gate"),
        Text(
            "検知の規則ではない。中間サーバーかゲートウェイがその場で拒否したもの。",
            "No rule of detection: what interim server or gateway refused on the spot.",
        ),
    ),
    SAMPLE: (
        Text("抜き取り確認（比較用）", "Sample check (for comparison)"),
        Text(
            "検知の規則ではない。提供する側の職員が40件に1件を無作為に見るもの。偶然だけでどれだけ当たるかを示す。",
            "No rule of detection: one answer in 40 is looked at by the provider's clerks at random. It shows what chance alone hits.",
        ),
    ),
}


@dataclass(frozen=True, slots=True)
class Table:
    """Figures; the first cell of a row is its head."""

    caption: str
    heads: Sequence[str]
    rows: Sequence[Sequence[str]]


@dataclass(frozen=True, slots=True)
class Chart:
    """A chart with its table."""

    title: str
    svg: Markup
    table: Table
    note: str = ""
    open: bool = False


def write(folder: Path, run: Run, book: LawBook, command: str) -> list[Path]:
    """Write the report in both languages."""
    written = []
    for language, name in FILES.items():
        path = folder / name
        path.write_text(page(run, book, language, command), encoding="utf-8")
        written.append(path)
    return written


def page(run: Run, book: LawBook, language: str, command: str) -> str:
    """The whole document in one language."""
    return _Page(run, book, language).render(command)


@dataclass(frozen=True, slots=True)
class _Page:
    run: Run
    book: LawBook
    language: str

    def t(self, ja: str, en: str) -> str:
        return en if self.language == "en" else ja

    def render(self, command: str) -> str:
        environment = Environment(
            loader=FileSystemLoader(_TEMPLATES),
            autoescape=True,
            undefined=StrictUndefined,
            trim_blocks=True,
            lstrip_blocks=True,
        )
        other = FILES["ja" if self.language == "en" else "en"]
        scored = bool(self.run.scores) and any(one.recall.whole for one in self.run.scores)
        values: dict[str, Any] = {
            "language": self.language, "t": self.t, "other": other, "title": self.title(), "lead": self.lead(),
            "stopped": self.run.stopped, "failed": list(self.failed()), "figures": self.figures(), "notes": list(self.notes()), "charts": list(self.charts()) if self.run.made else [],
            "misuse": self.misuse() if scored else None, "detectors": self.detectors() if scored else [],
            "words": list(self.words()) if scored else [], "command": command,
        }  # fmt: skip
        return environment.get_template("report.html").render(values) + "\n"

    def failed(self) -> Iterator[str]:
        """What ended the run, what that leaves out, and what to do; nothing when nothing did."""
        failure = self.run.failed
        if failure is not None:
            yield from (say(self.language) for say in (failure.what, failure.leaves, failure.advice))

    def title(self) -> str:
        name = _FRAMES[self.run.wish.frame].to(self.language)
        return self.t(f"照会の通信量：{name}", f"Traffic: {name}")

    def lead(self) -> str:
        days, run = self.run.plan.frame.days, self.run
        when = str(days[0]) if len(days) == 1 else f"{days[0]} – {days[-1]}"
        if run.plan.frame.hour is not None:
            when += f" {run.plan.frame.hour}:00–{run.plan.frame.hour + 1}:00"
        rate = run.wish.pace.rate
        how = (
            self.t("できるだけ速く", "as fast as possible")
            if rate is None
            else self.t(
                f"毎秒 {rate:g} 件（到着は乱数、応答を待たない）",
                f"{rate:g} a second, due at random whether or not answered",
            )
        )
        return self.t(
            f"シミュレーション上の {when}。{how}、同時に最大 {run.wish.pace.in_flight} 件。乱数の種 {run.wish.seed}。実行: {run.begun:%Y-%m-%d %H:%M %Z}。",
            f"{when} of simulated time; {how}, at most {run.wish.pace.in_flight} at once; seed {run.wish.seed}. Run at {run.begun:%Y-%m-%d %H:%M %Z}.",
        )

    def figures(self) -> list[tuple[str, str]]:
        run, latencies, t = self.run, self.run.latencies, self.t
        misused = sum(1 for one in run.made if one.intended.truth.misuse)
        rate = len(latencies) / run.seconds if run.seconds else 0.0
        return [
            (t("照会", "Inquiries"), f"{len(run.made):,}"),
            (t("対象になった人", "People asked about"), f"{len({one.intended.person for one in run.made}):,}"),
            (t("毎秒の回答", "Answers a second"), f"{rate:,.1f}"),
            (t("応答時間 p50", "Latency p50"), _ms(percentile(latencies, 0.5))),
            (t("応答時間 p99", "Latency p99"), _ms(percentile(latencies, 0.99))),
            (t("うち不正", "Misuse among them"), f"{misused:,}"),
        ]

    def notes(self) -> Iterator[str]:
        run, t = self.run, self.t
        if not run.made:
            yield t("照会は一件も行わなかったので、図はない。", "No inquiry was made, so there is nothing to draw.")
        subjects = len({one.intended.person for one in run.made}) or 1
        if run.plan.frame.name != "year" and len(run.made) / subjects >= 2:  # noqa: PLR2004 - more than once a day
            yield t(
                f"この人口に対して照会が多い（一人あたり {len(run.made) / subjects:.1f} 件）。人ごとに数える規則は、それだけで反応する。",
                f"This is much for so few people ({len(run.made) / subjects:.1f} inquiries each): a rule that counts by person points at it for that alone.",
            )
        if run.wish.keep_clock:
            yield t(
                "ネットワークの時計は動かしていない。時間帯は計画の中だけにあり、時刻による規則は実際の時計で判断した。",
                "The network's clock was left alone: hours are in the plan only, and rules by the hour judged by the real clock.",
            )
        rate = run.wish.pace.rate
        reached = len(run.latencies) / run.seconds if run.seconds else 0.0
        if rate is not None and reached < _REACHED * rate:
            yield t(
                f"毎秒 {rate:g} 件を望んだが、{reached:.1f} 件だった。時計を進めるたびに残りの回答を待つため、一度の区切りの件数が少ないとき、または機械が追いつかないときに、このようになる。",
                f"{rate:g} a second were wanted and {reached:.1f} reached: the answers that are out are waited for whenever the clock is moved, so this "
                "happens when few inquiries fall between two settings of it, or when the machine cannot keep up.",
            )
        if run.plan.nobody:
            rows = ", ".join(run.plan.nobody)
            yield t(
                f"対象になる人がいないため使わなかった行: {rows}",
                f"Rows left out, since nobody here gives cause: {rows}",
            )
        if run.unknown:
            yield t(
                f"本人を特定できず行わなかった照会: {run.unknown} 件。",
                f"Inquiries left out, since whoever they are about cannot be identified: {run.unknown}.",
            )
        yield from self.about_scores()
        if run.reviews:
            yield t(
                f"提供する側の職員が、待っていた回答 {run.reviews} 件を確認して提供した。",
                f"Clerks of providers looked at {run.reviews} waiting answers and provided them.",
            )

    def about_scores(self) -> Iterator[str]:
        """What is to be known when precision and recall are read."""
        run, t = self.run, self.t
        if left := run.kinds_left_out:
            names = ("、" if self.language == "ja" else ", ").join(KINDS[kind].title.to(self.language) for kind in left)
            yield t(
                f"件数が足りず、混ぜられなかった不正の種類: {names}。十種類すべてには、不正な照会が {ALL_KINDS} 件以上要る（--misuse か --count を大きくする）。",
                f"Kinds of misuse for which there was no room: {names}. All ten need {ALL_KINDS} inquiries of misuse at least: raise --misuse or --count.",
            )
        if run.full:
            rules = dict.fromkeys(rule for rule, _ in run.full)
            names = ("、" if self.language == "ja" else ", ").join(map(self.detector, rules))
            yield t(
                f"一度に知らせられる疑い（規則ごとに新しい {int(SUSPICIONS)} 組）を超えた機関がある: {names}（延べ {len(run.full)}）。超えた分は数えられていないので、これらの再現率は下限と読む。",
                f"At some parties there were more suspicions than are told at once, the newest {int(SUSPICIONS)} of a rule: {names} ({len(run.full)} in all). What went untold is not counted, so read the recall of these as a lower bound.",
            )
        if run.unsettled:
            parties = ", ".join(run.unsettled)
            yield t(
                f"検知の規則に問い合わせたとき、{parties} には処理の残りがあった。最も新しい記録が数えられていないことがあり、適合率と再現率は下限と読む。"
                "他の仕事のない機械で、または --rate を下げて、もう一度流すとよい。",
                f"When the rules of detection were asked, {parties} had still to do: the newest records may not be counted, so read precision and recall as lower bounds. "
                "Make the traffic again on a machine with less other work, or with a lower --rate.",
            )

    def charts(self) -> Iterator[Chart]:
        yield from self.over_time()
        yield self.counted(self.t("結果", "Outcomes"), lambda one: one.outcome, self.outcome)
        yield self.counted(self.t("手続", "Procedures"), lambda one: one.intended.row, self.row)
        yield self.when()

    def over_time(self) -> Iterator[Chart]:
        found, t = self.run.slices, self.t
        begins = [one.begin for one in found]
        foot, second = t("秒", "s"), t("秒", "second")
        title = t("毎秒の回答", "Answers a second")
        table = Table(
            title, [second, t("毎秒", "a second")], [[f"{one.begin:.0f}", f"{one.rate:.1f}"] for one in found]
        )
        note = t(
            "実行の時間に沿って。時計を進める間は含まない。",
            "Over the time of driving; what lies between two settings of the clock is left out.",
        )
        svg = charts.lines(title, begins, [Line("", [one.rate for one in found])], foot)
        yield Chart(title, Markup(svg), table, note)  # noqa: S704 - made of numbers and escaped words
        title = t("応答時間（ミリ秒）", "Latency, milliseconds")
        names = {
            "p50": [one.p50 for one in found],
            "p90": [one.p90 for one in found],
            "p99": [one.p99 for one in found],
        }
        drawn = [Line(name, [None if v is None else 1000 * v for v in values]) for name, values in names.items()]
        rows = [[f"{one.begin:.0f}", _ms(one.p50), _ms(one.p90), _ms(one.p99)] for one in found]
        table = Table(title, [second, *names], rows)
        note = (
            t("予定の時刻から最初の回答まで。", "From the moment at which each was due to its first answer.")
            if self.run.wish.pace.rate is not None
            else t("送ってから最初の回答まで。", "From sending to the first answer.")
        )
        yield Chart(title, Markup(charts.lines(title, begins, drawn, foot)), table, note)  # noqa: S704 - as above

    def counted(self, title: str, what: Callable[[Made], str], name: Callable[[str], str]) -> Chart:
        """How many of each."""
        counts = self.run.counted(what)
        whole = sum(counts.values()) or 1
        items = [Bar(name(one), count, f"{count:,} ({100 * count / whole:.1f}%)") for one, count in counts.items()]
        rows = [[name(one), f"{count:,}", f"{100 * count / whole:.1f}%"] for one, count in counts.items()]
        heads = [title, self.t("件数", "inquiries"), self.t("割合", "share")]
        return Chart(title, Markup(charts.bars(title, items)), Table(title, heads, rows))  # noqa: S704 - as above

    def when(self) -> Chart:
        """By hour of the day; of a year by month."""
        t, year = self.t, self.run.plan.frame.name == "year"
        counts: Counter[int] = Counter(one.intended.at.month if year else one.intended.at.hour for one in self.run.made)
        title = (
            t("月ごと（シミュレーション上）", "By month of simulated time")
            if year
            else t("時間帯（シミュレーション上）", "By hour of simulated time")
        )
        places = range(1, 13) if year else range(min(counts, default=0), max(counts, default=0) + 1)
        items = [Bar(str(place), counts[place], "") for place in places]
        heads = [t("月", "month") if year else t("時", "hour"), t("件数", "inquiries")]
        rows = [[one.label, f"{one.value:,}"] for one in items]
        return Chart(title, Markup(charts.columns(title, items)), Table(title, heads, rows))  # noqa: S704 - as above

    def misuse(self) -> Table:
        """By kind and detector: how much of it was pointed at."""
        t, scored = self.t, self.run.scores
        heads = [t("種類", "kind"), t("件数", "inquiries"), *(self.detector(one.detector) for one in scored)]
        rows = [
            [KINDS[kind].title.to(self.language), f"{share.whole:,}", *(_cell(one.by_kind[kind]) for one in scored)]
            for kind, share in _in_order(scored[0])
        ]
        return Table(t("種類ごとの再現率", "Recall by kind"), heads, rows)

    def detectors(self) -> list[Chart]:
        t = self.t
        precision = t("適合率（指し示したもののうち不正）", "Precision: of what was pointed at, misuse")
        recall = t("再現率（不正のうち指し示したもの）", "Recall: of all misuse, pointed at")
        note = t("点は割合、線はウィルソンの95%区間。", "The dot is the share, the line Wilson's 95 % interval.")
        return [
            self.share(precision, note, lambda one: one.precision),
            self.share(recall, note, lambda one: one.recall),
        ]

    def share(self, title: str, note: str, of: Callable[[Score], Share]) -> Chart:
        """One share of each detector."""
        t, items, rows = self.t, [], []
        for one in self.run.scores:
            share, name = of(one), self.detector(one.detector)
            low, high = share.interval or (0.0, 0.0)
            text = f"{share.part} / {share.whole}" if share.whole else t("該当なし", "nothing")
            items.append(Spread(name, share.value, low, high, text))
            wide = f"{100 * low:.0f} – {100 * high:.0f}%" if share.whole else ""
            groups = "–" if one.detector in _OWN else str(one.groups)  # what is no rule knows no groups
            rows.append([name, groups, text, _percent(share), wide])
        heads = [
            t("検知", "detector"),
            t("疑い", "suspicions"),
            t("件数", "inquiries"),
            t("割合", "share"),
            t("95%区間", "95 % interval"),
        ]
        return Chart(title, Markup(charts.spreads(title, items)), Table(title, heads, rows), note, open=True)  # noqa: S704 - as above

    def words(self) -> Iterator[tuple[str, str]]:
        """What kinds and detectors are."""
        for kind, _ in _in_order(self.run.scores[0]):
            yield KINDS[kind].title.to(self.language), KINDS[kind].says.to(self.language)
        for one in self.run.scores:
            says = _OWN[one.detector][1] if one.detector in _OWN else RULES[one.detector].says
            yield self.detector(one.detector), says.to(self.language)

    def detector(self, name: str) -> str:
        title = _OWN[name][0] if name in _OWN else RULES[name].title
        return title.to(self.language)

    def outcome(self, name: str) -> str:
        return _OUTCOMES[name].to(self.language) if name in _OUTCOMES else name

    def row(self, name: str) -> str:
        return f"{name} {self.book.rows[name].procedure.name.to(self.language)}"


def _in_order(one: Score) -> list[tuple[str, Share]]:
    """Kinds of misuse that were made, as they are listed everywhere."""
    return [(kind, one.by_kind[kind]) for kind in KINDS if kind in one.by_kind]


def _ms(seconds: float | None) -> str:
    return "–" if seconds is None else f"{1000 * seconds:,.1f} ms"


def _percent(share: Share) -> str:
    return "–" if share.value is None else f"{100 * share.value:.0f}%"


def _cell(share: Share) -> str:
    return f"{_percent(share)} ({share.part})" if share.part else "0%"
