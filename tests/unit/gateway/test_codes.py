"""Codes: what a code proves, what it hides, and that nothing but the code package knows its form."""

import stat

import pytest
from cryptography.exceptions import InvalidTag
from cryptography.hazmat.primitives.ciphers.aead import AESSIV
from cryptography.hazmat.primitives.hashes import SHA512
from cryptography.hazmat.primitives.kdf.hkdf import HKDF
from hypothesis import given
from hypothesis import strategies as st
from unit.gateway.samples import SECRET, resident_code, scheme

from warifu.exchange.v1.exchange_pb2 import SubjectReference
from warifu.gateway.codes import CodeUnknownError, Epochs, token_secret

A, B, PORTAL = "nhi-480029", "tax-480011", "portal-main"
people = st.integers(0, 10**8 - 1).map(resident_code)
institutions = st.from_regex(r"[a-z]{1,8}-[0-9]{6}", fullmatch=True)


def test_a_code_is_epoch_and_siv_of_the_master_under_the_institutions_key():
    """The code's bytes equal RFC 5297 encryption of the HMAC of the resident code, computed here by hand."""
    import hashlib
    import hmac

    tag = b"warifu/code/siv/v1\0"

    def key(use, size):
        return HKDF(SHA512(), size, salt=None, info=tag + use).derive(SECRET)

    code = scheme().derive(resident_code(5), B).code
    master = hmac.new(key(b"master", 32), tag + resident_code(5).encode(), hashlib.sha256).digest()[:16]
    siv = AESSIV(key(b"institution\0" + (10).to_bytes(2, "big") + B.encode() + b"\x01", 64))
    assert code == b"\x01" + siv.encrypt(master, [tag, B.encode(), b"\x01"])
    assert len(code) == 33


@given(people, institutions, institutions)
def test_conversion_gives_the_code_that_enrolment_gave(person, one, other):
    """A's code of a person becomes exactly the code that B got for the same person, and back."""
    codes = scheme()
    mine, theirs = codes.derive(person, one), codes.derive(person, other)
    assert codes.open(mine, one).seen_by(other) == theirs
    assert codes.open(theirs, other).seen_by(one) == mine


@given(people, people, institutions)
def test_two_persons_have_two_codes_and_one_person_one(one, other, institution):
    """Equal resident codes give equal codes, in another process too; different ones never."""
    assert (scheme().derive(one, institution) == scheme().derive(other, institution)) is (one == other)


@given(people, institutions, institutions)
def test_a_foreign_code_is_unknown(person, one, other):
    """A code of another institution is refused like one that was invented."""
    codes = scheme()
    if one != other:
        with pytest.raises(CodeUnknownError):
            codes.open(codes.derive(person, one), other)


