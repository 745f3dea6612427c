"""Loading a population: in order, goes on where it was, patient with what may pass."""

from __future__ import annotations

import asyncio
from pathlib import Path
from types import SimpleNamespace

import pytest

from warifu.kernel.errors import LinkageError, Reason
from warifu.simulator import places
from warifu.simulator.launcher import fill
from warifu.simulator.launcher.fill import Load, _Loading, _patiently, _refuse
from warifu.simulator.population import Place

NETWORK = SimpleNamespace(seed=5, people=200)
BUSY = LinkageError(Reason.PROVIDER_TIMEOUT)
WRONG = LinkageError(Reason.CLIENT_MALFORMED)


class Failing:
    """A call that fails with each of some errors first."""

    def __init__(self, *errors: LinkageError) -> None:
        self.errors, self.calls = list(errors), 0

    async def __call__(self, stub: object, request: object) -> None:
        """Fail, or not."""
        self.calls += 1
        if self.errors:
            raise self.errors.pop(0)


@pytest.fixture(autouse=True)
def pauses(monkeypatch: pytest.MonkeyPatch) -> list[float]:
    """No pause is waited for; they are noted."""
    waited: list[float] = []

    async def sleep(seconds: float) -> None:
        waited.append(seconds)

    monkeypatch.setattr(fill.asyncio, "sleep", sleep)
    return waited


async def test_what_may_pass_is_tried_again(pauses: list[float]) -> None:
    """A call is repeated after longer and longer pauses while its failure may pass."""
    call = Failing(BUSY, BUSY)
    await _patiently(call, None, None)
    assert (call.calls, pauses) == (3, list(fill.PAUSES[:2]))


async def test_what_will_not_pass_ends_it_at_once(pauses: list[float]) -> None:
    """A refusal is not repeated, and stands for all failures of its call."""
    call = Failing(WRONG, BUSY)
    with pytest.raises(LinkageError) as refused:
        await _patiently(call, None, None)
    assert (refused.value.reason, call.calls, pauses) == (Reason.CLIENT_MALFORMED, 1, [])
    with pytest.raises(LinkageError) as refused:
        _refuse([BUSY.failure(), WRONG.failure()])
    assert refused.value.reason == Reason.CLIENT_MALFORMED


async def test_patience_ends(pauses: list[float]) -> None:
    """A failure that does not pass within the pauses is told."""
    call = Failing(*[BUSY] * 20)
    with pytest.raises(LinkageError):
        await _patiently(call, None, None)
    assert (call.calls, pauses) == (len(fill.PAUSES) + 1, list(fill.PAUSES))


def loading(state: Path, load: Load, said: list[int]) -> _Loading:
    """A loading whose doors are not used."""
    return _Loading(NETWORK, state, None, None, load.places, lambda _, done, of: said.append(done))  # type: ignore[arg-type]


async def test_an_interrupted_loading_goes_on_behind_its_last_whole_chunk(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Chunks are written down in their order though a later one may be done first; what was not done is drawn again, and nothing else."""
    monkeypatch.setattr(fill, "chunks", _small)
    seen: list[Place] = []

    async def load_one(self: _Loading, chunk) -> None:
        seen.append(chunk.end)
        if len(seen) == 3:
            raise WRONG

    monkeypatch.setattr(_Loading, "_load", load_one)
    said: list[int] = []
    with pytest.raises(LinkageError):
        await loading(tmp_path, load := Load(NETWORK, tmp_path), said).run(load)
    assert places.load(tmp_path) == seen[:2]
    assert said == [0, *(place.people for place in seen[:2])]
    again: list[int] = []
    await loading(tmp_path, load := Load(NETWORK, tmp_path), again).run(load)
    assert again[0] == seen[1].people
    assert again[-1] == NETWORK.people
    assert seen[3] != seen[0]
    await asyncio.sleep(0)


def _small(seed: int, people: int, start: Place):
    from warifu.simulator.launcher.chunks import chunks

    return chunks(seed, people, start, 40)
