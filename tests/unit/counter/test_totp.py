"""One-time passwords against the published test vectors and their own promises."""

from __future__ import annotations

from base64 import b32encode
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st
from pyotp import TOTP

from warifu.staff.totp import DRIFT, STEP, Codes, step_of

CODES = Codes(bytes(range(32)))
NOW = datetime(2026, 11, 22, 8, tzinfo=UTC)
VECTORS = [(59, "94287082"), (1111111109, "07081804"), (1234567890, "89005924"), (20000000000, "65353130")]
"""RFC 6238, appendix B, SHA-1."""


@pytest.mark.parametrize(("seconds", "code"), VECTORS)
def test_steps_are_those_of_the_rfc(seconds: int, code: str) -> None:
    """The step of a moment gives the code that RFC 6238 lists for it."""
    secret = b32encode(b"12345678901234567890").decode()
    at = datetime.fromtimestamp(seconds, tz=UTC)
    assert TOTP(secret, digits=8).generate_otp(step_of(at)) == code


@given(st.integers(-4, 4))
def test_a_code_is_accepted_within_one_step_of_its_own(steps: int) -> None:
    """Neighbouring steps accept it, others do not; the step that was accepted is the code's own."""
    code = CODES.shown("tax", "c-0001", now=NOW, after=0)
    assert code is not None
    found = CODES.accepted("tax", "c-0001", code, now=NOW + timedelta(seconds=STEP * steps), after=0)
    assert found == (step_of(NOW) if abs(steps) <= DRIFT else None)


def test_an_accepted_code_is_not_accepted_again() -> None:
    """After its step was used neither it nor an older one is accepted."""
    now, before = step_of(NOW), NOW - timedelta(seconds=STEP)
    code, older = (CODES.shown("tax", "c-0001", now=at, after=0) for at in (NOW, before))
    assert code is not None
    assert older is not None
    assert CODES.accepted("tax", "c-0001", code, now=NOW, after=now) is None
    assert CODES.accepted("tax", "c-0001", older, now=NOW, after=now) is None


@given(st.text(max_size=12))
def test_no_text_but_the_code_is_accepted(text: str) -> None:
    """Whatever is typed, only one of the three codes of now gets in."""
    good = {CODES.shown("tax", "c-0001", now=NOW + timedelta(seconds=STEP * n), after=0) for n in (-1, 0, 1)}
    accepted = CODES.accepted("tax", "c-0001", text, now=NOW, after=0)
    assert (accepted is not None) == ("".join(text.split()) in good)


def test_accounts_and_offices_have_secrets_of_their_own() -> None:
    """Another account, office or key has another secret of 160 bits."""
    secrets = {
        CODES.secret("tax", "c-0001"),
        CODES.secret("tax", "c-0002"),
        CODES.secret("nhi", "c-0001"),
        Codes(bytes(32)).secret("tax", "c-0001"),
    }
    assert len(secrets) == 4
    assert {len(secret) for secret in secrets} == {32}


def test_the_key_is_made_once_and_a_damaged_one_is_refused(tmp_path: Path) -> None:
    """It is random, readable by its owner alone, and the same at the next start."""
    path = tmp_path / "secrets" / "one-time.key"
    made = Codes.load_or_create(path)
    assert Codes.load_or_create(path) == made
    assert path.stat().st_mode & 0o777 == 0o600
    path.write_bytes(b"short")
    with pytest.raises(ValueError, match="not a key"):
        Codes.load_or_create(path)
