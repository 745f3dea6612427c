"""Ratios of measurements, and that what they compare with is to be found in the measurement alone."""

import dataclasses
import inspect
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

import warifu.gateway.party
from warifu.gateway.log.log import Log
from warifu.kernel.config import Config
from warifu.law import packaged
from warifu.simulator.bench.children import build_of
from warifu.simulator.bench.log import CALLERS, FIGURES, Comparison, Plan, document
from warifu.simulator.bench.ratios import Block, ratio_of
from warifu.simulator.bench.unlogged import UnintegratedLog
from warifu.simulator.launcher import plan


def block(scale: float = 1.0) -> Block:
    """Three exchanges, `scale` times as dear."""
    return Block((0.01 * scale, 0.02 * scale, 0.09 * scale), 0.12 * scale, 0.03 * scale)


def test_a_block_s_figures():
    """Median latency, exchanges a second of wall time, CPU seconds an exchange."""
    assert (block().p50, block().throughput, block().cpu) == (0.02, 25.0, 0.01)


@given(st.lists(st.floats(0.1, 10), min_size=1, max_size=30), st.floats(0.01, 100))
def test_what_hits_both_of_a_pair_alike_leaves_the_ratio(factors, load):
    """A machine that is slower for a whole pair moves no ratio of it, nor do other pairs."""
    pairs = [(block(factor), block()) for factor in factors]
    loaded = [(block(factor * load), block(load)) for factor in factors]
    for value in FIGURES.values():
        calm, busy = ratio_of(pairs, value), ratio_of(loaded, value)
        assert dataclasses.astuple(busy) == pytest.approx(dataclasses.astuple(calm))
        assert calm.low <= calm.median * (1 + 1e-9)
        assert calm.median <= calm.high * (1 + 1e-9)
        assert calm.pairs == len(factors)


def test_a_dearer_log_is_a_higher_ratio_and_less_throughput():
    """Twice the time and CPU: 2 for latency and CPU, one half for throughput."""
    found = Comparison({callers: [(block(2), block())] * 5 for callers in CALLERS}, 99)
    told = document(found, Plan(5, 3))
    for callers in CALLERS:
        medians = {name: told["ratios"][f"{name}_c{callers}"]["median"] for name in FIGURES}
        assert medians == {"latency_p50": 2.0, "throughput": 0.5, "gateway_cpu": 2.0}
    assert told["medians"][0]["latency_p50_us"] == {"with": 40_000.0, "without": 20_000.0}
    assert told["log_entries"] == 99


def test_no_setting_of_the_served_gateway_turns_its_log_off():
    """What serves it builds it from its configuration alone, which has no word about the log; it reads no environment variable."""
    build = warifu.gateway.party.build
    (served,) = [party.build for party in plan.plan(packaged()) if party.name == "gateway"]
    assert served == f"{build.__module__}:{build.__name__}"
    assert build_of("gateway") is build
    assert inspect.signature(build).parameters["log_type"].default is Log
    assert not [field.name for field in dataclasses.fields(Config) if "log" in field.name]
    for source in Path(warifu.gateway.party.__file__).parent.rglob("*.py"):
        text = source.read_text(encoding="utf-8")
        assert "environ" not in text
        assert UnintegratedLog.__name__ not in text
