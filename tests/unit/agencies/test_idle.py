"""A business system that is made to do nothing by itself."""

from __future__ import annotations

from warifu.agencies.idle import unless_idle
from warifu.kernel.faults import Faults


async def job() -> int:
    """Does one thing."""
    return 1


async def test_a_job_finds_nothing_to_do_while_its_institution_is_idle() -> None:
    """Only while that is planted, and only at the institution that it is planted at."""
    faults = Faults("tax")
    mine, others = (unless_idle(faults, code, job) for code in ("tax-480011", "tax-491004"))
    assert await mine() == 1
    faults.plant([faults.of("office-idle", "tax-480011")])
    assert (await mine(), await others()) == (0, 1)
    faults.plant([])
    assert await mine() == 1


async def test_outside_a_simulation_a_job_is_what_it_is() -> None:
    """Nothing is put around it."""
    assert unless_idle(None, "tax-480011", job) is job
