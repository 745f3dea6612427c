"""Month keys: what they seal opens while they are there, and never after; nothing else opens it."""

import json
import threading

import pytest
from hypothesis import given
from hypothesis import strategies as st

from warifu.kernel import months, vault
from warifu.kernel.vault import ErasedError, Vault, VaultError

APRIL = 2026 * 12 + 3


@pytest.fixture
def path(tmp_path):
    """Where the key file will be."""
    return tmp_path / "secrets" / "gateway.months.json"


def test_what_is_sealed_opens_again_also_after_a_restart(path):
    """A month's content opens with the keys read anew from the file."""
    sealed = Vault.open(path, APRIL).seal(APRIL + 5, b"content", b"record 1")
    assert b"content" not in sealed
    assert Vault.open(path, APRIL + 99).unseal(APRIL + 5, sealed, b"record 1") == b"content"


def test_a_destroyed_month_opens_for_nobody(path):
    """After forgetting, neither the running process nor one that reads the file opens it; later months do."""
    vault = Vault.open(path, APRIL)
    old, kept = vault.seal(APRIL, b"old", b""), vault.seal(APRIL + 1, b"kept", b"")
    assert vault.forget_before(APRIL + 1)
    for keys in (vault, Vault.open(path, APRIL)):
        with pytest.raises(ErasedError, match="2026-04"):
            keys.unseal(APRIL, old, b"")
        with pytest.raises(ErasedError):
            keys.seal(APRIL, b"late", b"")
        with pytest.raises(ErasedError):
            keys.tag(APRIL, "tax-480011")
        with pytest.raises(ErasedError):
            keys.tags([APRIL + 1, APRIL], "tax-480011")
        with pytest.raises(ErasedError):
            keys.unseal_all([(APRIL + 1, kept, b""), (APRIL, old, b"")])
        assert keys.unseal(APRIL + 1, kept, b"") == b"kept"
        assert keys.unseal_all([(APRIL + 1, kept, b"")]) == [b"kept"]
        with pytest.raises(VaultError):
            keys.unseal_all([(APRIL + 1, kept, b""), (APRIL + 1, kept, b"another")])
        assert keys.tags([APRIL + 2, APRIL + 1], "x") == [keys.tag(APRIL + 2, "x"), keys.tag(APRIL + 1, "x")]


def test_an_older_copy_of_the_database_is_useless_without_the_old_key_file(path):
    """No key in the new file leads back: every key that it gives fails on what an erased month sealed."""
    vault = Vault.open(path, APRIL)
    old = vault.seal(APRIL, b"old", b"")
    vault.forget_before(APRIL + 3)
    later = Vault.open(path, APRIL)
    for month in range(APRIL + 3, APRIL + 90):
        with pytest.raises(VaultError):
            later.unseal(month, old, b"")


def test_the_old_link_is_nowhere_in_the_folder(path):
    """After forgetting, no file beside the keys holds the link that was destroyed."""
    vault = Vault.open(path, APRIL)
    link = json.loads(path.read_text())["link"]
    vault.forget_before(APRIL + 1)
    assert all(link not in found.read_text() for found in path.parent.iterdir())


def test_forgetting_only_goes_forward(path):
    """An earlier month has no effect and says so."""
    vault = Vault.open(path, APRIL)
    assert not vault.forget_before(APRIL)
    assert not vault.forget_before(APRIL - 1)
    assert vault.first == APRIL


@pytest.mark.parametrize(("month", "context"), [(APRIL + 1, b"record 1"), (APRIL, b"record 2")])
def test_another_month_or_context_does_not_open(path, month, context):
    """What was moved to another row or month is refused."""
    vault = Vault.open(path, APRIL)
    sealed = vault.seal(APRIL, b"content", b"record 1")
    with pytest.raises(VaultError):
        vault.unseal(month, sealed, context)


@given(st.data())
def test_no_altered_byte_opens(data):
    """Any flipped bit, and any cut, is refused."""
    vault = Vault(None, APRIL, bytes(32))
    sealed = bytearray(vault.seal(APRIL, b"content", b""))
    if data.draw(st.booleans()):
        sealed[data.draw(st.integers(0, len(sealed) - 1))] ^= 1 << data.draw(st.integers(0, 7))
    else:
        del sealed[data.draw(st.integers(0, len(sealed) - 1)) :]
    with pytest.raises(VaultError):
        vault.unseal(APRIL, bytes(sealed), b"")


def test_tags_are_equal_within_a_month_alone(path):
    """The same value has one tag a month, another in the next, and none that a stranger could make."""
    vault = Vault.open(path, APRIL)
    assert vault.tag(APRIL, "tax") == Vault.open(path, APRIL).tag(APRIL, "tax")
    assert len({vault.tag(APRIL, "tax"), vault.tag(APRIL, "nhi"), vault.tag(APRIL + 1, "tax")}) == 3
    assert Vault(None, APRIL, bytes(32)).tag(APRIL, "tax") != vault.tag(APRIL, "tax")


def test_a_damaged_file_is_refused_and_left_alone(path):
    """A file that cannot be read is never replaced: that would lose everything."""
    Vault.open(path, APRIL)
    path.write_text('{"first": 1}')
    with pytest.raises(VaultError, match=r"gateway\.months\.json"):
        Vault.open(path, APRIL)
    assert path.read_text() == '{"first": 1}'
    assert path.stat().st_mode & 0o077 == 0


def test_months_read_as_people_write_them():
    """A month is a number that reads as ISO 8601 has it, by the calendar of Japan."""
    assert months.text(APRIL) == "2026-04"
    assert months.text(months.month_at(1_767_193_200_000 - 1)) == "2025-12"
    assert months.text(months.month_at(1_767_193_200_000)) == "2026-01"


def test_processes_that_share_a_file_forget_together(path):
    """Who forgets later than another takes up its link; the file never leads back, and both open the same."""
    one, other = Vault.open(path, APRIL), Vault.open(path, APRIL)
    sealed = one.seal(APRIL + 5, b"content", b"")
    assert one.forget_before(APRIL + 5)
    assert other.forget_before(APRIL + 3)
    assert other.first == APRIL + 5
    assert Vault.open(path, APRIL).first == APRIL + 5
    assert other.unseal(APRIL + 5, sealed, b"") == b"content"
    assert other.forget_before(APRIL + 7)
    assert one.forget_before(APRIL + 8)
    assert Vault.open(path, APRIL).seal(APRIL + 9, b"", b"")
    assert one.unseal(APRIL + 9, other.seal(APRIL + 9, b"later", b""), b"") == b"later"


def test_processes_that_begin_at_once_make_one_file(path, monkeypatch):
    """While one makes the keys, another waits and reads them."""
    begun = [threading.Thread(target=lambda: made.append(Vault.open(path, APRIL))) for _ in range(2)]
    made, write = [], vault._write

    def slow(*words):
        if not begun[1].is_alive():
            begun[1].start()
        write(*words)

    monkeypatch.setattr(vault, "_write", slow)
    begun[0].start()
    begun[0].join(20)
    begun[1].join(20)
    assert len(made) == 2
    assert made[0].unseal(APRIL, made[1].seal(APRIL, b"content", b""), b"") == b"content"
