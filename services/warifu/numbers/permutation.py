"""A keyed permutation of the numbers 0 .. 10^n - 1: random-looking, without collisions, without a table.

The number is split into its upper ``u`` and lower ``v`` decimal digits, and ten rounds add a keyed function of one half
to the other, modulo that half's size, the halves taking turns. Each round can be undone by subtracting the same
value, so every round, and with it the whole, is a bijection *whatever the round function is*: two different inputs
cannot meet. This is the shape of FF1 (NIST SP 800-38G, ten rounds, decimal radix); the round function here is
HMAC-SHA256 rather than AES-CBC-MAC, so the outputs are not those of FF1.

SP 800-38G rev. 1 asks for a domain of at least 10^6, which the callers in this package keep; smaller ones are
accepted because an exhaustive test needs them.
"""

from hashlib import sha256
from hmac import digest

_ROUNDS = 10
_KEPT = 100_000
"""Rounds that are remembered: all, up to eight digits."""
_SHORTEST_KEY = 16


class DecimalPermutation:
    """The permutation of 0 .. 10^digits - 1 that belongs to ``key`` and ``label``.

    ``label`` separates uses of one key: permutations with different labels are unrelated.
    """

    __slots__ = ("_key", "_lower", "_rounds", "_upper", "size")

    size: int
    """How many numbers are permuted."""
    _key: bytes
    _upper: int
    _lower: int
    _rounds: dict[int, int]
    """Rounds that were computed before: a few ten thousand at most, since there are only so many halves, and a million people share them."""

    def __init__(self, key: bytes, label: str, digits: int) -> None:
        """``key`` is at least 16 bytes, ``digits`` at least 2; anything else is a ``ValueError``."""
        if len(key) < _SHORTEST_KEY:
            raise ValueError(f"a permutation key has at least {_SHORTEST_KEY} bytes")
        if digits < 2:  # noqa: PLR2004 - two halves of one digit each
            raise ValueError("a permutation needs at least two digits")
        self._key = digest(key, f"warifu permutation v1|{digits}|{label}".encode(), sha256)
        self._upper = 10 ** (digits // 2)
        self._lower = 10 ** (digits - digits // 2)
        self.size = 10**digits
        self._rounds = {}

    def forward(self, value: int) -> int:
        """Where ``value`` goes. ``ValueError`` outside 0 .. size - 1."""
        upper, lower = self._split(value)
        for turn in range(0, _ROUNDS, 2):
            upper = (upper + self._round(turn, lower)) % self._upper
            lower = (lower + self._round(turn + 1, upper)) % self._lower
        return upper * self._lower + lower

    def backward(self, value: int) -> int:
        """What ``forward`` sends to ``value``."""
        upper, lower = self._split(value)
        for turn in reversed(range(0, _ROUNDS, 2)):
            lower = (lower - self._round(turn + 1, upper)) % self._lower
            upper = (upper - self._round(turn, lower)) % self._upper
        return upper * self._lower + lower

    def _split(self, value: int) -> tuple[int, int]:
        if not 0 <= value < self.size:
            raise ValueError("the value lies outside the permutation's domain")
        return divmod(value, self._lower)

    def _round(self, turn: int, half: int) -> int:
        place = half * _ROUNDS + turn
        found = self._rounds.get(place)
        if found is None:
            # 128 bits reduced modulo at most 10^5: the bias is below 2^-100.
            found = int.from_bytes(digest(self._key, turn.to_bytes(1) + half.to_bytes(8), sha256)[:16])
            found %= self._lower if turn % 2 else self._upper
            if len(self._rounds) < _KEPT:
                self._rounds[place] = found
        return found
