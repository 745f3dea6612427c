"""How well something tells misuse from the rest: precision and recall with their intervals, by plain counting."""

from __future__ import annotations

import math
from collections import Counter
from collections.abc import Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Final

from warifu.simulator.traffic.drive import REFUSED, Made

_Z: Final = 1.959963984540054
"""Two-sided 95 % of a normal distribution."""
GATE, SAMPLE = "gate", "sample"
"""Beside the rules: what was refused at once, by office, interim server or gateway; and the provider's sample, a look at random."""


@dataclass(frozen=True, slots=True)
class Share:
    """A share of some things, with Wilson's 95 % interval; None for a share of nothing."""

    part: int
    whole: int

    @property
    def value(self) -> float | None:
        """The share, 0 to 1."""
        return self.part / self.whole if self.whole else None

    @property
    def interval(self) -> tuple[float, float] | None:
        """Wilson's score interval (E. B. Wilson, JASA 22, 1927)."""
        if not self.whole:
            return None
        n, p = self.whole, self.part / self.whole
        middle = (p + _Z**2 / (2 * n)) / (1 + _Z**2 / n)
        half = _Z / (1 + _Z**2 / n) * math.sqrt(p * (1 - p) / n + _Z**2 / (4 * n**2))
        return max(0.0, middle - half), min(1.0, middle + half)

    def document(self) -> dict[str, object]:
        """The shape of `--json`."""
        return {"part": self.part, "of": self.whole, "value": self.value, "interval": self.interval}


@dataclass(frozen=True, slots=True)
class Score:
    """One detector beside the ground truth, counted in inquiries."""

    detector: str
    groups: int
    """Suspicions; of gate and sample, which know no groups, inquiries."""
    flagged: int
    precision: Share
    """Of what it pointed at: how much was misuse."""
    recall: Share
    """Of all misuse: how much it pointed at."""
    by_kind: Mapping[str, Share]
    """Of each kind of misuse that was made: how much it pointed at."""

    def document(self) -> dict[str, object]:
        """The shape of `--json`."""
        return {
            "detector": self.detector,
            "suspicions": self.groups,
            "flagged": self.flagged,
            "precision": self.precision.document(),
            "recall": self.recall.document(),
            "by_kind": {kind: share.document() for kind, share in self.by_kind.items()},
        }


def score(detector: str, groups: int, flagged: Collection[str], kinds: Mapping[str, str]) -> Score:
    """Compare what was pointed at with the truth. `kinds`: of every inquiry that was made its kind of misuse, "" for none."""
    pointed = [
        one for one in flagged if one in kinds
    ]  # what others asked on the same network is nobody's misuse and nobody's truth
    caught = [kinds[one] for one in pointed if kinds[one]]
    made = Counter(kind for kind in kinds.values() if kind)
    of_kind = Counter(caught)
    return Score(
        detector,
        groups,
        len(pointed),
        Share(len(caught), len(pointed)),
        Share(len(caught), sum(made.values())),
        {kind: Share(of_kind[kind], count) for kind, count in sorted(made.items())},
    )


def scores(
    made: Sequence[Made], suspicions: Iterable[tuple[str, Collection[str]]], rules: Iterable[str]
) -> list[Score]:
    """Every rule, by what it told; then gate and sample. `suspicions`: rule and request ids of each group."""
    kinds = {one.request_id: one.intended.truth.misuse for one in made}
    told: dict[str, list[Collection[str]]] = {rule: [] for rule in rules}
    for rule, ids in suspicions:
        told.setdefault(rule, []).append(ids)
    ours = {rule: [ids for ids in groups if any(one in kinds for one in ids)] for rule, groups in told.items()}
    found = [score(rule, len(groups), {one for ids in groups for one in ids}, kinds) for rule, groups in ours.items()]
    refused = {one.request_id for one in made if one.outcome in {"DENIED", REFUSED}}
    waited = {one.request_id for one in made if one.outcome == "PENDING"}
    return [*found, score(GATE, len(refused), refused, kinds), score(SAMPLE, len(waited), waited, kinds)]
