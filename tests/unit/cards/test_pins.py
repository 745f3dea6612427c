"""PINs: three tries, whatever is tried to get a fourth."""

import asyncio
import os
import signal
import subprocess
import sys
from pathlib import Path

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from unit.portal.lab import HANA, SORA, Lab

from warifu.kernel.errors import LinkageError, Reason
from warifu.simulator.cards import tray
from warifu.simulator.cards.pins import Pins


async def outcome(pins: Pins, pin: str, person: str = HANA.person) -> str:
    """Returns "ok", or the reason with what is left."""
    try:
        await pins.check(person, pin)
    except LinkageError as error:
        return f"{error.reason}{error.metadata.get('left', '')}"
    return "ok"


async def test_three_wrong_pins_lock(lab: Lab) -> None:
    """After two warnings the third wrong PIN locks, and then the right one does not serve either."""
    pins = Pins(lab.people)
    assert [await outcome(pins, "0000") for _ in range(3)] == [
        "CLIENT_PIN_WRONG2",
        "CLIENT_PIN_WRONG1",
        "CLIENT_CARD_LOCKED",
    ]
    assert await outcome(pins, HANA.pin) == "CLIENT_CARD_LOCKED"
    assert tray.one(lab.people, HANA.person).locked


async def test_the_right_pin_gives_all_tries_back(lab: Lab) -> None:
    """Only wrong PINs in a row count."""
    pins = Pins(lab.people)
    for _ in range(4):
        assert await outcome(pins, "0000") == "CLIENT_PIN_WRONG2"
        assert await outcome(pins, "1111") == "CLIENT_PIN_WRONG1"
        assert await outcome(pins, HANA.pin) == "ok"


async def test_cards_are_locked_each_for_itself(lab: Lab) -> None:
    """Wrong PINs for one card take no try from another."""
    pins = Pins(lab.people)
    for _ in range(3):
        await outcome(pins, "0000")
    assert await outcome(pins, SORA.pin, SORA.person) == "ok"


@pytest.mark.parametrize(
    "pin", ["", "427", "42733", "４２７３", "4２73", "42a3", " 4273", "4273\n", "٤٢٧٣", "-273", "4.73", "x" * 10_000]
)
async def test_what_is_no_pin_uses_no_try(lab: Lab, pin: str) -> None:
    """Full-width digits, other scripts and wrong lengths are refused by form and leave all tries."""
    pins = Pins(lab.people)
    for _ in range(4):
        assert await outcome(pins, pin) == "CLIENT_MALFORMED"
    assert await outcome(pins, "0000") == "CLIENT_PIN_WRONG2"


@settings(suppress_health_check=[HealthCheck.function_scoped_fixture], max_examples=50)
@given(st.text(max_size=6))
async def test_only_four_ascii_digits_are_looked_at(lab: Lab, pin: str) -> None:
    """Any other text is refused by form."""
    if len(pin) == 4 and pin.isascii() and pin.isdigit():
        return
    assert await outcome(Pins(lab.people), pin) == "CLIENT_MALFORMED"


async def test_tries_at_once_are_counted_one_by_one(lab: Lab) -> None:
    """Of forty wrong PINs sent at the same moment exactly three are looked at."""
    pins = Pins(lab.people)
    outcomes = await asyncio.gather(*(outcome(pins, f"{n:04}") for n in range(40)))
    assert sorted(outcomes)[-2:] == ["CLIENT_PIN_WRONG1", "CLIENT_PIN_WRONG2"]
    assert outcomes.count("CLIENT_CARD_LOCKED") == 38
    assert await outcome(pins, HANA.pin) == "CLIENT_CARD_LOCKED"


async def test_an_unknown_card_is_told_apart(lab: Lab) -> None:
    """A handle that is nobody's names the reason."""
    assert await outcome(Pins(lab.people), "0000", "p999999") == "CLIENT_CARD_UNKNOWN"


async def test_refilling_the_tray_unlocks_nothing(lab: Lab) -> None:
    """A person put on the tray again keeps the lock."""
    pins = Pins(lab.people)
    for _ in range(3):
        await outcome(pins, "0000")
    await tray.fill(lab.people, [HANA])
    assert await outcome(pins, HANA.pin) == "CLIENT_CARD_LOCKED"


KILLED = """
import asyncio, os, signal, sys
from pathlib import Path
from warifu.simulator.cards import pins, tray
class Dying:
    @staticmethod
    def compare_digest(one, other):
        os.kill(os.getpid(), signal.SIGKILL)
pins.hmac = Dying
asyncio.run(pins.Pins(tray.open_store(Path(sys.argv[1]))).check(sys.argv[2], sys.argv[3]))
"""


async def test_a_killed_process_gives_no_try_back(tmp_path: Path) -> None:
    """A process killed before it compares, three times, has used three tries; a restart finds the card locked."""
    store = tray.open_store(tmp_path)
    await tray.fill(store, [HANA])
    store.close()
    for _ in range(3):
        command = [sys.executable, "-c", KILLED, str(tmp_path), HANA.person, "0000"]
        process = await asyncio.create_subprocess_exec(*command, stderr=subprocess.DEVNULL, env=dict(os.environ))
        assert await process.wait() == -signal.SIGKILL
    store = tray.open_store(tmp_path)
    assert await outcome(Pins(store), HANA.pin) == str(Reason.CLIENT_CARD_LOCKED)
    store.close()
