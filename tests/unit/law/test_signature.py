"""Only what the root of trust signed is read."""

import hashlib
from pathlib import Path

import pytest
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.hazmat.primitives.hashes import SHA256
from hypothesis import given
from hypothesis import strategies as st

from warifu.law import (
    LAW_FILES,
    SIGNATURE_FILE,
    LawSignatureError,
    bytes_to_sign,
    load,
    packaged,
    packaged_files,
    write,
)

ROOT_KEY = ec.generate_private_key(ec.SECP256R1())


def _sign(files: dict[str, bytes], key: ec.EllipticCurvePrivateKey = ROOT_KEY) -> bytes:
    return key.sign(bytes_to_sign(files), ec.ECDSA(SHA256()))


@pytest.fixture
def signed(tmp_path: Path) -> Path:
    """A folder with the shipped law book, signed."""
    files = packaged_files()
    write(tmp_path / "law", files, _sign(files))
    return tmp_path / "law"


def test_a_signed_law_book_is_loaded_as_shipped(signed: Path) -> None:
    """The signed copy has the version and content of the packaged one."""
    assert load(signed, ROOT_KEY.public_key()) == packaged()


@pytest.mark.parametrize("file", LAW_FILES)
def test_a_change_of_one_byte_in_any_file_is_refused(signed: Path, file: str) -> None:
    """Even a change that leaves valid TOML is refused, before anything is read."""
    path = signed / file
    path.write_bytes(path.read_bytes() + b"\n")

    with pytest.raises(LawSignatureError, match="does not belong"):
        load(signed, ROOT_KEY.public_key())


@pytest.mark.parametrize("file", [*LAW_FILES, SIGNATURE_FILE])
def test_a_law_book_that_is_not_whole_is_refused(signed: Path, file: str) -> None:
    """A missing file or signature is refused with its name."""
    (signed / file).unlink()

    with pytest.raises(LawSignatureError, match=file):
        load(signed, ROOT_KEY.public_key())


def test_files_exchanged_for_each_other_are_refused(signed: Path) -> None:
    """The signature binds each content to its name."""
    one, other = signed / LAW_FILES[0], signed / LAW_FILES[1]
    contents = one.read_bytes(), other.read_bytes()
    other.write_bytes(contents[0])
    one.write_bytes(contents[1])

    with pytest.raises(LawSignatureError, match="does not belong"):
        load(signed, ROOT_KEY.public_key())


def test_another_key_is_refused(signed: Path) -> None:
    """A signature counts under the root's own key alone, and only under one of P-256."""
    for key, message in (
        (ec.generate_private_key(ec.SECP256R1()), "does not belong"),
        (ec.generate_private_key(ec.SECP384R1()), "P-256"),
    ):
        with pytest.raises(LawSignatureError, match=message):
            load(signed, key.public_key())


@pytest.mark.parametrize("signature", [b"", b"\0" * 70, b"\x30\x06\x02\x01\x01\x02\x01\x01"])
def test_a_broken_signature_is_refused(signed: Path, signature: bytes) -> None:
    """Bytes that are no signature are refused like a wrong one."""
    (signed / SIGNATURE_FILE).write_bytes(signature)

    with pytest.raises(LawSignatureError):
        load(signed, ROOT_KEY.public_key())


def test_a_signature_without_the_domain_is_refused(signed: Path) -> None:
    """A signature over the bare digest, such as another protocol might make, does not count."""
    digest = bytes_to_sign(packaged_files()).removeprefix(b"warifu/table/v1\0")
    (signed / SIGNATURE_FILE).write_bytes(ROOT_KEY.sign(digest, ec.ECDSA(SHA256())))

    with pytest.raises(LawSignatureError, match="does not belong"):
        load(signed, ROOT_KEY.public_key())


def test_the_signed_bytes_are_the_stated_ones() -> None:
    """The form of docs: domain, then SHA-256 over length and bytes of each name and content in the order of names."""
    parts = [b"a.toml", b"1", b"b.toml", b"22"]
    expected = hashlib.sha256(b"".join(len(part).to_bytes(8, "big") + part for part in parts)).digest()

    assert bytes_to_sign({"b.toml": b"22", "a.toml": b"1"}) == b"warifu/table/v1\0" + expected


FILES = st.dictionaries(st.text(max_size=5), st.binary(max_size=8), max_size=4)


@given(FILES, FILES)
def test_different_files_never_give_the_same_bytes_to_sign(one: dict[str, bytes], other: dict[str, bytes]) -> None:
    """Names and contents cannot run into each other: equal bytes mean equal files."""
    assert (bytes_to_sign(one) == bytes_to_sign(other)) == (one == other)


def test_the_version_changes_with_any_byte_of_any_file() -> None:
    """Two parties with the same version hold the same files."""
    from warifu.law import read_book

    files = packaged_files()
    changed = {file: files | {file: files[file] + b"# \n"} for file in LAW_FILES}

    versions = {read_book(one).version for one in changed.values()} | {packaged().version}

    assert len(versions) == len(LAW_FILES) + 1
    assert {version.split("+")[0] for version in versions} == {"2026.2"}


def test_a_torn_write_leaves_nothing_that_loads(signed: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """When writing stops midway, the old signature is gone and the folder is refused."""
    real = Path.write_bytes

    def failing(self: Path, data: bytes) -> int:
        if self.name == LAW_FILES[2]:
            raise OSError(28, "No space left on device")
        return real(self, data)

    monkeypatch.setattr(Path, "write_bytes", failing)
    files = packaged_files()
    with pytest.raises(OSError, match="No space"):
        write(signed, files, _sign(files))

    with pytest.raises(LawSignatureError, match=SIGNATURE_FILE):
        load(signed, ROOT_KEY.public_key())
