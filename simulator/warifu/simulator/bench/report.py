"""The report of `warifu bench --html`: one file with charts, which loads nothing from anywhere."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from html import escape
from typing import Final

from warifu.simulator.bench.charts import Bar, Mark, bars, marks
from warifu.simulator.bench.compare import Cost, Found, Plan, machine
from warifu.simulator.bench.rows import EMPTY_HTTP, FILE, LEDGER, PAGE, PAGE_HTTP, ROWS, SQL

_STYLE: Final = """
:root { color-scheme: light dark; --ink: #1c2430; --soft: #5a6675; --line: #d5dbe3; --page: #fff; --bar: #2f6f8f; --good: #2e7d4f; --bad: #b3432b; }
@media (prefers-color-scheme: dark) { :root { --ink: #e6eaf0; --soft: #a3adba; --line: #3a4452; --page: #161b22; --bar: #6fb1d1; --good: #6fcf97; --bad: #f08a72; } }
body { font: 16px/1.6 system-ui, sans-serif; color: var(--ink); background: var(--page); margin: 0 auto; max-width: 60rem; padding: 1.5rem; }
h1 { font-size: 1.6rem; } h2 { font-size: 1.2rem; margin-top: 2.2rem; }
table { border-collapse: collapse; width: 100%; } th, td { text-align: left; padding: .35rem .6rem; border-bottom: 1px solid var(--line); vertical-align: top; }
td.n { text-align: right; font-variant-numeric: tabular-nums; white-space: nowrap; } th { color: var(--soft); font-weight: 600; }
svg { display: block; margin: .6rem 0; } svg text { fill: var(--ink); font: 13px system-ui, sans-serif; } svg .soft { fill: var(--soft); }
.wide { overflow-x: auto; } .missed { color: var(--bad); font-weight: 600; } .aim, .required { color: var(--good); } p.note { color: var(--soft); }
"""
_STORES: Final = frozenset({LEDGER, FILE, PAGE, SQL, PAGE_HTTP, EMPTY_HTTP})
"""Loads that are no exchanges, some a thousand times as many a second: not in their charts."""
_VERDICT: Final = {"aim": "✓✓ 目標 / aim", "required": "✓ 必要 / required", "missed": "✗ 足りない / missed"}


def page(found: Found) -> str:
    """The whole document, Japanese and English side by side."""
    quick = "（短い測定 / quick）" if found.plan.quick else ""
    body = "\n".join(_body(found))
    return (
        '<!doctype html>\n<html lang="ja"><head><meta charset="utf-8"><meta name="viewport" content="width=device-width">'
        f"<title>warifu bench</title><style>{_STYLE}</style></head><body>\n"
        f"<h1>照会の速さ {quick}<br><small>How fast exchanges are</small></h1>\n{body}\n</body></html>\n"
    )


def _body(found: Found) -> Iterator[str]:
    told = machine()
    yield f"<p>{found.at:%Y-%m-%d %H:%M} UTC · {told['cpus']} × {escape(str(told['cpu']))} · Python {told['python']} · grpcio {told['grpcio']}</p>"
    yield (
        '<p class="note">比は、同じ実行の中で交互に測った組ごとの比の中央値。横線は四分位（4組未満では最小と最大）。機械の混み具合で動くのは実数で、比はあまり動かない。<br>'
        "A ratio is the median of the ratios of pairs that were measured by turns in one run; its line shows the quartiles (of fewer than four pairs the "
        "smallest and the largest). A busy machine moves the figures, and the ratios much less.</p>"
    )
    yield "<h2>比 / Ratios</h2>"
    yield _wide(marks([_mark(found, name) for name in found.ratios], "比と目標 / ratios and goals"))
    yield _ratios(found)
    yield from _history(found)
    shown = [cost for cost in found.costs if cost.step.call not in _STORES]
    if shown:
        rate, latency = "毎秒の件数 / A second", "応答時間（中央値、p99、ms） / Latency (median, p99, ms)"
        yield f"<h2>{rate}</h2>"
        yield _wide(bars([Bar(cost.step.name, cost.rate) for cost in shown], "{:.0f}", rate))
        yield f"<h2>{latency}</h2>"
        yield _wide(bars([Bar(cost.step.name, 1e3 * cost.p50, 1e3 * cost.p99) for cost in shown], "{:.1f}", latency))
    if stores := [cost for cost in found.costs if cost.step.call in _STORES]:
        yield "<h2>台帳と履歴 / Ledger and history</h2>"
        yield _medians(stores)
    if found.costs:
        yield "<h2>一件あたりのCPU（µs） / CPU an exchange, µs</h2>"
        yield _costs(found)
    if found.alone:
        alone = ", ".join(f"c={callers}: {stretch.rate:.0f}/s" for callers, stretch in found.alone.items())
        yield f"<p>E2 だけのとき / E2 by itself: {alone}</p>"
    yield from _durability(found)


def _history(found: Found) -> Iterator[str]:
    """How many records were behind a page; fewer than the goal is set for must not be taken for as many."""
    if (records := found.notes.get("history_records")) is None:
        return
    usual = Plan((), 1).records
    less_ja = "" if records >= usual else f"（目標は {usual:,} 件についてのもの）"
    less_en = "" if records >= usual else f" (the goal is set for {usual:,})"
    yield f'<p class="note">履歴の背後の記録：{records:,} 件{less_ja} / Records behind the history: {records:,}{less_en}</p>'


def _medians(costs: Sequence[Cost]) -> str:
    rows = [
        f'<tr><td>{cost.step.name}</td><td class="n">{cost.rate:.0f}</td>'
        f'<td class="n">{1e6 * cost.p50:.0f}</td><td class="n">{1e6 * cost.p99:.0f}</td></tr>'
        for cost in costs
    ]
    return _table(("", "毎秒 / a second", "中央値 / median, µs", "p99, µs"), rows)


def _mark(found: Found, name: str) -> Mark:
    ratio, goal = found.ratios[name], ROWS[name].goal
    required, aim = (None, None) if goal is None else (goal.required, goal.aim)
    return Mark(name, ratio.median, ratio.low, ratio.high, required, aim)


def _ratios(found: Found) -> str:
    rows = []
    for name, ratio in found.ratios.items():
        row, goal = ROWS[name], ROWS[name].goal
        verdict = "" if goal is None else goal.met(ratio.median)
        sign = "" if goal is None else "≤" if goal.most else "≥"
        goals = ("", "") if goal is None else (f"{sign} {goal.required:g}", f"{sign} {goal.aim:g}")
        under = "" if row.under is None else f" ÷ {row.under.name}"
        rows.append(
            f"<tr><td><code>{name}</code><br>{escape(row.ja)}<br>{escape(row.en)}<br><small>{escape(under)}</small></td>"
            f'<td class="n">{ratio.median:.2f}</td><td class="n">{ratio.low:.2f} – {ratio.high:.2f}</td><td class="n">{ratio.pairs}</td>'
            f'<td class="n">{goals[0]}</td><td class="n">{goals[1]}</td><td class="{verdict}">{_VERDICT.get(verdict, "")}</td></tr>'
        )
    heads = ("行 / row", "比 / ratio", "四分位 / quartiles", "組 / pairs", "必要 / required", "目標 / aim", "")
    return _table(heads, rows)


def _costs(found: Found) -> str:
    names = list(dict.fromkeys(name for cost in found.costs for name in cost.cpu))
    rows = []
    for cost in found.costs:
        cells = "".join(
            f'<td class="n">{1e6 * cost.cpu[name]:.0f}</td>' if name in cost.cpu else "<td></td>" for name in names
        )
        rows.append(f"<tr><td>{cost.step.name}</td>{cells}</tr>")
    return _table(("", *names), rows)


def _durability(found: Found) -> Iterator[str]:
    if not found.held:
        return
    yield "<h2>耐久性 / Durability</h2>"
    rows = [
        f'<tr><td>{call}: {one.side}</td><td class="n">{one.before}</td><td class="n">{one.released}</td><td class="n">{len(one.early)}</td><td class="n">{one.after}</td></tr>'
        for call, held in found.held.items()
        for one in held
    ]
    heads = ("止めた台帳 / store held", "前 / before", "その間 / meanwhile", "記録前 / unrecorded", "後 / after")
    yield _table(heads, rows)
    yield (
        '<p class="note">ある機関の台帳に書けなくしている間、出た回答はすべて、それより前に記録が確定していたもの。<br>'
        "While a party's store was held against writing, every answer that came had been recorded before.</p>"
    )


def _table(heads: Sequence[str], rows: Sequence[str]) -> str:
    head = "".join(f"<th>{escape(one)}</th>" for one in heads)
    return _wide(f"<table><thead><tr>{head}</tr></thead><tbody>{''.join(rows)}</tbody></table>")


def _wide(content: str) -> str:
    """What a narrow window scrolls by itself; with the keyboard too."""
    return f'<div class="wide" tabindex="0">{content}</div>'