@given(people, st.integers(0, 33 * 8 - 1))
def test_a_code_with_one_bit_flipped_is_unknown(person, bit):
    """Every single flipped bit, the epoch's included, makes a code unknown."""
    codes = scheme()
    code = bytearray(codes.derive(person, A).code)
    code[bit // 8] ^= 1 << bit % 8
    with pytest.raises(CodeUnknownError):
        codes.open(SubjectReference(code=bytes(code)), A)


@given(st.binary(max_size=80))
def test_an_invented_code_is_unknown(invented):
    """Bytes of any length that nobody issued are refused."""
    with pytest.raises(CodeUnknownError):
        scheme().open(SubjectReference(code=invented), A)
    with pytest.raises(CodeUnknownError):
        scheme().open(SubjectReference(code=b"\x01" + invented), A)


def test_all_unknown_codes_get_the_same_text():
    """Nobody can tell a foreign code from an altered, an invented or a missing one by the error."""
    codes = scheme()
    foreign = codes.derive(resident_code(1), B)
    altered = SubjectReference(code=codes.derive(resident_code(1), A).code[:-1] + b"\0")
    texts = set()
    for subject in (foreign, altered, SubjectReference(code=b"?" * 33), SubjectReference()):
        with pytest.raises(CodeUnknownError) as refused:
            codes.open(subject, A)
        texts.add(str(refused.value))
    assert len(texts) == 1


def test_codes_of_a_thousand_people_at_two_institutions_share_nothing_but_the_epoch():
    """No two of 2,000 codes share a 4-byte piece beyond what chance gives in random bytes, which is none at 8 bytes."""
    codes = scheme()
    mine = {codes.derive(resident_code(i), A).code for i in range(1000)}
    theirs = {codes.derive(resident_code(i), B).code for i in range(1000)}
    assert len(mine) == len(theirs) == 1000
    pieces = [{code[i : i + 8] for code in side for i in range(1, 26)} for side in (mine, theirs)]
    assert not pieces[0] & pieces[1]
    assert {code[0] for code in mine | theirs} == {1}


def test_another_secret_knows_no_code():
    """A gateway with another secret refuses every code of this one."""
    with pytest.raises(CodeUnknownError):
        scheme(secret=bytes(32)).open(scheme().derive(resident_code(1), A), A)


def test_new_codes_come_under_the_newest_epoch_and_old_ones_still_serve():
    """After a rotation both epochs' codes mean the same person, and conversion gives the newest."""
    before, after = scheme(1), scheme(1, 2)
    old, new = before.derive(resident_code(1), A), after.derive(resident_code(1), A)
    assert (old.code[0], new.code[0]) == (1, 2)
    assert old.code[1:] != new.code[1:]
    assert after.open(old, A).seen_by(B) == after.open(new, A).seen_by(B) == after.derive(resident_code(1), B)
    assert after.open(old, A).seen_by(A) == new


def test_a_lagging_institution_keeps_getting_codes_of_its_epoch():
    """While an institution has not renewed its codes, conversion gives it the codes that it holds."""
    before, after = scheme(1), scheme(1, 2, **{B: 1})
    held = before.derive(resident_code(1), B)
    assert after.open(after.derive(resident_code(1), A), A).seen_by(B) == held
    assert after.derive(resident_code(2), B).code[0] == 1


def test_a_code_of_a_retired_epoch_is_unknown():
    """Once an epoch is no longer accepted its codes are refused."""
    with pytest.raises(CodeUnknownError):
        scheme(2).open(scheme(1).derive(resident_code(1), A), A)


def test_an_epoch_byte_cannot_be_exchanged():
    """A code of epoch 1 with the byte of epoch 2 in front is refused: the epoch is sealed in as well."""
    codes = scheme(1, 2, **{A: 1})
    code = codes.derive(resident_code(1), A).code
    with pytest.raises(CodeUnknownError):
        codes.open(SubjectReference(code=b"\x02" + code[1:]), A)


@given(people, institutions)
def test_a_mark_is_found_again_from_every_code_and_gives_codes_back(person, institution):
    """The mark of a resident code equals that of each code made from it, and names that institution's codes of all epochs."""
    codes = scheme(1, 2)
    mark = codes.mark(person)
    assert codes.open(codes.derive(person, institution), institution).mark() == mark
    assert codes.behind(mark, institution) == tuple(scheme(e).derive(person, institution) for e in (1, 2))


def test_a_mark_tells_nothing_without_the_keys():
    """Another secret cannot even open a mark."""
    with pytest.raises(InvalidTag):
        scheme(secret=bytes(32)).behind(scheme().mark(resident_code(1)), A)


def test_a_subject_prints_nothing_of_itself():
    """What may reach a log by accident says neither master nor code."""
    assert repr(scheme().open(scheme().derive(resident_code(1), A), A)) == "SivSubject()"


@pytest.mark.parametrize(("accepted", "lagging"), [((), {}), ((0,), {}), ((256,), {}), ((1,), {A: 2})])
def test_impossible_epochs_are_refused(accepted, lagging):
    """Epochs that no code could carry, or lagging at one that is not accepted, stop the gateway."""
    with pytest.raises(ValueError, match=r"epochs|accepted"):
        Epochs(accepted, lagging)


def test_epochs_are_read_from_the_folder(tmp_path):
    """Without a file there is epoch 1; with one, what it says."""
    assert Epochs.load(tmp_path) == Epochs((1,))
    (tmp_path / "epochs.json").write_text('{"accepted": [1, 2], "lagging": {"tax-480011": 1}}')
    assert Epochs.load(tmp_path).of("tax-480011") == 1
    assert Epochs.load(tmp_path).of("nhi-480029") == 2


def test_the_secret_of_a_simulation_follows_its_seed(tmp_path):
    """Equal seeds give equal secrets and leave no file; another seed gives another."""
    assert token_secret(tmp_path, 7) == token_secret(tmp_path / "elsewhere", 7) != token_secret(tmp_path, 8)
    assert not list(tmp_path.iterdir())


def test_outside_a_simulation_the_secret_is_random_kept_and_private(tmp_path):
    """A new folder gets a random secret, readable by its owner alone, and keeps it."""
    first = token_secret(tmp_path / "a", None)
    assert token_secret(tmp_path / "a", None) == first != token_secret(tmp_path / "b", None)
    assert stat.S_IMODE((tmp_path / "a" / "token.key").stat().st_mode) == 0o600


def test_a_damaged_secret_is_never_replaced(tmp_path):
    """A secret of a wrong length stops the gateway: a new one would make every code ever issued unknown."""
    (tmp_path / "token.key").write_bytes(b"short")
    with pytest.raises(ValueError, match="damaged"):
        token_secret(tmp_path, None)
    assert (tmp_path / "token.key").read_bytes() == b"short"
